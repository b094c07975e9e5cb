"""Cuts a period into the parts that a small chart shows, on the reader's clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.statistics.counters import HALF_HOUR
from obdtrack.statistics.questions import Span, span
from obdtrack.store.columns import from_microseconds
from obdtrack.web.pages.preferences import Zone

_WIDTHS = (1, 2, 6, 12, 48, 48 * 7, 48 * 30)
"""Half hours a part may be wide: half an hour, one, three, six, a day, a week, thirty days."""

_MOST_PARTS = 40
_LABELS = 6
LONGEST = timedelta(days=400)


class Parts(NamedTuple):
    """A period in equal parts: the half hours, how many make a part, and what each is called."""

    span: Span
    width: int
    labels: list[str]
    names: list[str]


def cut(since: datetime, until: datetime, zone: Zone) -> Parts:
    """Cut a period into at most forty parts that begin at whole hours or days where they can."""
    since = max(since, until - LONGEST)
    whole = span(since, until)
    half_hours = whole.end - whole.first
    width = next((w for w in _WIDTHS if half_hours <= w * _MOST_PARTS), _WIDTHS[-1])
    align = min(width, 48)
    shift = zone.shift(until)
    first = whole.first - (whole.first + shift) % align
    count = -(-(whole.end - first) // width)
    starts = [from_microseconds((first + i * width) * HALF_HOUR) for i in range(count)]
    names = [_name(zone.local(start), width) for start in starts]
    labels = _labels([zone.local(start) for start in starts], width)
    return Parts(Span(first, first + count * width), width, labels, names)


def _labels(starts: list[datetime], width: int) -> list[str]:
    """Name some of the parts: days where the period has several, times of day elsewhere."""
    days = width >= 48 or len(starts) * width > 2 * 48
    told = [
        i for i, start in enumerate(starts) if width >= 48 or not days or start.hour < width / 2
    ]
    chosen = set(told[:: max(-(-len(told) // _LABELS), 1)])
    return [_label(start, days) if i in chosen else "" for i, start in enumerate(starts)]


def _label(start: datetime, is_day: bool) -> str:
    return f"{start.day} {start:%b}" if is_day or start.hour == 0 else f"{start:%H:%M}"


def _name(start: datetime, width: int) -> str:
    day = f"{start.day} {start:%b}"
    return day if width >= 48 else f"{day} {start:%H:%M}"
