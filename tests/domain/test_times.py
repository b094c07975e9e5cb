"""Times as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.domain.times import from_text, to_text
from tests.factories import NOON

INDIA = timezone(timedelta(hours=5, minutes=30))

moments = st.builds(
    lambda since, zone: (NOON + since).astimezone(zone),
    st.timedeltas(timedelta(days=-20_000), timedelta(days=60_000)),
    st.sampled_from([UTC, INDIA]),
)


@given(moments)
def test_a_time_survives_being_written_and_read(moment: datetime) -> None:
    assert from_text(to_text(moment)) == moment


@given(moments)
def test_times_are_written_and_read_in_utc(moment: datetime) -> None:
    assert to_text(moment).endswith("Z")
    assert from_text(to_text(moment)).tzinfo is UTC


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 11, 57, 39, tzinfo=UTC), "2026-11-23T11:57:39Z"),
        (datetime(2026, 11, 23, 17, 27, 39, tzinfo=INDIA), "2026-11-23T11:57:39Z"),
        (datetime(2026, 11, 23, 11, 57, 39, 500, tzinfo=UTC), "2026-11-23T11:57:39.000500Z"),
    ],
)
def test_a_time_is_written_to_the_second_unless_there_is_more(moment: datetime, text: str) -> None:
    assert to_text(moment) == text


def test_a_time_with_another_offset_is_the_same_moment() -> None:
    assert from_text("2026-11-23T17:27:39+05:30") == from_text("2026-11-23T11:57:39Z")


@pytest.mark.parametrize("text", ["", "noon", "2026-11-23", "2026-11-23T11:57:39", "1617985659"])
def test_what_is_no_time_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_text(text)
