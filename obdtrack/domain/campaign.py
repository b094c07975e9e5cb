"""Campaigns: what is planned, what a plan may say, and which changes of state there are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from obdtrack.domain.calling_hours import CallingHours
from obdtrack.domain.status import Status, Word
from obdtrack.domain.texts import N_


class CampaignState(Word):
    """Where a campaign stands."""

    DRAFT = "draft"
    CHECKED = "checked"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"


class CampaignAction(Word):
    """What changes a campaign: the first six are people's, the others are the work's own steps."""

    EDIT = "edit"
    CHECK = "check"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    BEGIN = "begin"
    SETTLE = "settle"
    COMPLETE = "complete"
    FAIL = "fail"


PEOPLES = tuple(CampaignAction)[:6]

CHANGES: Mapping[CampaignAction, Mapping[CampaignState, CampaignState]] = {
    # Importing recipients is an edit too. What was checked is no longer what would be called.
    CampaignAction.EDIT: {
        CampaignState.DRAFT: CampaignState.DRAFT,
        CampaignState.CHECKED: CampaignState.DRAFT,
        CampaignState.PAUSED: CampaignState.PAUSED,
    },
    CampaignAction.CHECK: {
        CampaignState.DRAFT: CampaignState.CHECKED,
        CampaignState.CHECKED: CampaignState.CHECKED,
        CampaignState.PAUSED: CampaignState.PAUSED,
    },
    CampaignAction.START: {CampaignState.CHECKED: CampaignState.SCHEDULED},
    CampaignAction.PAUSE: {
        CampaignState.SCHEDULED: CampaignState.PAUSED,
        CampaignState.RUNNING: CampaignState.PAUSING,
    },
    CampaignAction.RESUME: {CampaignState.PAUSED: CampaignState.SCHEDULED},
    CampaignAction.STOP: {
        CampaignState.DRAFT: CampaignState.STOPPING,
        CampaignState.CHECKED: CampaignState.STOPPING,
        CampaignState.SCHEDULED: CampaignState.STOPPING,
        CampaignState.RUNNING: CampaignState.STOPPING,
        CampaignState.PAUSING: CampaignState.STOPPING,
        CampaignState.PAUSED: CampaignState.STOPPING,
    },
    CampaignAction.BEGIN: {CampaignState.SCHEDULED: CampaignState.RUNNING},
    # Nothing is on its way any more.
    CampaignAction.SETTLE: {
        CampaignState.PAUSING: CampaignState.PAUSED,
        CampaignState.STOPPING: CampaignState.STOPPED,
    },
    CampaignAction.COMPLETE: {CampaignState.RUNNING: CampaignState.COMPLETED},
    CampaignAction.FAIL: {
        CampaignState.SCHEDULED: CampaignState.FAILED,
        CampaignState.RUNNING: CampaignState.FAILED,
        CampaignState.PAUSING: CampaignState.FAILED,
    },
}
"""The one table of what may happen to a campaign: the state after each, by the state before."""

HALTED: Mapping[str, str] = {
    "too-many-failed": N_("too many of the newest calls failed"),
    "budget": N_("the budget is spent, or another call could exceed it"),
    "invalid-token": N_("the provider does not accept our access token"),
    "forbidden": N_("the provider does not allow these calls"),
    "insufficient-balance": N_("the balance at the provider is too low"),
    "ended": N_("its end had come"),
    "outside-hours": N_("the calling hours were over"),
    "secret-key-changed": N_("values were stored under another OBDTRACK_SECRET_KEY"),
}
"""Why a campaign paused or stopped by itself, in words."""

ENDED = frozenset({CampaignState.STOPPED, CampaignState.COMPLETED, CampaignState.FAILED})


def allowed_actions(state: CampaignState) -> list[CampaignAction]:
    """Return what people may do with a campaign that stands so."""
    return [action for action in PEOPLES if state in CHANGES[action]]


class RecipientStatus(Word):
    """Where a row of a campaign's file stands; once `sent` its call says more."""

    SCHEDULED = "scheduled"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    SENT = "sent"


class AtWindowEnd(Word):
    """What a campaign does when the calling hours end before its recipients do."""

    STOP = "stop"
    RESUME = "resume"


RETRIED = (Status.BUSY, Status.NO_ANSWER, Status.FAILED)
"""After what a number may be called again: never after what may have been a call nobody saw."""


class Retries(NamedTuple):
    """Calling again, up to `times`, those whose call ended in a status of `on`."""

    on: tuple[str, ...] = RETRIED
    times: int = 1
    wait_minutes: int = 30


class StopIf(NamedTuple):
    """Pausing by itself if so many percent failed of the last calls, once there are `minimum`."""

    failed_percent: int = 50
    of_last: int = 20
    minimum: int = 5


