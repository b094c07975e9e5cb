"""When a campaign will have called everybody, by its pace, its hours and the days without calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.calling_hours import (
    CallingHours,
    RingPlan,
    last_beginning,
    may_begin,
    next_beginning,
)
from obdtrack.domain.campaign import AtWindowEnd, CampaignPlan

_MINUTE = timedelta(minutes=1)
_MOST_WINDOWS = 1000


class Forecast(NamedTuple):
    """When the last call is placed (aware UTC; None: never), and how many are not called by then.

    `outside` are those for whom the hours, or `end_at`, end too early.
    """

    ends_at: datetime | None
    outside: int


def forecast(
    count: int,
    plan: CampaignPlan,
    hours: CallingHours | None,
    now: datetime,
    dialling: RingPlan,
) -> Forecast:
    """Return when so many calls are placed if the campaign starts now, or at its `start_at`.

    `hours` are those in which its calls may ring (None: any), each time that one may by `dialling`.
    Retries are not counted.
    """
    at, left, last = max(now, plan.start_at or now), count, None
    for _ in range(_MOST_WINDOWS):
        if hours and not may_begin(hours, at, dialling):
            opens_at = next_beginning(hours, at, dialling)
            if opens_at is None or (last and plan.at_window_end == AtWindowEnd.STOP):
                break
            at = opens_at
        closes_at = _closes(hours, at, dialling)
        until = min((one for one in (closes_at, plan.end_at) if one), default=None)
        room = left if until is None else max(0, int((until - at) / _MINUTE * plan.per_minute))
        if left <= room:
            return Forecast(at + _MINUTE * (left / plan.per_minute), 0)
        left -= room
        if room:
            last = at + _MINUTE * (room / plan.per_minute)
        if until is None or closes_at is None or (plan.end_at and plan.end_at <= closes_at):
            break
        at = closes_at
    return Forecast(last, left)


def _closes(hours: CallingHours | None, at: datetime, dialling: RingPlan) -> datetime | None:
    """Return from when on calls may not begin any more, of the hours that are open at this time."""
    if hours is None:
        return None
    latest = last_beginning(hours, at, dialling)
    return at if latest is None else max(latest + _MINUTE, at)
