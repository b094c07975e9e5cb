"""In an hour that comes twice, as clocks are set back, a redial is no repetition of a report."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from obdtrack.calls import queries
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.polling.check import check_call
from obdtrack.calls.polling.reconcile import reconcile
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports import record
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain import reports
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.domain.times import Twofold
from obdtrack.providers.base import StatusResponse
from obdtrack.providers.mobtexting.reports import PayloadReader
from obdtrack.providers.mobtexting.times import read_time
from obdtrack.services import Services, new_id
from tests.factories import (
    PROVIDER,
    Clock,
    ScriptedProvider,
    call_request,
    log_row,
    raw_delivery,
    with_settings,
)

BERLIN = ZoneInfo("Europe/Berlin")
"""On 25 October 2026 at 3:00 its clocks were set back to 2:00, which was 1:00 UTC."""

READER = PayloadReader(timezone=BERLIN)


def utc(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 10, 25, hour, minute, second, tzinfo=UTC)


@pytest.fixture
def there(services: Services, clock: Clock) -> Services:
    """An installation whose provider writes the times of Berlin."""
    clock.now = utc(0, 29)
    there = with_settings(services, provider_timezone=BERLIN)
    provider = there.provider
    assert isinstance(provider, ScriptedProvider)
    provider.reader = READER
    return there


def report(services: Services, clock: Clock, at: datetime, word: str, start: str, end: str) -> str:
    """A report of an attempt, with times of that night, that comes at this moment."""
    clock.now = at
    day = "2026-10-25"
    raw = raw_delivery(status=word, start_at=f"{day} {start}", end_at=f"{day} {end}", duration=None)
    return receive_deliveries([InboundRequest(new_id(), at, raw, PROVIDER)], services)[0].outcome


def state_of(call_id: object) -> CallState:
    call = queries.find(str(call_id))
    assert call is not None
    return fold(queries.history([call.id])[call.id], call.interval)


def poll_finds(services: Services, **row: str) -> StatusResponse:
    provider = services.provider
    assert isinstance(provider, ScriptedProvider)
    body = json.dumps({"data": [log_row(**row)]}).encode()
    found = StatusResponse(calls=provider.read_found(body), http_status=200, body=body)
    provider.on_find = lambda **_: found
    return found


def test_a_redial_written_as_the_attempt_an_hour_before_is_a_second_attempt(
    there: Services, clock: Clock
) -> None:
    call = place_call(call_request(interval=60), None, there)
    assert report(there, clock, utc(0, 31), "NOANSWER", "02:30:00", "02:30:30") == "matched"
    assert report(there, clock, utc(0, 33), "NOANSWER", "02:30:00", "02:30:30") == "duplicate"
    assert report(there, clock, utc(1, 31), "NOANSWER", "02:30:00", "02:30:30") == "matched"
    starts = [attempt.started_at for attempt in state_of(call).attempts]
    assert starts == [utc(0, 30), utc(1, 30)]
    assert rebuild(there, check=True).different == ()


def test_the_last_attempt_decides_though_it_is_written_as_the_earlier(
    there: Services, clock: Clock
) -> None:
    call = place_call(call_request(interval=30), None, there)
    report(there, clock, utc(0, 46), "NOANSWER", "02:45:00", "02:45:30")
    report(there, clock, utc(1, 17), "ANSWER", "02:16:00", "02:16:40")
    assert (state_of(call).status, state_of(call).started_at) == ("completed", utc(1, 16))
    report(there, clock, utc(1, 50), "BUSY", "02:49:00", "02:49:10")
    assert state_of(call).status == "busy"
    assert rebuild(there, check=True).different == ()


def test_taking_the_first_of_both_hours_would_be_noticed(there: Services, clock: Clock) -> None:
    with patch.object(record, "readings", lambda *told: reports.readings(*told)[:1]):
        call = place_call(call_request(interval=60), None, there)
        report(there, clock, utc(0, 31), "NOANSWER", "02:30:00", "02:30:30")
        report(there, clock, utc(1, 31), "NOANSWER", "02:30:00", "02:30:30")
        assert len(state_of(call).attempts) == 1


@pytest.mark.parametrize("interval", [0, 60])
def test_a_poll_of_the_same_attempt_is_no_other_one(
    there: Services, clock: Clock, interval: int
) -> None:
    call = place_call(call_request(interval=interval), None, there)
    report(there, clock, utc(0, 31), "NOANSWER", "02:30:00", "02:30:30")
    clock.now = utc(3, 0)
    day = "2026-10-25"
    poll_finds(there, created_at=f"{day} 02:29:00", status="NOANSWER", start_at=f"{day} 02:30:00",
               end_at=f"{day} 02:30:30")  # fmt: skip
    check_call(call, there)
    state = state_of(call)
    assert (len(state.attempts), state.report_count) == (1, 1)
    assert rebuild(there, check=True).different == ()


def test_a_call_that_was_placed_in_the_second_hour_rang_in_it(
    there: Services, clock: Clock
) -> None:
    clock.now = utc(1, 10)
    call = place_call(call_request(), None, there)
    report(there, clock, utc(1, 13), "ANSWER", "02:11:00", "02:12:00")
    assert state_of(call).started_at == utc(1, 11)


def test_a_lost_response_of_the_second_hour_is_found(there: Services, clock: Clock) -> None:
    clock.now = utc(1, 10)
    provider = there.provider
    assert isinstance(provider, ScriptedProvider)
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call_id = place_call(call_request(), None, there)
    clock.now = utc(1, 20)
    written = dict.fromkeys(("created_at", "start_at", "end_at"), "2026-10-25 02:10:02")
    poll_finds(there, **written)
    call = queries.find(str(call_id))
    assert call is not None
    reconcile(call, there, lambda _: None)
    assert state_of(call_id).status == "completed"


@pytest.mark.parametrize(
    "written", ["2026-10-25 02:30:00Z", "2026-10-25 02:30:00 +0200", "2026-03-29 02:30:00",
                "2026-10-25 01:59:59", "2026-10-25 03:00:00", "1792895400"],
)  # fmt: skip
def test_only_a_time_that_came_twice_is_twofold(written: str) -> None:
    assert not isinstance(read_time(written, BERLIN), Twofold)
    twofold = read_time("2026-10-25 02:30:00", BERLIN)
    assert isinstance(twofold, Twofold)
    assert twofold.both() == (utc(0, 30), utc(1, 30))
