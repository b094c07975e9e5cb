"""Calls are placed in the hours that the settings allow, and at no other time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from obdtrack.calls.placing import place
from obdtrack.calls.placing.idempotency import place_guarded
from obdtrack.domain.calling_window import CallingWindow, is_open, next_opening
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.settings import load_settings
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, call_request

INDIA = ZoneInfo("Asia/Kolkata")
BERLIN = ZoneInfo("Europe/Berlin")
BY_DAY = CallingWindow(time(9), time(21), INDIA)
BY_NIGHT = CallingWindow(time(21), time(9), INDIA)
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
    evening = CallingWindow(time(18), time(0), INDIA)
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
    assert next_opening(BY_DAY, now) == opening


def test_the_clocks_of_the_place_count_also_when_they_are_changed() -> None:
    window = CallingWindow(time(9), time(21), BERLIN)
    saturday = datetime(2026, 3, 28, 22, tzinfo=BERLIN)
    opening = next_opening(window, saturday)
    assert opening == datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert is_open(window, opening)
    assert not is_open(window, opening - MOMENT)


def test_an_opening_that_the_clocks_skip_is_when_they_go_on() -> None:
    window = CallingWindow(time(2, 30), time(4), BERLIN)
    night = datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN)
    assert next_opening(window, night) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


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
        place_guarded(call_request(), new_id(), services)
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
