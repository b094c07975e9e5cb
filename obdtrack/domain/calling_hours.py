"""The hours in which phones may ring, by the clock of one place, also when a call is redialled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo


class CallType(StrEnum):
    """What a call is for; the hours depend on it."""

    PROMOTIONAL = "promotional"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    COLLECTION = "collection"


Days = tuple[date, date]
"""The first and the last of some days in a row."""


class CallingHours(NamedTuple):
    """From `opens` (included) to `closes` (not included), as clocks in `zone` show it.

    Hours that close before they open last over midnight; those that close when they open are all
    hours. On `closed` days phones ring at no hour; each ends at its midnight.
    """

    opens: time
    closes: time
    zone: ZoneInfo
    closed: tuple[Days, ...] = ()

    def __str__(self) -> str:
        days = " on days that are not closed" if self.closed else ""
        if self.opens == self.closes:
            return f"at any hour{days} {self.zone.key}"
        return f"from {self.opens:%H:%M} to {self.closes:%H:%M}{days} {self.zone.key}"


class RingPlan(NamedTuple):
    """When a phone may ring for one call: at once, and up to `redials` times more, so far apart."""

    apart: timedelta = timedelta(0)
    redials: int = 0

    def times(self, first: datetime) -> Iterator[datetime]:
        """Return each time at which it may ring if it rings first then."""
        more = self.redials if self.apart else 0
        return (first + self.apart * count for count in range(more + 1))


ONCE = RingPlan()

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_FURTHEST = timedelta(days=60)


def is_open(hours: CallingHours, at: datetime) -> bool:
    """Whether phones may ring at this aware time."""
    there = at.astimezone(hours.zone)
    if any(first <= there.date() <= last for first, last in hours.closed):
        return False
    local = there.time()
    if hours.opens < hours.closes:
        return hours.opens <= local < hours.closes
    return local >= hours.opens or local < hours.closes


def may_begin(hours: CallingHours, at: datetime, dialling: RingPlan = ONCE) -> bool:
    """Whether a call placed at this aware time rings within the hours, each time it may ring."""
    return all(is_open(hours, time) for time in dialling.times(at))


def next_beginning(
    hours: CallingHours, after: datetime, dialling: RingPlan = ONCE
) -> datetime | None:
    """Return when a call may be placed next after this aware time; aware UTC.

    It is to the minute, or the moment at which the hours begin. None if there is no such time
    within sixty days.
    """
    for opening in _openings(hours, after):
        if may_begin(hours, opening, dialling):
            return opening
    return None


def last_beginning(hours: CallingHours, at: datetime, dialling: RingPlan) -> datetime | None:
    """Return the last minute, of the hours open at this aware time, at which a call may be placed.

    Aware UTC; None if the hours are too short for all that it may ring.
    """
    end = at.astimezone(UTC).replace(second=0, microsecond=0)
    while end - at < _DAY and is_open(hours, end + _MINUTE):
        end += _MINUTE
    while is_open(hours, end):
        if may_begin(hours, end, dialling):
            return end
        end -= _MINUTE
        if at - end > _DAY:
            break
    return None


def _openings(hours: CallingHours, after: datetime) -> Iterator[datetime]:
    """Return the times after this one at which hours begin, day by day, and their midnights."""
    today = after.astimezone(hours.zone).date()
    for count in range(_FURTHEST.days + 1):
        day = today + timedelta(days=count)
        begin = sorted({time(0), hours.opens})
        found = (datetime.combine(day, clock, hours.zone).astimezone(UTC) for clock in begin)
        yield from (one for one in found if one > after and is_open(hours, one))
