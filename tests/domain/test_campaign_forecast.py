"""When a campaign will have called everybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.domain.calling_hours import CallingHours, RingPlan, may_begin
from obdtrack.domain.campaign import CampaignPlan
from obdtrack.domain.campaign_forecast import Forecast, forecast
from tests.factories import NOON

UTC = ZoneInfo("UTC")
PLAN = CampaignPlan(bridge="+918068280000", flow_id="23", per_minute=60)
DAY = CallingHours(time(9), time(13), UTC)  # an hour is left at NOON


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "changes", "hours", "expected"),
    [
        (120, {}, None, Forecast(at(23, 12, 2), 0)),
        (0, {}, None, Forecast(NOON, 0)),
        (120, {"start_at": at(24, 8)}, None, Forecast(at(24, 8, 2), 0)),
        (3600, {}, DAY, Forecast(at(23, 13), 0)),
        (3601, {}, DAY, Forecast(at(23, 13), 1)),
        (3601, {"at_window_end": "resume"}, DAY, Forecast(at(24, 9) + timedelta(seconds=1), 0)),
        (60, {"start_at": at(23, 14)}, DAY, Forecast(at(24, 9, 1), 0)),
        (600, {"end_at": at(23, 12, 5)}, None, Forecast(at(23, 12, 5), 300)),
        (600, {"end_at": at(23, 12, 5)}, DAY, Forecast(at(23, 12, 5), 300)),
        (60, {"start_at": at(23, 14), "end_at": at(23, 15)}, DAY, Forecast(None, 60)),
    ],
)
def test_it_ends_by_its_pace_within_its_hours(
    count: int, changes: dict[str, Any], hours: CallingHours | None, expected: Forecast
) -> None:
    assert forecast(count, replace(PLAN, **changes), hours, NOON, RingPlan()) == expected


def test_days_without_calls_are_passed_over() -> None:
    closed = DAY._replace(closed=((date(2026, 11, 24), date(2026, 11, 25)),))
    resumed = replace(PLAN, at_window_end="resume")
    assert forecast(3660, resumed, closed, NOON, RingPlan()).ends_at == at(26, 9, 1)


def test_a_call_that_may_ring_again_is_placed_so_much_earlier() -> None:
    twice = RingPlan(timedelta(minutes=15), 2)
    found = forecast(3600, PLAN, DAY, NOON, twice)
    assert found == Forecast(at(23, 12, 30), 1800)


@given(
    st.integers(1, 20_000), st.integers(1, 600), st.integers(0, 23), st.integers(1, 23),
    st.sampled_from(["stop", "resume"]),
)  # fmt: skip
def test_the_last_call_is_placed_within_the_hours_and_nobody_is_forgotten(
    count: int, pace: int, opens: int, length: int, at_window_end: str
) -> None:
    hours = CallingHours(time(opens), time((opens + length) % 24), UTC)
    plan = replace(PLAN, per_minute=pace, at_window_end=at_window_end)
    ends_at, outside = forecast(count, plan, hours, NOON, RingPlan())
    assert ends_at
    assert may_begin(hours, ends_at - timedelta(microseconds=1), RingPlan())
    assert 0 <= outside < count or (outside == count == 0)
    if at_window_end == "resume":
        assert outside == 0
