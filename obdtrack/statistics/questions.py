"""Questions about the figures: how many calls ended how, when, and what they cost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from obdtrack.statistics.counters import ALL, EVER, HALF_HOUR, slot_of
from obdtrack.store import bulk_sql, models
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
    found = _sums("status, source, attempts", name, period)
    return [Sum(*row[:3], *map(int, row[3:])) for row in found]


def over_time(name: str | None, period: Span, width: int) -> list[Bar]:
    """Count by status in each part of a period that is `width` half hours wide."""
    return _bars(_sums("(slot - ?) / ?, status", name, period, period.first, width))


def by_hour_of_day(name: str | None, period: Span | None, shift: int) -> list[Bar]:
    """Count by status in each hour of the day; `shift` is the zone's half hours before UTC."""
    hour = f"(slot + ? - (slot + ?) / {_DAY} * {_DAY}) / 2"
    ever = period or Span(0, 1 << 30)
    return _bars(_sums(f"{hour}, status", name, ever, shift, shift))


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
    some = "SELECT name FROM campaign_names WHERE name >= ? ORDER BY name LIMIT ?"
    return [name for (name,) in bulk_sql.ask(models.CampaignName, some, text, _SOME)]


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


def _sums(
    columns: str, name: str | None, period: Span | None, *values: int
) -> list[tuple[Any, ...]]:
    """Add up by these columns, in which each `?` is a value, what there is; see `totals`."""
    first, end = period or (EVER, EVER + 1)
    places = ", ".join(str(place) for place in range(1, columns.count(",") + 2))
    wanted = "name = ? AND slot >= ? AND slot < ?"
    sql = f"SELECT {columns}, SUM(calls), SUM(priced), SUM(cost) FROM statistics WHERE {wanted} "  # noqa: S608
    sql += f"GROUP BY {places} HAVING SUM(calls) <> 0"
    return bulk_sql.ask(models.Statistic, sql, *values, name or ALL, first, end)


def _bars(rows: list[tuple[Any, ...]]) -> list[Bar]:
    return [Bar(int(row[0]), row[1], *map(int, row[2:])) for row in rows]
