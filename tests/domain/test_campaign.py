"""What a campaign's plan may say, and the one table of its states."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from obdtrack.domain.calling_hours import CallingHours
from obdtrack.domain.campaign import (
    CHANGES,
    ENDED,
    CampaignAction,
    CampaignPlan,
    CampaignState,
    Retries,
    StopIf,
    allowed_actions,
    hours_of_plan,
    read_amount,
    wrong_with,
)
from tests.factories import NOON

INDIA = ZoneInfo("Asia/Kolkata")
PLAN = CampaignPlan(bridge="+918068280000", flow_id="23")
DAY = CallingHours(time(9), time(21), INDIA)
NIGHT = CallingHours(time(21), time(6), INDIA)


def wrong(hours: CallingHours | None = None, **changes: Any) -> dict[str, list[str]]:
    return wrong_with(replace(PLAN, **changes), hours, (0, 5, 15))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"flow_id": None}, "flow_id"),
        ({"audio": "7"}, "flow_id"),
        ({"per_minute": 0}, "per_minute"),
        ({"per_minute": 600_001}, "per_minute"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"numbers_per_request": 101}, "numbers_per_request"),
        ({"interval": 7}, "interval"),
        ({"interval": 5, "retries": Retries(("busy",), 1, 30)}, "interval"),
        ({"retries": Retries(("unknown",), 1, 30)}, "retries.on"),
        ({"retries": Retries(("busy", "completed"), 1, 30)}, "retries.on"),
        ({"retries": Retries((), 1, 30)}, "retries.on"),
        ({"retries": Retries(("busy",), 4, 30)}, "retries.times"),
        ({"retries": Retries(("busy",), 1, 0)}, "retries.wait_minutes"),
        ({"stop_if": StopIf(0, 20, 5)}, "stop_if.failed_percent"),
        ({"stop_if": StopIf(50, 4, 5)}, "stop_if.minimum"),
        ({"start_at": NOON, "end_at": NOON}, "end_at"),
        ({"calling_window": (time(9), time(9))}, "calling_window"),
        ({"budget": Decimal(0)}, "budget"),
    ],
)
def test_what_a_plan_may_not_say_is_named_by_its_field(changes: dict[str, Any], field: str) -> None:
    assert list(wrong(**changes)) == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"interval": 5, "retries": Retries(("busy",), 0, 30)},
        {"retries": Retries(("busy", "no-answer", "failed"), 3, 30), "stop_if": None},
        {"numbers_per_request": 100, "budget": Decimal("0.01")},
        {"start_at": NOON, "end_at": NOON + timedelta(minutes=1)},
    ],
)
def test_what_a_plan_may_say(changes: dict[str, Any]) -> None:
    assert wrong(**changes) == {}


@pytest.mark.parametrize(
    ("hours", "window", "is_right"),
    [
        (None, (time(0), time(23)), True),
        (DAY, (time(9), time(21)), True),
        (DAY, (time(10), time(12)), True),
        (DAY, (time(8, 59), time(12)), False),
        (DAY, (time(20), time(21, 1)), False),
        (DAY, (time(20), time(10)), False),
        (NIGHT, (time(22), time(5)), True),
        (NIGHT, (time(1), time(6)), True),
        (NIGHT, (time(20), time(23)), False),
        (NIGHT, (time(5), time(22)), False),
        (DAY._replace(closes=time(9)), (time(22), time(5)), True),
    ],
)
def test_its_window_may_only_be_narrower_than_the_hours(
    hours: CallingHours | None, window: tuple[time, time], is_right: bool
) -> None:
    assert (wrong(hours, calling_window=window) == {}) is is_right


def test_its_hours_are_its_window_on_the_days_that_are_not_closed() -> None:
    closed = ((date(2026, 11, 24), date(2026, 11, 24)),)
    own = replace(PLAN, calling_window=(time(10), time(12)))
    assert hours_of_plan(PLAN, DAY, INDIA) is DAY
    assert hours_of_plan(own, None, INDIA) == CallingHours(time(10), time(12), INDIA)
    assert hours_of_plan(own, DAY._replace(closed=closed), INDIA) == CallingHours(
        time(10), time(12), INDIA, closed
    )


@pytest.mark.parametrize("written", [1500.0, 1500, "1e3", "-1", "1,500", "", "1.1234567", "١"])
def test_money_is_plain_digits_as_text(written: object) -> None:
    with pytest.raises(ValueError):
        read_amount(written)


def test_money_stays_exact() -> None:
    assert read_amount("1500.10") == Decimal("1500.10")


def test_every_state_leads_to_an_end_and_no_end_leads_anywhere() -> None:
    leads_to = {
        state: {changes[state] for changes in CHANGES.values() if state in changes}
        for state in CampaignState
    }
    assert {state for state, after in leads_to.items() if not after} == ENDED
    reached, further = {CampaignState.DRAFT}, True
    while further:
        more = {after for state in reached for after in leads_to[state]} - reached
        reached, further = reached | more, bool(more)
    assert reached == set(CampaignState)


def test_only_a_checked_campaign_can_be_started_and_only_a_standing_one_edited() -> None:
    assert set(CHANGES[CampaignAction.START]) == {"checked"}
    assert set(CHANGES[CampaignAction.EDIT]) == {"draft", "checked", "paused"}
    assert allowed_actions(CampaignState.RUNNING) == ["pause", "stop"]
    assert allowed_actions(CampaignState.COMPLETED) == []
