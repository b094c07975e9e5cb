"""What the provider says of a call is believed only where it can be of no other call."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from obdtrack.access.audit import operator
from obdtrack.access.keys import create_key
from obdtrack.calls import queries
from obdtrack.calls.polling import check, reconcile
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports import record
from obdtrack.domain import candidates
from obdtrack.domain.naming import OF_OTHER_NUMBER
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.privacy.erasure import erase
from obdtrack.providers.mobtexting.ids import UuidIds
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, NUMBER, Clock, ScriptedProvider, accepted, call_log, log_row

OTHER = "047d8cfc-77d1-4f6c-bfb5-e81f1a1343a7"
AUDIO = "3b69aca9-3b55-4e2d-bfe0-02b910dbe156"
ANOTHER_NUMBER = "918867135002"
SPELLINGS = [
    f"{OTHER}%3A1",
    f"{{{OTHER.upper()}}} : 01",
    OTHER.replace("-", ""),
]


def written(clock: Clock, **lengths: float) -> str:
    return (clock.now + timedelta(**lengths)).strftime("%Y-%m-%d %H:%M:%S")


def place_unknown(caller: Caller, provider: ScriptedProvider, **body: Any) -> Any:
    """A call whose response never came; nothing was placed."""
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    played = {} if "audio" in body else {"flow_id": "23"}
    return caller.post("/calls", {"to": NUMBER, **played, **body}).json


def look(services: Services, clock: Clock) -> None:
    clock.forward(minutes=3)
    check.check_due(services, 10, lambda _: None)


def shown(caller: Caller, call: Any) -> Any:
    return caller.get(f"/calls/{call['id']}").json


def doubts(caller: Caller, call: Any) -> list[str]:
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    return [one["doubt"] for one in events[-1]["detail"]["candidates"]]


def consistent(services: Services) -> bool:
    return not rebuild(services, check=True).different


def never_placed_and_another_system_calls(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> Any:
    lost = place_unknown(caller, provider)
    row = log_row(created_at=written(clock, seconds=90), start_at=written(clock, seconds=92))
    provider.on_find = lambda **_: call_log(row)
    look(services, clock)
    return lost


def test_another_systems_call_ninety_seconds_later_is_not_the_lost_one(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    lost = never_placed_and_another_system_calls(caller, services, provider, clock)
    assert shown(caller, lost)["status"] == "unknown"
    assert doubts(caller, lost) == ["it was made 75 s from the time of our request"]


def test_a_window_of_minutes_would_be_noticed(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    with patch.object(candidates, "LATE", timedelta(minutes=10)):
        lost = never_placed_and_another_system_calls(caller, services, provider, clock)
    assert shown(caller, lost)["status"] == "completed"


def test_a_request_is_under_way_no_longer_than_it_may_be_however_late_its_end_is_noted(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    """A server that died before it sent is found by the next one two minutes later."""
    lost = place_unknown(caller, provider)
    settled = clock.now + timedelta(minutes=2)
    models.Submission.update(settled_at=settled).execute()
    row = log_row(created_at=written(clock, seconds=90), start_at=None, end_at=None)
    provider.on_find = lambda **_: call_log(row)
    look(services, clock)
    assert shown(caller, lost)["provider_id"] is None


def our_own_later_call_is_in_the_log(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock, spelled: str
) -> Any:
    lost = place_unknown(caller, provider)
    clock.forward(seconds=10)
    provider.on_send = accepted(provider_id=f"{OTHER}:1")
    caller.place()
    row = log_row(id=spelled, created_at=written(clock), start_at=written(clock))
    provider.on_find = lambda provider_id, **_: call_log(*(() if provider_id else (row,)))
    look(services, clock)
    return lost


@pytest.mark.parametrize("spelled", [*SPELLINGS, f"call-{OTHER}-1", "1732363210.77"])
def test_our_own_later_call_is_not_the_lost_one_however_the_log_writes_its_id(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock, spelled: str
) -> None:
    lost = our_own_later_call_is_in_the_log(caller, services, provider, clock, spelled)
    assert shown(caller, lost)["status"] == "unknown"
    if spelled in SPELLINGS:
        assert doubts(caller, lost) == []


def test_comparing_ids_as_they_are_written_would_be_noticed(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    with (
        patch.object(UuidIds, "canonical", lambda _self, text: text),
        patch.object(reconcile.queries, "rivals", lambda *_: False),
    ):
        lost = our_own_later_call_is_in_the_log(caller, services, provider, clock, SPELLINGS[0])
    assert shown(caller, lost)["status"] == "completed"


def test_forgetting_our_other_calls_would_be_noticed(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    with patch.object(reconcile.queries, "rivals", lambda *_: False):
        lost = our_own_later_call_is_in_the_log(caller, services, provider, clock, "1732363210.77")
    assert shown(caller, lost)["status"] == "completed"


@pytest.mark.parametrize(
    ("asked", "told", "doubt"),
    [
        ({}, {"flow_id": "99"}, "it is of another flow"),
        ({"audio": AUDIO}, {"flow_id": "23"}, "it is of a flow"),
        ({"audio": AUDIO}, {"audio": OTHER}, "it is of another audio"),
        ({"name": "Diwali"}, {"name": "Holi"}, "it is of another campaign"),
        ({}, {"from": None}, "it does not say which number called"),
    ],
)
def test_a_call_that_was_asked_for_otherwise_is_left_to_a_person(
    caller: Caller,
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
    asked: dict[str, Any],
    told: dict[str, Any],
    doubt: str,
) -> None:
    lost = place_unknown(caller, provider, **asked)
    provider.on_find = lambda **_: call_log(log_row(**told))
    look(services, clock)
    assert shown(caller, lost)["status"] == "unknown"
    assert doubts(caller, lost) == [doubt]


def test_comparing_nothing_of_the_request_would_be_noticed(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    lost = place_unknown(caller, provider)
    provider.on_find = lambda **_: call_log(log_row(flow_id="99"))
    with patch.object(candidates, "_doubts_of_request", lambda *_: ()):
        look(services, clock)
    assert shown(caller, lost)["status"] == "completed"


def test_a_call_that_was_asked_for_as_ours_was_is_taken(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    lost = place_unknown(caller, provider, name="Diwali")
    row = log_row(flow_id="23", name="Diwali", audio="https://recordings.example/1.mp3")
    provider.on_find = lambda **_: call_log(row)
    look(services, clock)
    assert shown(caller, lost)["status"] == "completed"


def told(**named: Any) -> str:
    times = {"start_at": "2026-11-23 11:59:23", "end_at": "2026-11-23 11:59:39"}
    return json.dumps({"status": "ANSWER", **times, **named})


def by_report(caller: Caller, *_: Any) -> None:
    caller.deliver(told(id=f"{MID}:1", to=ANOTHER_NUMBER))
    caller.deliver(told(id=f"{MID}:1", to=ANOTHER_NUMBER))


def by_default_report(caller: Caller, *_: Any) -> None:
    caller.deliver(told(mid=MID, to=ANOTHER_NUMBER))


def by_poll(_caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock) -> None:
    provider.on_find = lambda **_: call_log(log_row(to=ANOTHER_NUMBER))
    clock.forward(minutes=20)
    check.check_due(services, 10, lambda _: None)
    clock.forward(hours=2)
    check.check_due(services, 10, lambda _: None)


@pytest.mark.parametrize("told_by", [by_report, by_default_report, by_poll])
def test_our_id_with_another_number_is_a_conflict_that_is_shown_and_not_believed(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    clock: Clock,
    told_by: Callable[..., None],
) -> None:
    call = caller.place().json
    told_by(caller, provider, services, clock)
    now = shown(caller, call)
    assert (now["status"], now["conflict"]) == ("queued", True)
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    (conflict,) = [event for event in events if event["kind"] == "conflict"]
    assert (conflict["reason"], conflict["detail"]["provider_status"]) == ("other-number", "ANSWER")
    assert conflict["detail"]["number"] == "+9188•••••002"
    for delivery in caller.get("/deliveries").json["data"]:
        assert (delivery["outcome"], delivery["call_id"]) == ("unmatched", call["id"])
        assert delivery["reason"] == OF_OTHER_NUMBER
    assert consistent(services)


def test_what_is_right_is_believed_after_it_and_the_conflict_stays_to_be_seen(
    caller: Caller, services: Services
) -> None:
    call = caller.place().json
    by_report(caller)
    caller.deliver(told(id=f"{MID}:1", to=NUMBER[1:], status="BUSY"))
    assert (shown(caller, call)["status"], shown(caller, call)["conflict"]) == ("busy", True)
    assert consistent(services)


@pytest.mark.parametrize(
    "named",
    [
        {"to": "918068280000", "from": NUMBER[1:]},
        {"to": NUMBER[1:]},
        {"to": "8867135001"},
        {"to": "91886713xxx2"},
        {},
    ],
)
def test_a_number_that_may_be_ours_is_no_conflict(caller: Caller, named: dict[str, str]) -> None:
    call = caller.place().json
    caller.deliver(told(id=f"{MID}:1", **named))
    assert (shown(caller, call)["status"], shown(caller, call)["conflict"]) == ("completed", False)


def test_of_an_erased_number_nothing_contradicts(caller: Caller, services: Services) -> None:
    call = caller.place().json
    erase(NUMBER, operator(), services)
    by_report(caller)
    assert shown(caller, call)["conflict"] is False


def test_believing_another_number_would_be_noticed(caller: Caller) -> None:
    call = caller.place().json
    with patch.object(record, "is_of_other_number", lambda *_: False):
        by_report(caller)
    assert (shown(caller, call)["status"], shown(caller, call)["conflict"]) == ("completed", False)


@pytest.mark.parametrize(
    ("first", "second"), [(f"{MID}:1", f"{MID}:1"), (f"{MID}:1", MID), (MID, f"{MID.upper()}:1")]
)
def test_one_id_given_to_two_calls_is_a_conflict_of_both(
    caller: Caller, provider: ScriptedProvider, services: Services, first: str, second: str
) -> None:
    provider.on_send = accepted(provider_id=first)
    one = caller.place().json
    provider.on_send = accepted(provider_id=second)
    two = caller.place(to="+918867135002").json
    assert [shown(caller, call)["conflict"] for call in (one, two)] == [True, True]
    assert (shown(caller, one)["status"], two["status"]) == ("queued", "unknown")
    assert (two["reason"], two["provider_id"]) == ("id-given-twice", None)
    caller.deliver(told(id=f"{MID}:1", to=ANOTHER_NUMBER))
    assert shown(caller, one)["status"] == "queued"
    assert consistent(services)


def test_two_calls_under_one_submissions_id_would_be_noticed(
    caller: Caller, provider: ScriptedProvider
) -> None:
    found: Callable[..., Any] = queries.bulk_sql.fetch

    def exactly(table: Any, columns: Any, key: str, names: Any, **how: Any) -> Any:
        return found(table, columns, "provider_id" if key == "mid" else key, names[:1], **how)

    provider.on_send = accepted(provider_id=f"{MID}:1")
    caller.place()
    provider.on_send = accepted(provider_id=MID)
    with patch("obdtrack.calls.writes.bulk_sql.fetch", exactly):
        assert caller.place(to="+918867135002").json["conflict"] is False


@pytest.mark.parametrize("spelled", [f" {MID}%3A1", f"{{{MID.upper()}}} : 1"])
def test_a_person_may_copy_the_id_from_a_link(
    caller: Caller, provider: ScriptedProvider, services: Services, spelled: str
) -> None:
    admin = Caller(caller.client, create_key("Asha", ["read", "admin"], services))
    lost = place_unknown(caller, provider)
    decision = {"action": "attach", "provider_id": spelled}
    now = admin.post(f"/calls/{lost['id']}/resolve", decision).json
    assert (now["status"], now["provider_id"]) == ("queued", f"{MID}:1")
    assert caller.get(f"/calls/{spelled.strip()}").json["id"] == lost["id"]
    caller.deliver(told(id=f"{MID}%3A1"))
    assert shown(caller, lost)["status"] == "completed"


@pytest.mark.parametrize(("given", "asked"), [(f"{MID}:1", MID), (MID, f"{MID.upper()}:1")])
def test_the_only_call_of_a_submission_is_shown_under_its_id_too(
    caller: Caller, provider: ScriptedProvider, given: str, asked: str
) -> None:
    provider.on_send = accepted(provider_id=given)
    call = caller.place().json
    assert caller.get(f"/calls/{asked}").json["id"] == call["id"]
    assert caller.get(f"/calls/{OTHER}").status_code == 404


def test_of_several_calls_of_a_submission_none_is_shown_for_it(
    caller: Caller, provider: ScriptedProvider
) -> None:
    for number in (1, 2):
        provider.on_send = accepted(provider_id=f"{MID}:{number}")
        caller.place(to=f"+91886713500{number}")
    assert caller.get(f"/calls/{MID}").status_code == 404
    assert caller.get(f"/calls/{MID}:3").status_code == 404
