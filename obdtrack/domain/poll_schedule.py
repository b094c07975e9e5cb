"""When to ask the provider about a call that we have heard too little of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.fold import CallState
from obdtrack.domain.status import Status

UNKNOWN_PAUSES: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 7200, 43200, 86400)
)
"""How long after it became unknown a call is looked for. Not at once: the log needs a moment."""

POLL = "poll"
"""What the tasks that poll the provider about a call are called."""

PUT_OFF = timedelta(minutes=10)
"""How long a poll belongs to the process that took it, and is put off if it brought nothing."""


class Plan(NamedTuple):
    """What a call still needs: a check at `next_check_at` (None: no more), or to be given up."""

    next_check_at: datetime | None
    given_up: bool = False


def plan(
    state: CallState,
    *,
    created_at: datetime,
    interval: int,
    now: datetime,
    schedule: Sequence[timedelta],
    has_log: bool = True,
) -> Plan:
    """Say when a call is asked for next; times are aware UTC, `interval` in minutes.

    `schedule` holds the distances from `created_at` at which a call without a final report is
    asked for; redials move them by `interval`. After the last of them it is given up. A provider
    that has no log of calls is never asked: a call is only given up.
    """
    if not has_log:
        schedule = schedule[-1:]
    if state.status is Status.UNKNOWN:
        if not has_log:
            return Plan(None)
        return Plan(_next(state.status_as_of, UNKNOWN_PAUSES, now))
    if not _wanted(state, interval):
        return Plan(None)
    shifted = [distance + timedelta(minutes=interval) for distance in schedule]
    due = _next(created_at, shifted, now)
    return Plan(due, given_up=due is None and state.status is Status.QUEUED)


def _wanted(state: CallState, interval: int) -> bool:
    if state.status is Status.QUEUED:
        return True
    # The provider dials again, and the report of that attempt can be lost like any other.
    return bool(interval and state.answered is False)


def _next(begin: datetime, distances: Sequence[timedelta], now: datetime) -> datetime | None:
    return next((begin + distance for distance in distances if begin + distance > now), None)
