"""The strip above a list: the figures of its period, and how they came about over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from obdtrack.statistics import questions
from obdtrack.statistics.counters import HALF_HOUR
from obdtrack.store.columns import from_microseconds
from obdtrack.web.pages.buckets import cut
from obdtrack.web.pages.charts import Chart, ChartFigures, add_up, stacked
from obdtrack.web.pages.filters import Filter
from obdtrack.web.pages.preferences import current_zone

_ALL_TIME = timedelta(days=90)  # how much of it the small chart shows
_NOW_TOO = timedelta(microseconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Strip(NamedTuple):
    """The figures and their chart.

    The figures count calls placed from `since` (None: all) to `until` (None: now); the bars begin
    at `drawn`.
    """

    figures: ChartFigures
    chart: Chart
    since: datetime | None
    until: datetime | None
    drawn: datetime


def make_strip(chosen: Filter, now: datetime, width: float = 440) -> Strip:
    """Return the figures of a filter's period and campaign; the chart is `width` wide."""
    wanted = chosen.wanted
    latest = now + _NOW_TOO
    until = min(wanted.until or latest, latest)
    since = wanted.since or (_BEGINNING if wanted.until else None)
    period = questions.span(since, until) if since else None
    parts = cut(min(wanted.since or until - _ALL_TIME, until), until, current_zone())
    bars = questions.over_time(wanted.name, parts.span, parts.width)
    return Strip(
        add_up(questions.totals(wanted.name, period)),
        stacked(bars, parts.labels, parts.names, width, 96),
        since=_moment(period.first) if period and wanted.since else None,
        until=wanted.until,
        drawn=_moment(parts.span.first),
    )


def _moment(slot: int) -> datetime:
    return from_microseconds(slot * HALF_HOUR)
