"""The hours in which calls may be placed, by the clock of one place."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class CallingWindow(NamedTuple):
    """From `opens` (included) to `closes` (not included), as clocks in `zone` show it.

    One that closes before it opens lasts over midnight.
    """

    opens: time
    closes: time
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"from {self.opens:%H:%M} to {self.closes:%H:%M} {self.zone.key}"


def is_open(window: CallingWindow, at: datetime) -> bool:
    """Whether calls may be placed at this aware time."""
    local = at.astimezone(window.zone).time()
    if window.opens < window.closes:
        return window.opens <= local < window.closes
    return local >= window.opens or local < window.closes


def next_opening(window: CallingWindow, after: datetime) -> datetime:
    """Return when the window opens next after this aware time; aware UTC."""
    today = after.astimezone(window.zone).date()
    openings = (
        datetime.combine(today + timedelta(days=days), window.opens, window.zone).astimezone(UTC)
        for days in (0, 1, 2)
    )
    return next(opening for opening in openings if opening > after)
