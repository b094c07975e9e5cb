"""Unknown, then known: by evidence."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from obdtrack.calls import search
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.polling.poll import REPAIRED
from obdtrack.calls.search import CallFilter
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from obdtrack.store import leases, models
from tests.conftest import Caller
from tests.factories import MID, NOON, NUMBER, Clock, ScriptedProvider, call_log, log_row


@pytest.fixture
def unknown(caller: Caller, provider: ScriptedProvider) -> dict[str, Any]:
    """A call whose answer never came."""
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call: dict[str, Any] = caller.place(variables={"otp": "1"}).json
    return call


def look(services: Services, clock: Clock) -> models.Call:
    clock.forward(seconds=40)
    check_due(services, 10, lambda _: None)
    (call,) = search.newest(CallFilter(), 2)
    return call


def last_event(caller: Caller, call: dict[str, Any]) -> Any:
    return caller.get(f"/calls/{call['id']}/events").json["data"][-1]


def test_an_unknown_call_is_looked_for_by_number_and_day(
    unknown: dict[str, Any], services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    look(services, clock)
    assert provider.asked == [{"provider_id": None, "to": NUMBER, "on": date(2026, 11, 23)}]
    assert len(provider.sent) == 1


def test_around_midnight_both_days_are_asked_for(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    clock.now = NOON.replace(hour=23, minute=55)
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    caller.place()
    look(services, clock)
    assert [q["on"].day for q in provider.asked] == [23, 24]


def test_exactly_one_plausible_call_is_attached_with_its_evidence(
    unknown: dict[str, Any],
    caller: Caller,
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
) -> None:
    provider.on_find = lambda **_: call_log(log_row())
    call = look(services, clock)
    assert (call.provider_id, call.status) == (f"{MID}:1", "completed")
    events = caller.get(f"/calls/{unknown['id']}/events").json["data"]
    evidence = next(event for event in events if event["kind"] == "resolution")
    assert evidence["source"] == "poll"
    assert evidence["detail"]["created_after"] == "2026-11-23T11:59:50Z"
    assert leases.counters([REPAIRED]) == {REPAIRED: 1}


def test_a_call_that_was_only_found_is_not_repaired_yet(
    unknown: dict[str, Any], services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_find = lambda **_: call_log(log_row(status="queued", start_at=None, end_at=None))
    assert look(services, clock).status == "queued"
    assert leases.counters([REPAIRED]) == {REPAIRED: 0}


@pytest.mark.parametrize(
    "change",
    [
        {"to": "918867135002"},
        {"from": "918068289999"},
        {"created_at": "2026-11-23 11:30:00"},
        {"created_at": "2026-11-23 13:30:00"},
        {"created_at": None, "start_at": None, "end_at": None},
    ],
)
def test_an_implausible_call_is_not_attached(
    unknown: dict[str, Any],
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
    change: dict[str, Any],
) -> None:
    provider.on_find = lambda **_: call_log(log_row(**change))
    call = look(services, clock)
    assert (call.provider_id, call.status) == (None, "unknown")


def test_several_candidates_stay_for_a_person_and_are_shown(
    unknown: dict[str, Any],
    caller: Caller,
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
) -> None:
    provider.on_find = lambda **_: call_log(log_row(), log_row(id="other:1"))
    assert look(services, clock).status == "unknown"
    shown = last_event(caller, unknown)["detail"]["candidates"]
    assert [candidate["provider_id"] for candidate in shown] == [f"{MID}:1", "other:1"]


def test_a_call_that_is_already_ours_is_no_candidate(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    caller.place()
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = caller.place().json
    provider.on_find = lambda **_: call_log(log_row())
    clock.forward(seconds=40)
    check_due(services, 10, lambda _: None)
    assert caller.get(f"/calls/{unknown['id']}").json["status"] == "unknown"


def test_two_unknown_calls_to_one_number_are_left_to_a_person(
    unknown: dict[str, Any],
    caller: Caller,
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
) -> None:
    caller.place()
    provider.on_find = lambda **_: call_log(log_row())
    clock.forward(seconds=40)
    check_due(services, 10, lambda _: None)
    assert {call.status for call in search.newest(CallFilter(), 3)} == {"unknown"}


def test_pauses_grow(
    unknown: dict[str, Any], services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    assert look(services, clock).next_check_at == NOON + timedelta(minutes=2)
    clock.forward(minutes=2)
    check_due(services, 10, lambda _: None)
    (call,) = search.newest(CallFilter(), 2)
    assert call.next_check_at == NOON + timedelta(minutes=10)


def test_reports_that_waited_join_the_call_that_was_found(
    unknown: dict[str, Any],
    caller: Caller,
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
) -> None:
    caller.report()
    provider.on_find = lambda **_: call_log(log_row(status="queued", start_at=None, end_at=None))
    assert look(services, clock).status == "completed"
    assert caller.only_delivery()["outcome"] == "matched"
