"""Every value comes back from both databases exactly as it went in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.calls import responses
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import to_stored
from obdtrack.calls.states import states_of
from obdtrack.domain.fold import fold
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.services import new_id
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import dumps, from_microseconds, to_microseconds
from obdtrack.store.database import Store
from tests.factories import NOON, call_request, claim, report, story
from tests.store import stored

INDIA = timezone(timedelta(hours=5, minutes=30))
ODD_TEXT = "Läufer ☎️ 中文 \" ' \\ % %s ? :x \n\t\u2028 𝄞"
BYTES = bytes(range(256)) + b"\0\0\xff\xfe" + ODD_TEXT.encode()

microseconds = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)
"""Of the years 1 to 9999."""


def test_money_is_kept_as_it_was_written(each_store: Store) -> None:
    call_id = stored.call(each_store)
    state = fold(story(report(charges="0.5000")))
    stored.state(each_store, call_id, state)
    assert models.Call.get_by_id(call_id).charges == "0.5000"


@pytest.mark.parametrize("charges", ["0.5000", "1", "0.10", "100000000000000000000.000000000001"])
def test_money_in_an_event_is_kept_as_it_was_written(each_store: Store, charges: str) -> None:
    (event,) = stored.events(each_store, stored.call(each_store), report(charges=charges))
    assert event.detail["charges"] == charges


def test_a_yes_or_no_is_read_as_one(each_store: Store) -> None:
    call_id = stored.call(each_store)
    (call,) = bulk_sql.load(models.Call, "id", [call_id])
    assert call.conflict is False


@given(microseconds)
def test_every_microsecond_has_its_moment_and_every_moment_its_number(number: int) -> None:
    moment = from_microseconds(number)
    assert to_microseconds(moment) == number


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23, 12, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 12, 0, 0, 999_999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 11, 23, 17, 30, tzinfo=INDIA),
    ],
)
def test_a_time_is_kept_to_the_microsecond_and_comes_back_in_utc(
    each_store: Store, moment: datetime
) -> None:
    call = models.Call.get_by_id(stored.call(each_store, at=moment))
    assert call.created_at == moment
    assert call.created_at.tzinfo is UTC


def test_an_event_comes_back_whole(each_store: Store) -> None:
    event = report("MISSED", start=1, end=2, duration_seconds=23, extra={ODD_TEXT: ODD_TEXT})
    event = event._replace(delivery_id=new_id(), response_id=new_id(), times_seen=3)
    assert stored.events(each_store, stored.call(each_store), event) == [event]


def test_an_event_that_says_next_to_nothing_comes_back_whole(each_store: Store) -> None:
    event = claim(None, Kind.CHECK, Source.SYSTEM)
    assert stored.events(each_store, stored.call(each_store), event) == [event]


@pytest.mark.parametrize(
    "detail",
    [
        {"answered": True, "other": False, "nothing": None},
        {"zero": 0, "large": 2**63, "negative": -1},
        {"text": ODD_TEXT, "nul": "\0", "list": [1, "2", None], "object": {"a": {}}},
        {},
    ],
)
def test_the_detail_of_an_event_keeps_every_kind_of_value(
    each_store: Store, detail: dict[str, Any]
) -> None:
    event = claim(Status.QUEUED)._replace(detail=detail)
    (found,) = stored.events(each_store, stored.call(each_store), event)
    assert found.detail == detail
    assert [type(value) for value in found.detail.values()] == [
        type(detail[name]) for name in found.detail
    ]


def test_a_call_keeps_what_was_asked_for(each_store: Store) -> None:
    asked = call_request(name=ODD_TEXT, reference="r-1", metadata={"a": [1, ODD_TEXT]}, interval=5)
    call = models.Call.get_by_id(stored.call(each_store, **asdict(asked)))
    assert (call.to_number, call.name, call.reference) == (asked.to, ODD_TEXT, "r-1")
    assert (call.metadata, call.interval) == ({"a": [1, ODD_TEXT]}, 5)


def test_what_was_not_asked_for_stays_unknown(each_store: Store) -> None:
    call = models.Call.get_by_id(stored.call(each_store))
    unknown = (call.name, call.reference, call.metadata, call.answered, call.provider_id)
    assert unknown == (None,) * 5


@pytest.mark.parametrize("word", ["ANSWER", "BUSY"])
def test_a_state_comes_back_as_it_was_folded(each_store: Store, word: str) -> None:
    call_id = stored.call(each_store)
    lengths = {"duration_seconds": 0, "billable_seconds": 7}
    state = fold(story(report(word, start=1, end=2, charges="0.10", **lengths)))
    stored.state(each_store, call_id, state, NOON)
    call = models.Call.get_by_id(call_id)
    assert (call.status, call.status_source) == (state.status, state.status_source)
    assert call.status_as_of == state.status_as_of
    assert (call.answered, call.conflict) == (word == "ANSWER", False)
    assert (call.started_at, call.ended_at) == (state.started_at, state.ended_at)
    assert (call.duration_seconds, call.billable_seconds) == (0, 7)
    assert (call.charges, call.next_check_at) == ("0.10", NOON)


def test_a_state_is_read_as_it_was_stored(each_store: Store) -> None:
    call_id = stored.call(each_store)
    state = fold(story(report(start=1, end=2), report("BUSY", start=9, dtmf=ODD_TEXT)), interval=5)
    stored.state(each_store, call_id, state)
    call = models.Call.get_by_id(call_id)
    assert states_of([call]) == {call_id: state}
    assert call.attempt_count == len(state.attempts) == 2


def test_a_raw_request_comes_back_byte_for_byte(each_store: Store) -> None:
    raw = RawDelivery("PUT", "a=%00&b=ü", {"X-Odd": ODD_TEXT}, "text/plain; charset=x", BYTES)
    request = stored.delivery(each_store, raw=raw)
    found = deliveries.find(request.id)
    assert found is not None
    assert to_stored(found) == request
    assert type(found.body) is bytes


def test_an_empty_body_is_not_no_body(each_store: Store) -> None:
    request = stored.delivery(each_store, raw=RawDelivery("GET", "", {}, "", b""))
    found = deliveries.find(request.id)
    assert found is not None
    assert found.body == b""


@pytest.mark.parametrize("body", [None, b"", BYTES])
def test_an_exchange_with_the_provider_comes_back_whole(
    each_store: Store, body: bytes | None
) -> None:
    call_id = stored.call(each_store)
    moment = NOON + timedelta(microseconds=1)
    asked = responses.ProviderResponse(
        new_id(), call_id, None, "send", NOON, moment, 200, None, ODD_TEXT, body
    )
    with each_store.write():
        responses.add(asked)
    (found,) = responses.of_call(call_id)
    assert tuple(getattr(found, name) for name in asked._fields) == asked


def test_equal_values_are_equal_text() -> None:
    assert dumps({"b": 1, "a": "ü"}) == dumps({"a": "ü", "b": 1}) == '{"a":"ü","b":1}'
