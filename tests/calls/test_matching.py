"""A report finds its call however it names it, early or late, posted or asked for."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from obdtrack.access.audit import operator
from obdtrack.access.keys import create_key
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.replay import replay
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.privacy.erasure import erase
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, NUMBER, Clock, ScriptedProvider, accepted, call_log, log_row

SPELLINGS = [MID.upper(), MID.replace("-", ""), f"{{{MID}}}", f"urn:uuid:{MID}"]
NAMES: list[dict[str, Any]] = [
    {"mid": MID, "to": "8867135001"},
    {"mid": MID, "to": "08867135001"},
    {"mid": MID, "to": 8867135001},
    {"mid": MID, "to": "918867135001, 918867135002"},
    {"mid": MID, "to": "sip:918867135001@10.0.0.7"},
    {"mid": MID, "to": "tel:+91-88671-35001"},
    {"mid": MID, "to": "91886713xxxx"},
    {"mid": MID},
    {"id": MID},
    {"id": f"{MID}:1"},
    {"id": MID, "mid": "campaign-9"},
    {"message_id": f"{MID}:1"},
    {"mid": f"{MID}:1"},
    {"mid": f"{MID}:1", "to": "8867135001"},
    {"id": f"{MID.upper()}:1"},
    {"uuid": f"{MID.replace('-', '')}:1"},
    *({"mid": spelled} for spelled in SPELLINGS),
]


def told(**named: Any) -> str:
    """A report that names its call so, as JSON."""
    times = {"start_at": "2026-11-23 11:57:23", "end_at": "2026-11-23 11:57:39"}
    return json.dumps({"status": "BUSY", **times, **named})


def due(services: Services, clock: Clock) -> None:
    clock.forward(minutes=20)
    check_due(services, 10, lambda _: None)


def consistent(services: Services) -> bool:
    return not rebuild(services, check=True).different


@pytest.mark.parametrize("named", NAMES)
def test_a_report_that_names_its_call_finds_it(
    caller: Caller, services: Services, named: dict[str, Any]
) -> None:
    call = caller.place().json
    caller.deliver(told(**named))
    assert caller.get(f"/calls/{call['id']}").json["status"] == "busy"
    assert caller.only_delivery()["reason"] is None
    assert consistent(services)


@pytest.mark.parametrize("named", NAMES)
def test_one_that_comes_before_the_response_waits_for_its_call(
    caller: Caller, provider: ScriptedProvider, services: Services, named: dict[str, Any]
) -> None:
    caller.deliver(told(**named))
    assert caller.only_delivery()["outcome"] == "unmatched"
    assert caller.place().json["status"] == "busy"
    assert caller.only_delivery()["outcome"] == "matched"
    assert consistent(services)


@pytest.mark.parametrize("spelled", [*SPELLINGS, f"{MID.upper()}:1"])
def test_the_provider_may_spell_its_response_as_it_likes_and_is_asked_by_that(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock, spelled: str
) -> None:
    provider.on_send = accepted(provider_id=spelled)
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(id=spelled))
    due(services, clock)
    assert provider.asked == [{"provider_id": spelled, "to": None, "on": None}]
    assert caller.get(f"/calls/{call['id']}").json["status"] == "completed"
    caller.report()
    assert caller.get("/deliveries").json["data"][0]["outcome"] != "unmatched"
    assert consistent(services)


def test_what_the_log_said_is_read_anew_whatever_the_spelling_of_the_id(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    provider.on_send = accepted(provider_id=f"{MID.upper()}:1")
    caller.place()
    provider.on_find = lambda **_: call_log(log_row(id=MID))
    due(services, clock)
    event = models.EventRow
    event.update(detail={"provider_status": "BUSY"}).where(event.kind == "report").execute()
    assert not consistent(services)
    rebuild(services, check=False)
    assert caller.get(f"/calls/{MID}:1").json["provider_status"] == "ANSWER"
    assert consistent(services)


@pytest.mark.parametrize("to", [None, "8867135001", "918867135001"])
def test_the_call_of_an_erased_number_is_named_by_its_uuid(
    caller: Caller, services: Services, to: str | None
) -> None:
    call = caller.place().json
    erase(NUMBER, operator(), services)
    caller.deliver(told(mid=MID, to=to) if to else told(mid=MID))
    assert caller.get(f"/calls/{call['id']}").json["status"] == "busy"
    assert consistent(services)


@pytest.mark.parametrize("to", [None, "91886713xxxx", "918867135002;918867135001"])
def test_an_erased_number_is_not_guessed_among_several(
    caller: Caller, provider: ScriptedProvider, services: Services, to: str | None
) -> None:
    for number, called in ((1, NUMBER), (2, "+918867135002")):
        provider.on_send = accepted(provider_id=f"{MID}:{number}")
        caller.place(to=called)
    erase(NUMBER, operator(), services)
    caller.deliver(told(mid=MID, to=to) if to else told(mid=MID))
    assert caller.only_delivery()["outcome"] == "unmatched"


@pytest.mark.parametrize("to", ["918867135002", "8867135002", "91886713xxx2", "918867135002;9"])
def test_another_number_contradicts_the_submission_and_the_reason_says_so(
    caller: Caller, to: str
) -> None:
    caller.place()
    caller.deliver(told(mid=MID, to=to))
    delivery = caller.only_delivery()
    assert delivery["outcome"] == "unmatched"
    assert delivery["reason"] == "the number it gives is not one that its submission went to"


@pytest.mark.parametrize(
    "row",
    [
        {"id": MID},
        {"id": f"{MID.upper()}:1"},
        {"id": f"{MID.replace('-', '')}:1", "to": "8867135001"},
        {"id": MID, "to": "91886713xxxx"},
        {"id": None, "message_id": f"{MID}:1"},
        {"id": None, "mid": MID, "to": None},
    ],
)
def test_a_row_of_the_log_that_names_the_call_is_taken(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    clock: Clock,
    row: dict[str, Any],
) -> None:
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(**row))
    due(services, clock)
    assert caller.get(f"/calls/{call['id']}").json["status"] == "completed"
    assert consistent(services)


@pytest.mark.parametrize(
    "row",
    [{"id": f"{MID}:2"}, {"id": MID, "to": "918867135002"}, {"id": "somebody-else:1"}],
)
def test_a_row_about_another_call_is_not(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    clock: Clock,
    row: dict[str, Any],
) -> None:
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(**row))
    due(services, clock)
    assert caller.get(f"/calls/{call['id']}").json["status"] == "queued"
    assert consistent(services)


@pytest.mark.parametrize("row", [{"to": "8867135001"}, {"to": "91886713xxxx"}, {"to": None}])
def test_a_candidate_with_half_a_number_is_left_to_a_person_with_the_reason(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    clock: Clock,
    row: dict[str, Any],
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(**row))
    due(services, clock)
    assert caller.get(f"/calls/{call['id']}").json["status"] == "unknown"
    (listed,) = last_event(caller, call)["detail"]["candidates"]
    assert listed["provider_id"] == f"{MID}:1"
    assert "number" in listed["doubt"]


@pytest.mark.parametrize("to", ["918867135002", "8867135002", "91886713xxx2"])
def test_a_number_that_cannot_be_the_calls_makes_no_candidate(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock, to: str
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(to=to))
    due(services, clock)
    assert last_event(caller, call)["detail"]["candidates"] == []


@pytest.mark.parametrize("created_at", ["2026-11-23 17:30:01", "2026-11-23 06:30:01"])
def test_a_candidate_hours_off_is_listed_with_how_far_it_is(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock, created_at: str
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(created_at=created_at))
    due(services, clock)
    assert caller.get(f"/calls/{call['id']}").json["status"] == "unknown"
    (listed,) = last_event(caller, call)["detail"]["candidates"]
    assert "5:" in listed["doubt"]
    assert "OBDTRACK_PROVIDER_TIMEZONE" in listed["doubt"]


def test_one_that_may_be_it_as_well_keeps_the_certain_one_from_being_taken(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = caller.place().json
    masked = log_row(id="047d8cfc-77d1-4f6c-bfb5-e81f1a1343a7:1", to="91886713xxxx")
    provider.on_find = lambda **_: call_log(log_row(), masked)
    due(services, clock)
    assert caller.get(f"/calls/{call['id']}").json["status"] == "unknown"
    assert len(last_event(caller, call)["detail"]["candidates"]) == 2


@pytest.mark.parametrize("row", [{"id": MID}, {"id": f"{MID.upper()}:1"}])
def test_what_is_ours_already_is_no_candidate_in_any_spelling(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    clock: Clock,
    row: dict[str, Any],
) -> None:
    caller.place()
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = caller.place().json
    provider.on_find = lambda provider_id, **_: call_log(log_row(**({} if provider_id else row)))
    due(services, clock)
    assert last_event(caller, call)["detail"]["candidates"] == []
    assert {"provider_id": None, "to": NUMBER, "on": date(2026, 11, 23)} in provider.asked


@pytest.mark.parametrize("spelled", [f"{MID.upper()}:1", f"{{{MID}}}", f"urn:uuid:{MID}:1", MID])
def test_a_person_may_spell_the_id_as_it_stands_before_them(
    caller: Caller, admin: Caller, provider: ScriptedProvider, services: Services, spelled: str
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = caller.place().json
    caller.deliver(told(mid=MID, to="8867135001"))
    decision = {"action": "attach", "provider_id": spelled}
    assert admin.post(f"/calls/{call['id']}/resolve", decision).json["status"] == "busy"
    assert consistent(services)


@pytest.mark.parametrize("spelled", [f"{MID}:1", f"{MID.upper()}:1", f"{{{MID}}}:1"])
def test_a_call_is_shown_under_every_spelling_of_its_id(caller: Caller, spelled: str) -> None:
    call = caller.place().json
    assert caller.get(f"/calls/{spelled}").json["id"] == call["id"]


def test_a_report_that_said_nothing_is_matched_and_says_so(caller: Caller) -> None:
    call = caller.place().json
    caller.deliver(json.dumps({"id": f"{MID}:1", "Outcome of 918867135001": "BUSY"}))
    delivery = caller.only_delivery()
    assert delivery["outcome"] == "matched"
    assert delivery["reason"].startswith("no status was read from it; keys not understood: Outcome")
    assert "35001" not in models.Delivery.get().reason
    assert caller.get(f"/calls/{call['id']}").json["status"] == "queued"


def test_a_word_that_we_do_not_know_is_a_status_all_the_same(caller: Caller) -> None:
    caller.place()
    caller.report(status="RINGOUT")
    assert caller.only_delivery()["reason"] is None


@pytest.mark.parametrize(
    ("start_at", "end_at"),
    [
        ("1999-12-31 23:59:59", "1999-12-31 23:59:59"),
        ("2026-11-22 11:59:59", "2026-11-22 11:59:59"),
        ("2026-11-24 12:00:01", "2026-11-25 12:00:01"),
    ],
)
def test_a_time_outside_the_calls_life_is_no_time_but_stays_visible(
    caller: Caller, services: Services, start_at: str, end_at: str
) -> None:
    call = caller.place().json
    caller.report(start_at=start_at, end_at=end_at)
    caller.report(start_at=start_at, end_at=end_at)
    shown = caller.get(f"/calls/{call['id']}").json
    assert (shown["status"], shown["started_at"], shown["ended_at"]) == ("completed", None, None)
    report = last_event(caller, call)
    assert report["times_seen"] == 2
    assert report["occurred_at"] is None
    extra = report["detail"]["extra"]
    assert extra["started_at"] == start_at.replace(" ", "T") + "Z"
    assert extra["ended_at"] == end_at.replace(" ", "T") + "Z"
    assert consistent(services)


def test_rebuild_takes_back_what_was_believed_before(caller: Caller, services: Services) -> None:
    call = caller.place().json
    caller.report(start_at="1999-12-31 23:59:59")
    event, row = models.EventRow, models.Call
    stored = event.get(event.kind == "report").detail
    believed = {**stored, "started_at": "1999-12-31T23:59:59Z", "extra": {"source": "OBD"}}
    event.update(detail=believed).where(event.kind == "report").execute()
    row.update(started_at=datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)).execute()
    assert not consistent(services)
    rebuild(services, check=False)
    assert caller.get(f"/calls/{call['id']}").json["started_at"] is None
    assert event.get(event.kind == "report").detail == stored
    assert consistent(services)


@pytest.mark.parametrize("hour", ["2026-11-22 12:00:00", "2026-11-24 12:00:00"])
def test_a_day_off_may_be_a_wrong_time_zone(caller: Caller, hour: str) -> None:
    call = caller.place().json
    caller.report(start_at=hour, end_at=hour)
    shown = caller.get(f"/calls/{call['id']}").json
    assert shown["ended_at"] == hour.replace(" ", "T") + "Z"


def test_the_same_time_told_again_when_it_could_be_is_the_same_report(
    caller: Caller, clock: Clock
) -> None:
    call = caller.place().json
    late = {"start_at": "2026-11-24 13:00:00", "end_at": "2026-11-24 13:00:16"}
    caller.report(**late)
    clock.forward(hours=2)
    caller.report(**late)
    assert last_event(caller, call)["times_seen"] == 2


def test_polling_and_replaying_disbelieve_the_same_times(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    old = {"start_at": "1999-12-31 00:00:00", "end_at": "1999-12-31 00:00:16"}
    caller.deliver(told(id=f"{MID}:7", **old))
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(**old))
    due(services, clock)
    shown = caller.get(f"/calls/{call['id']}").json
    assert (shown["status"], shown["started_at"]) == ("completed", None)
    replay(models.Delivery.get().id, services)
    assert consistent(services)


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ({"mid": MID, "to": "08867135002"}, 2),
        ({"mid": MID, "to": "91886713xxx1"}, 1),
        ({"mid": MID, "to": "918867135002, 918867135009"}, 2),
        ({"message_id": f"{MID.upper()}:2"}, 2),
        ({"mid": MID}, None),
        ({"mid": MID, "to": "918867135001, 918867135002"}, None),
        ({"mid": MID, "to": "91886713xxxx"}, None),
    ],
)
def test_of_a_submission_of_two_numbers_the_one_that_fits_is_meant(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    named: dict[str, Any],
    place: int | None,
) -> None:
    for number, to in ((1, NUMBER), (2, "+918867135002")):
        provider.on_send = accepted(provider_id=f"{MID}:{number}")
        caller.place(to=to)
    caller.deliver(told(**named))
    ended = [n for n in (1, 2) if caller.get(f"/calls/{MID}:{n}").json["status"] == "busy"]
    assert ended == ([place] if place else [])
    assert consistent(services)


def test_a_row_of_the_bare_uuid_is_taken_for_the_number_that_it_fits(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    for number, to in ((1, NUMBER), (2, "+918867135002")):
        provider.on_send = accepted(provider_id=f"{MID}:{number}")
        caller.place(to=to)
    provider.on_find = lambda **_: call_log(log_row(id=MID, to="8867135002"))
    due(services, clock)
    assert caller.get(f"/calls/{MID}:1").json["status"] == "queued"
    assert caller.get(f"/calls/{MID}:2").json["status"] == "completed"
    assert consistent(services)


def test_of_several_that_fit_each_says_so(
    caller: Caller, provider: ScriptedProvider, services: Services, clock: Clock
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = caller.place().json
    provider.on_find = lambda **_: call_log(log_row(), log_row(id="other:1"))
    due(services, clock)
    doubts = {one["doubt"] for one in last_event(caller, call)["detail"]["candidates"]}
    assert doubts == {"another one may be it as well"}


def test_a_response_from_before_the_call_gives_no_time(
    caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(submitted_at=datetime(1999, 12, 31, tzinfo=UTC))
    assert caller.place().json["submitted_at"] is None


def last_event(caller: Caller, call: dict[str, Any]) -> Any:
    return caller.get(f"/calls/{call['id']}/events").json["data"][-1]


@pytest.fixture
def admin(caller: Caller, services: Services) -> Caller:
    return Caller(caller.client, create_key("Asha", ["read", "admin"], services))
