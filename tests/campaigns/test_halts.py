"""When a campaign's calls may be placed: over midnight, where clocks change, on closed days."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.campaigns.figures import CampaignFigures
from obdtrack.campaigns.halts import affordable, closed_until
from obdtrack.domain.calling_hours import CallingHours, RingPlan, may_begin
from tests.campaigns.running import PLAN
from tests.factories import settings

NEW_YORK = ZoneInfo("America/New_York")
CLOCKS_CHANGE = datetime(2026, 11, 1, tzinfo=NEW_YORK)
clocks = st.times().map(lambda one: one.replace(second=0, microsecond=0))


def installation(**changes: Any) -> Any:
    return SimpleNamespace(settings=settings(calling_window_timezone=NEW_YORK, **changes))


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (datetime(2026, 10, 31, 21, 59), datetime(2026, 10, 31, 22)),
        (datetime(2026, 11, 1, 0, 30), None),
        (datetime(2026, 11, 1, 1, 30, fold=1), None),  # the hour that came a second time
        (datetime(2026, 11, 1, 2), datetime(2026, 11, 1, 22)),
        (datetime(2026, 11, 2, 23), datetime(2026, 11, 4, 0)),  # of a closed day
    ],
)
def test_hours_over_midnight_where_clocks_are_set_back(
    at: datetime, opens: datetime | None
) -> None:
    made = installation(closed_days=((date(2026, 11, 2), date(2026, 11, 3)),))
    plan = replace(PLAN, calling_window=(time(22), time(2)))
    found = closed_until(plan, at.replace(tzinfo=NEW_YORK).astimezone(UTC), made)
    assert found == (opens and opens.replace(tzinfo=NEW_YORK))


@given(
    opens=clocks, closes=clocks, interval=st.sampled_from([0, 5, 60]), redials=st.integers(0, 3),
    minutes=st.integers(0, 3 * 24 * 60),
)  # fmt: skip
def test_no_call_is_allowed_of_which_a_redial_may_ring_outside(
    opens: time, closes: time, interval: int, redials: int, minutes: int
) -> None:
    at = CLOCKS_CHANGE.astimezone(UTC) + timedelta(minutes=minutes)
    plan = replace(PLAN, calling_window=(opens, closes), interval=interval)
    until = closed_until(plan, at, installation(redials=redials))
    hours = CallingHours(opens, closes, NEW_YORK)
    dialling = RingPlan(timedelta(minutes=interval), redials)
    assert may_begin(hours, at, dialling) == (until is None)
    assert until is None or until > at


@pytest.mark.parametrize(
    ("cost", "priced", "unpriced", "more"),
    [("0", 0, 0, 10), ("0", 0, 7, 3), ("2.00", 4, 0, 16), ("2.00", 4, 6, 10), ("9.80", 20, 0, 0)],
)
def test_a_budget_pays_for_calls_at_the_average_price(
    cost: str, priced: int, unpriced: int, more: int
) -> None:
    calls = Counter({"completed": priced, "queued": unpriced})
    figures = CampaignFigures(calls, priced, Decimal(cost), unpriced)
    assert affordable(replace(PLAN, budget=Decimal(10)), figures) == more
