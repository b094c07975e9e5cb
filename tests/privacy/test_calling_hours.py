"""Calls are placed in the hours that the settings allow, and at no other time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from obdtrack.access.keys import create_key
from obdtrack.calls.placing import place
from obdtrack.calls.placing.idempotency import Wanted, place_guarded
from obdtrack.domain.calling_hours import (
    CallingHours,
    RingPlan,
    is_open,
    last_beginning,
    may_begin,
    next_beginning,
)
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.operations.system_status import current_status
from obdtrack.services import Services, new_id
from obdtrack.settings import load_settings
from tests.applications import make_app
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted, call_request
from tests.pages.conftest import Visitor

INDIA = ZoneInfo("Asia/Kolkata")
BERLIN = ZoneInfo("Europe/Berlin")
BY_DAY = CallingHours(time(9), time(21), INDIA)
BY_NIGHT = CallingHours(time(21), time(9), INDIA)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def services(services: Services) -> Services:
    settings = replace(services.settings, calling_window=(time(9), time(21)))
    return replace(services, settings=settings)


def at(hour: int, minute: int = 0, zone: ZoneInfo = INDIA) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=zone).astimezone(UTC)


def test_the_window_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    assert not is_open(BY_DAY, at(9) - MOMENT)
    assert is_open(BY_DAY, at(9))
    assert is_open(BY_DAY, at(21) - MOMENT)
    assert not is_open(BY_DAY, at(21))


def test_a_window_over_midnight_is_open_on_both_sides_of_it() -> None:
    assert is_open(BY_NIGHT, at(21))
    assert is_open(BY_NIGHT, at(0))
    assert is_open(BY_NIGHT, at(9) - MOMENT)
    assert not is_open(BY_NIGHT, at(9))
    assert not is_open(BY_NIGHT, at(21) - MOMENT)


def test_a_window_that_ends_at_midnight_ends_there() -> None:
    evening = CallingHours(time(18), time(0), INDIA)
    assert is_open(evening, at(18))
    assert is_open(evening, at(23, 59))
    assert not is_open(evening, at(0))


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        (at(3), at(9)),
        (at(9), at(9) + timedelta(days=1)),
        (at(23), at(9) + timedelta(days=1)),
    ],
)
def test_the_next_opening_is_today_or_tomorrow(now: datetime, opening: datetime) -> None:
    assert next_beginning(BY_DAY, now) == opening


def test_the_clocks_of_the_place_count_also_when_they_are_changed() -> None:
    window = CallingHours(time(9), time(21), BERLIN)
    saturday = datetime(2026, 3, 28, 22, tzinfo=BERLIN)
    opening = next_beginning(window, saturday)
    assert opening == datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert is_open(window, opening)
    assert not is_open(window, opening - MOMENT)


def test_an_opening_that_the_clocks_skip_is_when_they_go_on() -> None:
    window = CallingHours(time(2, 30), time(4), BERLIN)
    night = datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN)
    assert next_beginning(window, night) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_outside_the_window_a_call_is_refused_with_the_reason_and_when_to_try(
    caller: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    clock.now = at(21)
    response = caller.place()
    assert response.status_code == 409
    assert "from 09:00 to 21:00 Asia/Kolkata" in response.json["detail"]
    assert "2026-11-24T03:30:00Z" in response.json["detail"]
    assert response.headers["Retry-After"] == str(12 * 3600)
    assert provider.sent == []
    assert caller.get("/calls").json["data"] == []


def test_at_its_edges_a_call_is_placed_or_not(caller: Caller, clock: Clock) -> None:
    responses = {}
    for name, moment in (
        ("before", at(9) - MOMENT),
        ("first", at(9)),
        ("last", at(21) - MOMENT),
        ("after", at(21)),
    ):
        clock.now = moment
        responses[name] = caller.place().status_code
    assert responses == {"before": 409, "first": 201, "last": 201, "after": 409}


@pytest.mark.parametrize(
    ("begin", "turn", "dialled"),
    [
        (at(21) - MOMENT, at(21), 0),
        (at(21) - 2 * MOMENT, at(21) - MOMENT, 1),
        (at(9) - MOMENT, at(9), 1),
        (at(21) - timedelta(seconds=3), at(21) + timedelta(seconds=2), 0),
    ],
)
def test_what_counts_is_when_it_is_our_turn_to_write(
    services: Services, provider: ScriptedProvider, clock: Clock, monkeypatch: pytest.MonkeyPatch,
    begin: datetime, turn: datetime, dialled: int,
) -> None:  # fmt: skip
    clock.now, write = begin, services.store.write

    @contextmanager
    def write_after_a_wait(*, first: bool = False) -> Iterator[None]:
        with write(first=first):
            clock.now = turn
            yield

    monkeypatch.setattr(services.store, "write", write_after_a_wait)
    with suppress(ObdtrackError):
        place_guarded(Wanted([call_request()], ()), new_id(), services)
    assert len(provider.sent) == dialled


def test_a_call_was_made_when_it_was_stored(
    caller: Caller, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = at(12)
    monkeypatch.setattr(place, "_fingerprint", lambda *_: clock.forward(seconds=4))
    assert caller.place().json["created_at"] == "2026-11-23T06:30:04Z"


def test_a_refusal_does_not_bind_the_idempotency_key(
    caller: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    body, key = {"to": "+918867135001", "flow_id": "23"}, {"Idempotency-Key": "order-7"}
    clock.now = at(8)
    assert caller.post("/calls", body, **key).status_code == 409
    clock.now = at(9)
    response = caller.post("/calls", body, **key)
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers
    assert len(provider.sent) == 1


def test_what_was_placed_by_day_is_answered_again_by_night(
    caller: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    body, key = {"to": "+918867135001", "flow_id": "23"}, {"Idempotency-Key": "order-7"}
    clock.now = at(20)
    first = caller.post("/calls", body, **key)
    clock.now = at(22)
    again = caller.post("/calls", body, **key)
    assert (again.status_code, again.data) == (201, first.data)
    assert len(provider.sent) == 1


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("09:00-21:00", (time(9), time(21))),
        ("9:30 - 18:05", (time(9, 30), time(18, 5))),
        ("21:00-09:00", (time(21), time(9))),
        ("09:00-24:00", (time(9), time(0))),
        ("", None),
    ],
)
def test_a_window_is_set_as_two_times(
    monkeypatch: pytest.MonkeyPatch, text: str, hours: tuple[time, time] | None
) -> None:
    monkeypatch.setenv("OBDTRACK_CALLING_WINDOW", text)
    monkeypatch.setenv("OBDTRACK_CALLING_WINDOW_TIMEZONE", "Europe/Berlin")
    settings = load_settings()
    assert settings.calling_window == hours
    assert settings.calling_window_timezone == BERLIN


@pytest.mark.parametrize("text", ["9-21", "09:00", "09:00-09:00", "00:00-24:00", "25:00-26:00",
                                  "09:60-21:00", "24:01-09:00", "soon", "-"])  # fmt: skip
def test_what_is_no_window_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OBDTRACK_CALLING_WINDOW", text)
    with pytest.raises(ConfigError, match="OBDTRACK_CALLING_WINDOW: must be two different times"):
        load_settings()


def test_a_zone_nobody_knows_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBDTRACK_CALLING_WINDOW_TIMEZONE", "Asia/Atlantis")
    with pytest.raises(ConfigError, match="OBDTRACK_CALLING_WINDOW_TIMEZONE"):
        load_settings()


# Redials


def test_a_call_that_may_be_redialled_too_late_is_refused_with_the_last_minute_for_it(
    caller: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    clock.now = at(20, 50)
    response = caller.place(interval=15)
    assert response.status_code == 409
    assert response.json["detail"] == (
        "Calls ring from 09:00 to 21:00 Asia/Kolkata only; with interval 15 this one may ring "
        "again until 21:20. With that interval it can be placed until 20:29, with interval 0 it "
        "can be placed now. Nothing was sent; try again at 2026-11-24T03:30:00Z."
    )
    assert provider.sent == []
    assert caller.place(interval=0).status_code == 201


@pytest.mark.parametrize(("minute", "status"), [(29, 201), (30, 409)])
def test_the_last_minute_named_is_the_last(
    caller: Caller, clock: Clock, minute: int, status: int
) -> None:
    clock.now = at(20, minute)
    assert caller.place(interval=15).status_code == status


def test_hours_too_short_for_all_redials_say_so(
    clock: Clock,
) -> None:
    hours = CallingHours(time(9), time(9, 20), INDIA)
    clock.now = at(9, 5)
    assert last_beginning(hours, clock.now, RingPlan(timedelta(minutes=15), 2)) is None
    assert next_beginning(hours, clock.now, RingPlan(timedelta(minutes=15), 2)) is None


def test_placing_again_keeps_to_the_hours_with_its_redials(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    clock.now = at(12)
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = caller.place(interval=60).json
    boss = Caller(caller.client, create_key("boss", ["read", "place", "admin"], services))
    path = f"/calls/{unknown['id']}/resolve"
    clock.now = at(19, 30)
    assert boss.post(path, {"action": "place-again"}).status_code == 409
    clock.now = at(18, 30)
    assert boss.post(path, {"action": "place-again"}).status_code == 200


CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
HOURS = st.builds(
    CallingHours,
    CLOCKS,
    CLOCKS,
    st.sampled_from([INDIA, BERLIN, ZoneInfo("America/Santiago"), ZoneInfo("Australia/Lord_Howe")]),
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 3)).map(
            lambda days: (
                date(2026, 3, 20) + timedelta(days=days[0]),
                date(2026, 3, 20) + timedelta(days=sum(days)),
            )
        ),
        max_size=3,
    ).map(tuple),
)
MOMENTS = st.datetimes(
    datetime(2026, 3, 20), datetime(2026, 4, 20), timezones=st.just(UTC)
)  # the clocks change in all of these zones but India
DIALLINGS = st.builds(
    RingPlan,
    st.sampled_from([0, 5, 15, 30, 45, 60]).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 4),
)


def rings_outside(hours: CallingHours, first: datetime, dialling: RingPlan) -> bool:
    """Whether any time at which the phone may ring is outside, without the code in question."""
    for count in range(dialling.redials + 1 if dialling.apart else 1):
        there = (first + dialling.apart * count).astimezone(hours.zone)
        minutes, opens, closes = (
            t.hour * 60 + t.minute for t in (there.time(), hours.opens, hours.closes)
        )
        inside = (minutes - opens) % 1440 < ((closes - opens) % 1440 or 1440)
        if not inside or any(first <= there.date() <= last for first, last in hours.closed):
            return True
    return False


@given(HOURS, MOMENTS, DIALLINGS)
@example(BY_DAY, at(20, 50), RingPlan(timedelta(minutes=15), 2))
def test_no_call_that_may_be_placed_can_ring_outside(
    hours: CallingHours, now: datetime, dialling: RingPlan
) -> None:
    assert may_begin(hours, now, dialling) is not rings_outside(hours, now, dialling)
    for named in (next_beginning(hours, now, dialling), last_beginning(hours, now, dialling)):
        assert named is None or not rings_outside(hours, named, dialling)


def test_forgetting_the_redials_would_be_noticed() -> None:
    late, dialling = at(20, 50), RingPlan(timedelta(minutes=15), 2)
    with patch.object(RingPlan, "times", lambda _, first: iter([first])):
        assert may_begin(BY_DAY, late, dialling)
        assert rings_outside(BY_DAY, late, dialling)


# Kinds of calls and closed days


def with_hours(services: Services, **changes: Any) -> Services:
    return replace(services, settings=replace(services.settings, **changes))


def caller_of(services: Services) -> Caller:
    app = make_app(services, documented=False)
    return Caller(app.test_client(), create_key("typed", ["read", "place"], services))


def test_a_kind_of_call_has_hours_of_its_own(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    provider.on_send = accepted(mid=None)
    hours = {"calling_window_collection": (time(8), time(19)), "call_type": "collection"}
    caller = caller_of(with_hours(services, **hours))
    clock.now = at(8, 30)
    assert caller.place(call_type="service").status_code == 409
    call = caller.place().json
    assert call["call_type"] == "collection"
    clock.now = at(19, 30)
    assert caller.place(call_type="collection").status_code == 409
    assert caller.place(call_type="promotional").json["call_type"] == "promotional"


def test_a_kind_that_is_none_is_refused_by_name(caller: Caller) -> None:
    response = caller.place(call_type="spam")
    assert response.status_code == 422
    assert "promotional" in str(response.json["errors"]["call_type"])


def test_on_closed_days_no_phone_rings(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    days = ((date(2026, 11, 23), date(2026, 11, 24)),)
    caller = caller_of(with_hours(services, closed_days=days, calling_window=None))
    clock.now = at(12)
    response = caller.place()
    assert response.status_code == 409
    assert "try again at 2026-11-24T18:30:00Z" in response.json["detail"]
    assert provider.sent == []


def test_closed_days_are_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "days.txt"
    path.write_text("# public holidays\n2026-01-26  # Republic Day\n\n2026-12-24..2027-01-01\n")
    monkeypatch.setenv("OBDTRACK_CLOSED_DAYS", str(path))
    assert load_settings().closed_days == (
        (date(2026, 1, 26), date(2026, 1, 26)),
        (date(2026, 12, 24), date(2027, 1, 1)),
    )


@pytest.mark.parametrize("line", ["26.1.2026", "2026-13-01", "2027-01-01..2026-12-24", "Diwali"])
def test_a_line_that_is_no_day_stops_the_start_and_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    path = tmp_path / "days.txt"
    path.write_text(f"2026-01-26\n{line}\n")
    monkeypatch.setenv("OBDTRACK_CLOSED_DAYS", str(path))
    with pytest.raises(ConfigError, match=re.escape(f"line 2 of {path}, {line!r}, is no day")):
        load_settings()


def test_a_file_that_is_not_there_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBDTRACK_CLOSED_DAYS", "/nowhere/days.txt")
    with pytest.raises(ConfigError, match=r"OBDTRACK_CLOSED_DAYS: the file /nowhere/days\.txt"):
        load_settings()


# What rang outside all the same


def test_an_attempt_that_a_report_shows_outside_is_marked_and_counted(
    caller: Caller, services: Services, clock: Clock
) -> None:
    clock.now = at(20, 25)
    call = caller.place(interval=15).json
    caller.report(start_at="2026-11-23 14:56:00", end_at="2026-11-23 14:56:20", status="NOANSWER")
    clock.now = at(21, 10)
    for _ in range(2):
        caller.report(start_at="2026-11-23 15:36:00", end_at="2026-11-23 15:36:20")
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    reports = [event for event in events if event["kind"] == "report"]
    assert [event["outside_hours"] for event in reports] == [False, True]
    assert current_status(services).outside_hours == 1
    assert "outside the calling hours" in Visitor(
        caller.client.application, create_key("eye", ["read"], services)
    ).read(f"/calls/{call['id']}")


def test_without_hours_nothing_is_outside(services: Services, clock: Clock) -> None:
    caller = caller_of(with_hours(services, calling_window=None))
    clock.now = at(3)
    call = caller.place().json
    caller.report(start_at="2026-11-22 21:31:00", end_at="2026-11-22 21:31:20")
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    assert not any(event["outside_hours"] for event in events)
    assert current_status(services).outside_hours == 0
