"""Questions about the figures: how many calls ended how, when, and what they cost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from peewee import SQL, fn

from obdtrack.statistics.counters import ALL, EVER, HALF_HOUR, slot_of
from obdtrack.store import models
from obdtrack.store.columns import from_microseconds, to_microseconds

_DAY = 48
_SOME = 100


class Sum(NamedTuple):
    """How many calls have one status. `cost` is in millionths, for `priced` of them."""

    status: str
    source: str
    attempts: int
    calls: int
    priced: int
    cost: int


class Bar(NamedTuple):
    """So many calls with this status, placed in the `place`-th part of a period or a day.

    `cost` is in millionths, for `priced` of them.
    """

    place: int
    status: str
    calls: int
    priced: int = 0
    cost: int = 0


class Span(NamedTuple):
    """Half hours from `first` to before `end`, counted since 1970 UTC."""

    first: int
    end: int


def span(since: datetime, until: datetime) -> Span:
    """Return the half hours that a period touches."""
    return Span(to_microseconds(since) // HALF_HOUR, -(-to_microseconds(until) // HALF_HOUR))


def half_hour(moment: datetime) -> datetime:
    """Return the beginning of the half hour that an aware time lies in: figures go no finer."""
    return from_microseconds(slot_of(moment) * HALF_HOUR)


def totals(name: str | None, period: Span | None) -> list[Sum]:
    """Add up one campaign (None: all) in a period (None: all time)."""
    figure = models.Statistic
    columns: list[Any] = [figure.status, figure.source, figure.attempts]
    sums: list[Any] = [fn.SUM(column) for column in (figure.calls, figure.priced, figure.cost)]
    query = figure.select(*columns, *sums).where(_of(name, period)).group_by(*columns)
    found: Any = query.tuples()
    return [Sum(*row[:3], *(int(number or 0) for number in row[3:])) for row in found if row[3]]


def over_time(name: str | None, period: Span, width: int) -> list[Bar]:
    """Count by status in each part of a period that is `width` half hours wide."""
    place = (models.Statistic.slot - period.first) / width
    return _bars(place, _of(name, period))


def by_hour_of_day(name: str | None, period: Span | None, shift: int) -> list[Bar]:
    """Count by status in each hour of the day; `shift` is the zone's half hours before UTC."""
    local = models.Statistic.slot + shift
    place = (local - local / _DAY * _DAY) / 2  # peewee's % is LIKE
    return _bars(place, _of(name, period or Span(0, 1 << 30)))


def campaigns(limit: int, before: tuple[int, str] | None = None) -> list[models.CampaignName]:
    """List campaigns, those with the newest calls first, that come after this slot and name."""
    campaign = models.CampaignName
    query = campaign.select()
    if before is not None:
        slot, name = before
        query = query.where(
            (campaign.slot <= slot) & ((campaign.slot < slot) | (campaign.name < name))
        )
    return list(query.order_by(campaign.slot.desc(), campaign.name.desc()).limit(limit))


def names_from(text: str) -> list[str]:
    """List some names of calls in their order, from where this one would stand."""
    name = models.CampaignName.name
    query = models.CampaignName.select(name).where(name >= text).order_by(name).limit(_SOME)
    return [row.name for row in query]


def before(name: str, limit: int) -> list[models.CampaignName]:
    """List the campaigns whose newest calls came before this one's, the latest first."""
    campaign = models.CampaignName
    found = campaign.get_or_none(campaign.name == name)
    return campaigns(limit, (found.slot, name)) if found else []


def life(name: str) -> Span | None:
    """Return the half hours from the first to the last in which calls of a campaign were placed."""
    figure = models.Statistic
    query = figure.select(figure.slot).where(
        (figure.name == name) & (figure.slot >= 0) & (figure.calls > 0)
    )
    first, last = (
        query.order_by(order).limit(1).scalar() for order in (figure.slot, figure.slot.desc())
    )
    return Span(first, last + 1) if first is not None and last is not None else None


def of_campaigns(names: Collection[str]) -> dict[str, list[Sum]]:
    """Add up each of these campaigns over all time."""
    figure = models.Statistic
    found: dict[str, list[Sum]] = {name: [] for name in names}
    query = figure.select().where(figure.name.in_(list(names)) & (figure.slot == EVER))
    for row in query:
        if row.calls:
            found[row.name].append(
                Sum(row.status, row.source, row.attempts, row.calls, row.priced, row.cost)
            )
    return found


def is_campaign(name: str) -> bool:
    """Whether any call was placed for this campaign."""
    return bool(models.CampaignName.select().where(models.CampaignName.name == name).exists())


def _of(name: str | None, period: Span | None) -> Any:
    figure = models.Statistic
    if period is None:
        return (figure.name == (name or ALL)) & (figure.slot == EVER)
    when = (figure.slot >= period.first) & (figure.slot < period.end)
    return (figure.name == (name or ALL)) & when


def _bars(place: Any, condition: Any) -> list[Bar]:
    figure = models.Statistic
    query = (
        figure.select(
            place, figure.status, *map(fn.SUM, (figure.calls, figure.priced, figure.cost))
        )
        .where(condition)
        .group_by(SQL("1"), figure.status)
    )
    found: Any = query.tuples()
    return [Bar(int(row[0]), row[1], *map(int, row[2:])) for row in found if row[2]]
