"""The strip above a list: the figures of its period, and how they came about over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from obdtrack.storage import figures
from obdtrack.storage.fields import from_microseconds
from obdtrack.storage.tallies import HALF_HOUR
from obdtrack.web.pages.charts import Chart, Figures, add_up, stacked
from obdtrack.web.pages.filters import Filter
from obdtrack.web.pages.periods import cut
from obdtrack.web.pages.zone import current_zone

_ALL_TIME = timedelta(days=90)  # how much of it the small chart shows
_NOW_TOO = timedelta(microseconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Strip(NamedTuple):
    """The figures and their chart.

    The figures count calls placed from `since` (None: all) to `until` (None: now); the bars begin
    at `drawn`.
    """

    figures: Figures
    chart: Chart
    since: datetime | None
    until: datetime | None
    drawn: datetime


def make_strip(chosen: Filter, now: datetime, width: float = 440) -> Strip:
    """Give the figures of a filter's period and campaign; the chart is `width` wide."""
    wanted = chosen.wanted
    latest = now + _NOW_TOO
    until = min(wanted.until or latest, latest)
    since = wanted.since or (_BEGINNING if wanted.until else None)
    period = figures.span(since, until) if since else None
    parts = cut(min(wanted.since or until - _ALL_TIME, until), until, current_zone())
    bars = figures.over_time(wanted.name, parts.span, parts.width)
    return Strip(
        add_up(figures.totals(wanted.name, period)),
        stacked(bars, parts.labels, parts.names, width, 96),
        since=_moment(period.first) if period and wanted.since else None,
        until=wanted.until,
        drawn=_moment(parts.span.first),
    )


def _moment(slot: int) -> datetime:
    return from_microseconds(slot * HALF_HOUR)
