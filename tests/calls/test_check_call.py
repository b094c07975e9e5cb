"""Reports that never come: the provider is asked, at the agreed pace."""

from __future__ import annotations

from datetime import timedelta

import pytest

from obdtrack.calls import queries, search
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.polling.check import check_due, refresh
from obdtrack.calls.polling.poll import REPAIRED
from obdtrack.calls.search import CallFilter
from obdtrack.domain.submission import Failure
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services
from obdtrack.store import leases, models
from tests.conftest import Caller
from tests.factories import (
    MID,
    NOON,
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    call_request,
    log_row,
)


def the_call() -> models.Call:
    (call,) = search.newest(CallFilter(), 2)
    return call


def events() -> list[str]:
    call = the_call()
    return [f"{event.kind}/{event.source}" for event in queries.history([call.id])[call.id]]


def no_wait(seconds: float) -> None:
    assert seconds >= 0


def test_a_call_without_a_report_is_asked_for_at_its_time(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, services)
    assert the_call().next_check_at == NOON + timedelta(minutes=15)
    clock.forward(minutes=14)
    assert check_due(services, 10, no_wait) == 0
    clock.forward(minutes=2)
    provider.on_find = lambda **_: call_log(log_row())
    assert check_due(services, 10, no_wait) == 1
    call = the_call()
    assert (call.status, call.status_source, call.next_check_at) == ("completed", "poll", None)
    assert provider.asked == [{"provider_id": f"{MID}:1", "to": None, "on": None}]


def test_redials_move_the_first_question(services: Services) -> None:
    place_call(call_request(interval=30), None, services)
    assert the_call().next_check_at == NOON + timedelta(minutes=45)


def test_a_call_repaired_by_polling_is_counted(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, services)
    provider.on_find = lambda **_: call_log(log_row())
    clock.forward(minutes=16)
    check_due(services, 10, no_wait)
    assert leases.counters([REPAIRED]) == {REPAIRED: 1}


def test_what_a_poll_adds_to_a_reported_outcome_is_no_repair(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    caller.place()
    caller.report(start_at="2026-11-23 12:00:02", end_at="2026-11-23 12:00:20")
    provider.on_find = lambda **_: call_log(log_row(dtmf="12"))
    refresh(the_call(), services)
    assert events()[-1] == "report/poll"
    assert leases.counters([REPAIRED]) == {REPAIRED: 0}


def test_a_redial_whose_outcome_only_a_poll_brought_is_a_repair(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    caller.place(interval=5)
    caller.report(status="NOANSWER", start_at="2026-11-23 12:00:02", end_at=None)
    provider.on_find = lambda **_: call_log(log_row(start_at="2026-11-23 12:05:02"))
    refresh(the_call(), services)
    assert the_call().status == "completed"
    assert leases.counters([REPAIRED]) == {REPAIRED: 1}


def test_nothing_new_is_on_the_timeline_and_asked_again_later(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    place_call(call_request(), None, services)
    queued = log_row(status="queued", start_at=None, end_at=None)
    provider.on_find = lambda **_: call_log(queued)
    clock.forward(minutes=16)
    check_due(services, 10, no_wait)
    assert events() == ["submission/api", "response/api", "check/poll"]
    assert the_call().next_check_at == NOON + timedelta(hours=1)


def test_past_the_last_check_the_call_is_unresolved_and_a_late_report_revives_it(
    caller: Caller, services: Services, clock: Clock
) -> None:
    caller.place()
    clock.forward(days=2)
    check_due(services, 10, no_wait)
    assert (the_call().status, the_call().reason) == ("unresolved", "no-report")
    assert the_call().next_check_at is None
    caller.report()
    assert the_call().status == "completed"


def test_the_same_fact_by_both_ways_is_one_fact(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    caller.place()
    caller.report(start_at="2026-11-23 12:00:02", end_at="2026-11-23 12:00:20")
    provider.on_find = lambda **_: call_log(log_row())
    refresh(the_call(), services)
    assert events() == ["submission/api", "response/api", "report/webhook", "check/poll"]
    call = the_call()
    assert queries.history([call.id])[call.id][2].times_seen == 2


def test_after_a_final_report_nothing_is_asked(caller: Caller) -> None:
    caller.place()
    caller.report()
    assert the_call().next_check_at is None


def test_while_redials_may_follow_an_unanswered_call_is_still_asked_for(caller: Caller) -> None:
    caller.place(interval=5)
    caller.report(status="NOANSWER")
    assert the_call().next_check_at is not None


def test_questions_keep_the_pace(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    for _ in range(5):
        place_call(call_request(), None, services)
    clock.forward(minutes=16)
    waits: list[float] = []
    check_due(services, 10, waits.append)
    assert waits == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_two_processes_do_not_ask_about_one_call(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    def meanwhile(**_: object) -> StatusResponse:
        taken.append(check_due(services, 10, no_wait))
        return StatusResponse(Failure.TIMEOUT)

    taken: list[int] = []
    place_call(call_request(), None, services)
    provider.on_find = meanwhile
    clock.forward(minutes=16)
    check_due(services, 10, no_wait)
    assert taken == [0]
