"""The provider does not answer, or wants fewer questions: nothing is guessed, nothing endless."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from obdtrack.calls import queries, responses
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.polling.check import check_due
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from obdtrack.store import leases
from tests.calls.test_check_call import no_wait, the_call
from tests.conftest import Caller
from tests.factories import (
    NOON,
    PROVIDER,
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    call_request,
    log_row,
)


def test_a_provider_that_is_down_leaves_the_call_due(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, services)
    provider.on_find = lambda **_: StatusResponse(Failure.TIMEOUT)
    clock.forward(hours=23)
    check_due(services, 10, no_wait)
    assert the_call().status == "queued"
    assert the_call().next_check_at == clock.now + timedelta(minutes=10)


def test_past_the_last_check_a_provider_that_is_down_leaves_the_call_unresolved(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, services)
    provider.on_find = lambda **_: StatusResponse(Failure.PROVIDER_ERROR, http_status=500)
    clock.forward(days=2)
    check_due(services, 10, no_wait)
    call = the_call()
    assert (call.status, call.reason, call.next_check_at) == ("unresolved", "provider-error", None)
    check, end = queries.history([call.id])[call.id][-2:]
    assert (check.kind, check.reason, end.kind) == ("check", "provider-error", "deadline")
    assert check.response_id == responses.of_call(call.id)[-1].id


def test_past_the_last_check_an_unanswered_redial_is_asked_for_no_more(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    caller.place(interval=5)
    caller.report(status="NOANSWER")
    provider.on_find = lambda **_: StatusResponse(Failure.TIMEOUT)
    clock.forward(days=2)
    check_due(services, 10, no_wait)
    assert (the_call().status, the_call().next_check_at) == ("no-answer", None)


@pytest.fixture
def unknown(provider: ScriptedProvider, clock: Clock, services: Services) -> None:
    """A call around midnight whose answer never came, and whose first check is due."""
    clock.now = NOON.replace(hour=23, minute=55)
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    place_call(call_request(), None, services)
    clock.forward(seconds=40)


@pytest.mark.usefixtures("unknown")
@pytest.mark.parametrize("unanswered", [23, 24])
def test_half_an_answer_is_no_evidence(
    services: Services, provider: ScriptedProvider, unanswered: int
) -> None:
    def response(on: date, **_: object) -> StatusResponse:
        found = call_log(log_row(created_at="2026-11-23 23:55:01"))
        return StatusResponse(Failure.TIMEOUT) if on.day == unanswered else found

    provider.on_find = response
    check_due(services, 10, no_wait)
    assert (the_call().status, the_call().provider_id) == ("unknown", None)


@pytest.mark.usefixtures("unknown")
def test_no_answer_is_no_evidence(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_find = lambda **_: StatusResponse(Failure.TIMEOUT)
    check_due(services, 10, no_wait)
    assert the_call().next_check_at == clock.now + timedelta(minutes=10)


@pytest.mark.usefixtures("unknown")
def test_past_the_last_pause_nobody_looks_for_an_unknown_call_any_more(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_find = lambda **_: StatusResponse(Failure.TIMEOUT)
    clock.forward(days=2)
    check_due(services, 10, no_wait)
    call = the_call()
    assert (call.status, call.next_check_at) == ("unknown", None)
    check = queries.history([call.id])[call.id][-1]
    assert (check.kind, check.reason) == ("check", "timeout")


def two_are_due_and_the_provider_wants_a_pause(
    seconds: int, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    for _ in range(2):
        place_call(call_request(), None, services)
    provider.on_find = lambda **_: StatusResponse(Failure.RATE_LIMITED, retry_after=seconds)
    clock.forward(minutes=16)


def test_too_fast_makes_everybody_wait_as_long_as_the_provider_wants(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    two_are_due_and_the_provider_wants_a_pause(30, services, provider, clock)
    waits: list[float] = []
    check_due(services, 10, waits.append)
    assert waits == pytest.approx([0, 30])


def test_nobody_sits_out_a_long_pause(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    two_are_due_and_the_provider_wants_a_pause(600, services, provider, clock)
    waits: list[float] = []
    assert (check_due(services, 10, waits.append), waits) == (1, [0])
    clock.forward(minutes=9)
    assert check_due(services, 10, waits.append) == 0
    clock.forward(minutes=2)
    assert check_due(services, 10, waits.append) == 1


def test_during_a_pause_calls_stay_due(services: Services, clock: Clock) -> None:
    place_call(call_request(), None, services)
    clock.forward(minutes=16)
    with services.store.write():
        leases.acquire_slot(f"polls:{PROVIDER}", timedelta(seconds=60), clock.now)
    assert check_due(services, 10, no_wait) == 0
    assert the_call().next_check_at == NOON + timedelta(minutes=15)


def test_no_pause_is_longer_than_a_quarter_of_an_hour(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, services)
    provider.on_find = lambda **_: StatusResponse(Failure.RATE_LIMITED, retry_after=999_999_999)
    clock.forward(minutes=16)
    check_due(services, 10, no_wait)
    assert leases.line_end(f"polls:{PROVIDER}", clock.now) == clock.now + timedelta(minutes=15)