USUAL_BREAKER = StopIf()


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """How a campaign calls: `bridge` in E.164, exactly one of `flow_id` and `audio`.

    `variables` are defaults for every recipient; `interval` is in minutes, `per_minute` counts
    calls, `start_at` and `end_at` are aware UTC. The `calling_window` is by the clock of the
    setting's zone; `budget` is in the currency of the account; `call_type` is a CallType.
    """

    bridge: str
    flow_id: str | None = None
    audio: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    per_minute: int = 60
    max_in_flight: int = 100
    numbers_per_request: int = 1
    interval: int = 0
    retries: Retries | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    calling_window: tuple[time, time] | None = None
    at_window_end: str = AtWindowEnd.STOP
    budget: Decimal | None = None
    stop_if: StopIf | None = USUAL_BREAKER
    call_type: str | None = None


BOUNDS = {
    "per_minute": (1, 600_000),
    "max_in_flight": (1, 10_000),
    "numbers_per_request": (1, 100),
    "retries.times": (0, 3),
    "retries.wait_minutes": (1, 7 * 24 * 60),
    "stop_if.failed_percent": (1, 100),
    "stop_if.of_last": (1, 1000),
    "stop_if.minimum": (1, 1000),
}
"""The least and the most of each number of a plan."""


def wrong_with(
    plan: CampaignPlan, allowed: CallingHours | None, intervals: Collection[int]
) -> dict[str, list[str]]:
    """Return what is wrong with a plan: sentences by field, none if it is right.

    `allowed` are the hours in which calls of its type may ring (None: any), `intervals` the minutes
    between redials that the provider offers.
    """
    wrong: dict[str, list[str]] = defaultdict(list)
    for name, (least, most) in BOUNDS.items():
        number = _number(plan, name)
        if number is not None and not least <= number <= most:
            wrong[name].append(f"Must be {least:,} to {most:,}.")
    for name, is_wrong, sentence in _RULES:
        if is_wrong(plan):
            wrong[name].append(sentence)
    if plan.interval not in intervals:
        known = ", ".join(map(str, intervals))
        wrong["interval"].append(f"Must be one of {known} (minutes).")
    if plan.calling_window and allowed and not _is_within(plan.calling_window, allowed):
        wrong["calling_window"].append(f"Must lie within the hours for these calls: {allowed}.")
    return dict(wrong)


_RULES: tuple[tuple[str, Callable[[CampaignPlan], bool], str], ...] = (
    (
        "flow_id",
        lambda plan: (plan.flow_id is None) == (plan.audio is None),
        "Give exactly one of flow_id and audio.",
    ),
    (
        "interval",
        lambda plan: bool(plan.interval and plan.retries and plan.retries.times),
        "Either the provider redials (interval) or the campaign calls again (retries), not both.",
    ),
    (
        "retries.on",
        lambda plan: bool(
            plan.retries and not (plan.retries.on and set(plan.retries.on) <= set(RETRIED))
        ),
        f"Must be one or some of: {', '.join(RETRIED)}. Others may have rung, or will not.",
    ),
    (
        "stop_if.minimum",
        lambda plan: bool(plan.stop_if and plan.stop_if.minimum > plan.stop_if.of_last),
        "Must not be more than of_last.",
    ),
    (
        "end_at",
        lambda plan: bool(plan.start_at and plan.end_at and plan.end_at <= plan.start_at),
        "Must be later than start_at.",
    ),
    (
        "calling_window",
        lambda plan: bool(plan.calling_window and plan.calling_window[0] == plan.calling_window[1]),
        "Must be two different times of day, like 09:00-21:00.",
    ),
    (
        "budget",
        lambda plan: plan.budget is not None and plan.budget <= 0,
        "Must be more than 0.",
    ),
)

_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")


def read_amount(text: object) -> Decimal:
    """Return an amount of money, written in plain digits as text: a float is never one.

    Raises ValueError with a sentence for anything else.
    """
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise ValueError('Must be an amount as text in plain digits, like "1500.00".')
    return Decimal(text)


def hours_of_plan(
    plan: CampaignPlan, allowed: CallingHours | None, zone: ZoneInfo
) -> CallingHours | None:
    """Return the hours in which a campaign's calls may ring; None: any.

    `allowed` are those of the settings for calls of its type, `zone` is that of the settings.
    """
    if plan.calling_window is None:
        return allowed
    return CallingHours(*plan.calling_window, zone, allowed.closed if allowed else ())


def _number(plan: CampaignPlan, name: str) -> int | None:
    holder, _, part = name.rpartition(".")
    owner = getattr(plan, holder) if holder else plan
    number: int | None = None if owner is None else getattr(owner, part)
    return number


def _is_within(window: tuple[time, time], allowed: CallingHours) -> bool:
    """Whether no minute of a window lies outside the hours; either may last over midnight."""
    if allowed.opens == allowed.closes:
        return True
    opens, closes, first, last = (
        clock.hour * 60 + clock.minute for clock in (*window, allowed.opens, allowed.closes)
    )
    return (opens - first) % _DAY + (closes - opens) % _DAY <= (last - first) % _DAY


_DAY = 24 * 60
