"""The strip above a list: the figures of its period, and a chart of them on the reader's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import url_for

from obdtrack.calls import search
from obdtrack.calls.search import CallFilter, ReasonCount
from obdtrack.statistics import questions
from obdtrack.statistics.counters import HALF_HOUR
from obdtrack.statistics.questions import Span, Sum
from obdtrack.store.columns import from_microseconds
from obdtrack.web.pages.charts import Chart, ChartFigures, add_up, stacked
from obdtrack.web.pages.filters import Filter
from obdtrack.web.pages.language import date
from obdtrack.web.pages.preferences import Zone, current_zone

_WIDTHS = (1, 2, 6, 12, 48, 48 * 7, 48 * 30)
"""Half hours a part may be wide: half an hour, one, three, six, a day, a week, thirty days."""

_MOST_PARTS = 40
_LABELS = 6
LONGEST = timedelta(days=400)
_ALL_TIME = timedelta(days=90)  # how much of it the small chart shows
MOST_LOOKED_AT = 2000
"""Calls whose reasons are counted for a page: there are no sums of them."""

_NOW_TOO = timedelta(microseconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Strip(NamedTuple):
    """The figures and their chart.

    The figures count calls placed from `since` (None: all) to `until` (None: now); the bars begin
    at `drawn`. `links` lead to the calls of each bar; `sums` are what was added up.
    """

    figures: ChartFigures
    chart: Chart
    since: datetime | None
    until: datetime | None
    drawn: datetime
    links: list[str]
    sums: list[Sum]


def make_strip(chosen: Filter, now: datetime, width: float = 440) -> Strip:
    """Return the figures of a filter's period and campaign; the chart is `width` wide."""
    wanted = chosen.wanted
    until = _end(wanted, now)
    period = period_of(chosen, now)
    parts = cut(min(wanted.since or until - _ALL_TIME, until), until, current_zone())
    bars = questions.over_time(wanted.name, parts.span, parts.width)
    sums = questions.totals(wanted.name, period)
    return Strip(
        add_up(sums),
        stacked(bars, parts.labels, parts.names, width, 96),
        since=_moment(period.first) if period and wanted.since else None,
        until=wanted.until,
        drawn=_moment(parts.span.first),
        links=_links(wanted.name, parts),
        sums=sums,
    )


def period_of(chosen: Filter, now: datetime) -> Span | None:
    """Return the half hours of a filter's period; None if it is any time."""
    wanted = chosen.wanted
    since = wanted.since or (_BEGINNING if wanted.until else None)
    return questions.span(since, _end(wanted, now)) if since else None


def _end(wanted: CallFilter, now: datetime) -> datetime:
    return min(wanted.until or now + _NOW_TOO, now + _NOW_TOO)


def _links(name: str | None, parts: Parts) -> list[str]:
    """Return the addresses of the lists of the calls that the bars count."""
    days, zone = parts.width // 48, current_zone()
    letters = len("2026-11-23" if days else "2026-11-23T14:30")
    whole: dict[str, Any] = {"name": name, "from": "", "to": ""}
    begin, middle, _end = url_for("pages_calls.index", **whole).rpartition("&to=")
    found = []
    for first in range(*parts.span, parts.width):
        last = first + parts.width - bool(days)  # of days the last is named, too
        start, end = (zone.local(_moment(slot)).isoformat()[:letters] for slot in (first, last))
        found.append(f"{begin}{start}{middle}{end}")
    return found


class Reasons(NamedTuple):
    """Why `calls` of the calls of a period were not answered, among its `most` newest."""

    counts: list[ReasonCount]
    calls: int
    most: int

    def percent(self, count: ReasonCount) -> float:
        """Return one reason's part of all."""
        return 100 * count.calls / self.calls


def count_reasons(chosen: Filter) -> Reasons:
    """Return why calls of a filter's period and campaign were not answered."""
    wanted = chosen.wanted
    of = CallFilter(name=wanted.name, since=wanted.since, until=wanted.until)
    counts = search.reasons(of, MOST_LOOKED_AT)
    return Reasons(counts, sum(count.calls for count in counts), MOST_LOOKED_AT)


def how_many(chosen: Filter, now: datetime, strip: Strip | None) -> tuple[int, bool]:
    """Return how many calls a filter finds, and whether there may be more.

    The figures know it, those of the strip above the list if it has one, if the filter wants
    nothing else than what they are counted by.
    """
    wanted = chosen.wanted
    counted = CallFilter(
        statuses=wanted.statuses,
        name=wanted.name,
        since=wanted.since,
        until=wanted.until,
        source=wanted.source,
        attempts=wanted.attempts,
    )
    times = (wanted.since, wanted.until)
    if wanted != counted or any(time and questions.half_hour(time) != time for time in times):
        return search.count(wanted)
    sums = strip.sums if strip else questions.totals(wanted.name, period_of(chosen, now))
    found = sum(
        one.calls
        for one in sums
        if (not wanted.statuses or one.status in wanted.statuses)
        and wanted.source in (None, one.source)
        and wanted.attempts in (None, one.attempts)
    )
    return found, False


class Parts(NamedTuple):
    """A period in equal parts: the half hours, how many make a part, and what each is called."""

    span: Span
    width: int
    labels: list[str]
    names: list[str]


def cut(since: datetime, until: datetime, zone: Zone) -> Parts:
    """Cut a period into at most forty parts that begin at whole hours or days where they can."""
    since = max(since, until - LONGEST)
    whole = questions.span(since, until)
    half_hours = whole.end - whole.first
    width = next((w for w in _WIDTHS if half_hours <= w * _MOST_PARTS), _WIDTHS[-1])
    align = min(width, 48)
    shift = zone.shift(until)
    first = whole.first - (whole.first + shift) % align
    count = -(-(whole.end - first) // width)
    starts = [_moment(first + i * width) for i in range(count)]
    local = [zone.local(start) for start in starts]
    names = [date(s) if width >= 48 else f"{date(s)} {s:%H:%M}" for s in local]
    labels = _labels(local, width)
    return Parts(Span(first, first + count * width), width, labels, names)


def _labels(starts: list[datetime], width: int) -> list[str]:
    """Name some of the parts: days where the period has several, times of day elsewhere."""
    days = width >= 48 or len(starts) * width > 2 * 48
    fit = [i for i, s in enumerate(starts) if width >= 48 or not days or s.hour < width / 2]
    chosen = set(fit[:: max(-(-len(fit) // _LABELS), 1)])
    texts = [date(s) if days or s.hour == 0 else f"{s:%H:%M}" for s in starts]
    return [text if i in chosen else "" for i, text in enumerate(texts)]


def _moment(slot: int) -> datetime:
    return from_microseconds(slot * HALF_HOUR)
