"""A campaign's figures beside each other: hour by hour, and beside those of another campaign."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from obdtrack.calls import search
from obdtrack.calls.search import CallFilter, Talk
from obdtrack.domain.status import FINAL, Status
from obdtrack.statistics import questions
from obdtrack.statistics.counters import HALF_HOUR
from obdtrack.statistics.questions import Bar
from obdtrack.store.columns import from_microseconds
from obdtrack.web.pages.charts import ChartFigures, add_up, money
from obdtrack.web.pages.clocks import length
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.template_helpers import day
from obdtrack.web.pages.template_helpers import money as in_currency
from obdtrack.web.pages.totals import MOST_LOOKED_AT

_OTHERS = 20
_CENT = Decimal("0.0001")
_DATES = {
    word.casefold()
    for words in (calendar.month_name, calendar.month_abbr, calendar.day_name, calendar.day_abbr)
    for word in words
}


class HourLine(NamedTuple):
    """An hour of the reader's day: its calls, those that ended and were answered, and the cost."""

    hour: int
    placed: int
    ended: int
    answered: int
    cost: Decimal | None

    @property
    def name(self) -> str:
        """The hour by the clock: `09:00–09:59`."""
        return f"{self.hour:02}:00–{self.hour:02}:59"

    @property
    def percent(self) -> float | None:
        """How many of those that ended were answered."""
        return 100 * self.answered / self.ended if self.ended else None


class WholeCampaign(NamedTuple):
    """All calls of a campaign, in figures; `first` is when they began, None if that is unknown."""

    name: str
    first: datetime | None
    figures: ChartFigures
    talk: Talk

    @property
    def average_talk(self) -> float | None:
        """Seconds of an answered call, among the newest."""
        return self.talk.seconds / self.talk.calls if self.talk.calls else None

    @property
    def cost_per_answered(self) -> Decimal | None:
        """What all its calls cost, by those that were answered."""
        figures, answered = self.figures, self.figures.of(Status.COMPLETED)
        return (figures.cost / answered).quantize(_CENT) if figures.priced and answered else None


class ComparedLine(NamedTuple):
    """One figure of two campaigns in words, and by how much the first is more."""

    what: str
    this: str
    other: str
    difference: str


class Comparison(NamedTuple):
    """A campaign beside an `other`, and the names of those that can be chosen."""

    other: WholeCampaign
    day: str
    lines: list[ComparedLine]
    names: list[str]


def hour_lines(bars: Sequence[Bar]) -> list[HourLine]:
    """Return the hours of the day in which calls were placed."""
    lines = []
    for hour in sorted({bar.place for bar in bars}):
        of = [bar for bar in bars if bar.place == hour]
        priced = any(bar.priced for bar in of)
        lines.append(
            HourLine(
                hour,
                sum(bar.calls for bar in of),
                sum(bar.calls for bar in of if bar.status in FINAL),
                sum(bar.calls for bar in of if bar.status == Status.COMPLETED),
                money(sum(bar.cost for bar in of)) if priced else None,
            )
        )
    return lines


def compare(name: str, chosen: str | None) -> Comparison | None:
    """Return a campaign beside the chosen one, else beside the one before; None if there is none.

    The one before is the latest before it whose name differs in numbers, months and days only, or
    simply the latest.
    """
    names = [campaign.name for campaign in questions.before(name, _OTHERS)]
    alike = [other for other in names if _pattern(other) == _pattern(name)]
    if chosen and chosen != name and questions.is_campaign(chosen):
        names = [chosen, *(other for other in names if other != chosen)]
    elif alike:
        chosen = alike[0]
    elif names:
        chosen = names[0]
    else:
        return None
    mine, other = _whole(name), _whole(chosen)
    return Comparison(other, day(other.first), _lines(mine, other), names)


def _whole(name: str) -> WholeCampaign:
    life = questions.life(name)
    return WholeCampaign(
        name,
        from_microseconds(life.first * HALF_HOUR) if life else None,
        add_up(questions.of_campaigns([name])[name]),
        search.talk(CallFilter(name=name), MOST_LOOKED_AT),
    )


def _lines(this: WholeCampaign, other: WholeCampaign) -> list[ComparedLine]:
    placed, before = this.figures.placed, other.figures.placed
    more = placed - before
    return [
        ComparedLine(_("Placed"), f"{placed:,}", f"{before:,}", f"{_sign(more)}{abs(more):,}"),
        _share(this.figures.percent(Status.COMPLETED), other.figures.percent(Status.COMPLETED)),
        _talked(this.average_talk, other.average_talk),
        _cost(this.cost_per_answered, other.cost_per_answered),
    ]


def _share(this: float | None, other: float | None) -> ComparedLine:
    more = ""
    if this is not None and other is not None:
        points = round(this - other, 1)
        more = _("%(number)s points", number=f"{_sign(points)}{abs(points):.1f}")
    mine, theirs = ("–" if one is None else f"{one:.1f} %" for one in (this, other))
    return ComparedLine(_("Answered, of those that ended"), mine, theirs, more)


def _talked(this: float | None, other: float | None) -> ComparedLine:
    more = ""
    if this is not None and other is not None:
        seconds = round(this) - round(other)
        more = f"{_sign(seconds)}{length(abs(seconds))}"
    mine, theirs = ("–" if one is None else length(one) for one in (this, other))
    return ComparedLine(_("Average talk time"), mine, theirs, more)


def _cost(this: Decimal | None, other: Decimal | None) -> ComparedLine:
    more = ""
    if this is not None and other is not None:
        more = f"{_sign(this - other)}{in_currency(abs(this - other))}"
    return ComparedLine(_("Cost of an answered call"), in_currency(this), in_currency(other), more)


def _sign(number: float | Decimal) -> str:
    return "+" if number > 0 else "−" if number < 0 else "±"


def _pattern(name: str) -> tuple[str, ...]:
    """Return what a campaign's name says beside numbers and dates."""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    return tuple(word for word in words if word not in _DATES)
