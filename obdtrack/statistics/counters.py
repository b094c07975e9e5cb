"""Keeps the figures: every change of a call moves it from one sum to another, in its transaction.

A batch of changes is added up first and written once, so that a burst of reports about one campaign
costs a handful of rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from peewee import SQL, fn

from obdtrack.domain.trial import TRIAL_NAME, TRIAL_NUMBER
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import to_microseconds
from obdtrack.store.connections import connected
from obdtrack.store.database import Store
from obdtrack.store.database_errors import unavailable_if_locked
from obdtrack.store.sqlite import SqliteStore

HALF_HOUR = 1_800_000_000
"""Microseconds in a slot: whole hours would be cut in two in India."""

EVER = -1
"""The slot for all time."""

ALL = ""
"""The name for all campaigns together, and for calls without one."""

MOST_ATTEMPTS = 9
"""More attempts than this are counted as so many."""

MILLION = 1_000_000
_LARGEST = 10**15
_KEYS = ("name", "slot", "status", "source", "attempts")
_SUMS = ("calls", "priced", "cost")

_LOCK_FIGURES = "LOCK TABLE statistics, campaign_names IN SHARE ROW EXCLUSIVE MODE"
_FIRST_SIX = [SQL(str(place)) for place in range(1, 7)]

Key = tuple[str, int, str, str, int]

Place = tuple[str | None, int]
"""A call's campaign and the half hour in which it was placed (`slot_of`): what never changes of it.
Plain tuples, this and the next: each report makes three, and names would cost as much again."""

CallBucket = tuple[str, str, int, str | None]
"""The state of a call: its status, how we know it, its attempts and its charges."""

Change = tuple[Place, CallBucket | None, CallBucket]
"""A call with its state before (None: it is new) and after."""


def slot_of(moment: datetime) -> int:
    """Return the half hour that an aware time lies in."""
    return to_microseconds(moment) // HALF_HOUR


def count(changes: Iterable[Change], times: int = 1) -> None:
    """Move calls in the figures from the state before to the state after."""
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    # Reports of a burst are mostly alike, so each kind of change is worked out once.
    for (place, before, after), calls in Counter(changes).items():
        if before is not None:
            _add(sums, place, before, -times * calls)
        _add(sums, place, after, times * calls)
    # In one order, so that two writers never hold what the other waits for.
    moved = sorted((key, values) for key, values in sums.items() if any(values))
    bulk_sql.add_up(models.Statistic, _KEYS, _SUMS, [(*key, *values) for key, values in moved])


def note_campaigns(newest: Mapping[str, int]) -> None:
    """Keep campaigns' names, and the half hours in which their newest calls were placed."""
    bulk_sql.raise_to(models.CampaignName, ("name",), "slot", sorted(newest.items()))


@contextmanager
def one_moment(store: Store) -> Iterator[None]:
    """Have all questions in the block answered as of one moment, while others go on writing."""
    kind = "DEFERRED" if isinstance(store, SqliteStore) else "REPEATABLE READ"
    with unavailable_if_locked(), connected(store), store.atomic(kind):
        yield


def wrong() -> int:
    """Count the figures and campaigns that counting the calls would not give.

    Others must not write meanwhile, or must not be seen to: see `one_moment`.
    """
    figures, campaigns = _differences()
    return len(figures) + len(campaigns)


def recount() -> None:
    """Make all figures what counting the calls gives, under a lock that the transaction keeps."""
    if models.Statistic._meta.database.for_update:
        # Calls and figures change together; nobody may be half-way between them.
        models.Statistic._meta.database.execute_sql(_LOCK_FIGURES)
    figures, campaigns = _differences()
    bulk_sql.add_up(
        models.Statistic, _KEYS, _SUMS, [(*key, *by) for key, by in sorted(figures.items())]
    )
    campaign = models.CampaignName
    for name in sorted(campaigns):
        campaign.delete().where(campaign.name == name).execute()
    note_campaigns({name: slot for name, slot in campaigns.items() if slot is not None})


def millionths(charges: str | None) -> int | None:
    """Return an amount exactly, in millionths; None if it is unknown or has more digits."""
    exact = None if charges is None else Decimal(charges) * MILLION
    fits = exact is not None and abs(exact) < _LARGEST and exact == int(exact)
    return int(exact) if exact is not None and fits else None


def _add(sums: dict[Key, list[int]], place: Place, standing: CallBucket, by: int) -> None:
    (name, placed), (status, source, attempts, charges) = place, standing
    cost, attempts = millionths(charges), min(attempts, MOST_ATTEMPTS)
    for of in {ALL, name or ALL}:
        for slot in (placed, EVER):
            values = sums[of, slot, status, source, attempts]
            values[0] += by
            if cost is not None:
                values[1] += by
                values[2] += by * cost


def _differences() -> tuple[dict[Key, list[int]], dict[str, int | None]]:
    """Return what must be added to which figures, and the slots that campaigns should have."""
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    newest: dict[str, int] = {}
    for (name, slot), standing, calls in _standings():
        _add(sums, (name, slot), standing, calls)
        if name:
            newest[name] = max(slot, newest.get(name, EVER))
    stored: Any = models.Statistic.select().tuples()
    for name, slot, status, source, attempts, *kept in stored:
        values = sums[name, slot, status, source, attempts]
        values[:] = (value - had for value, had in zip(values, kept, strict=True))
    named = {row.name: row.slot for row in models.CampaignName.select()}
    campaigns = newest.keys() | named.keys()
    return (
        {key: values for key, values in sums.items() if any(values)},
        {name: newest.get(name) for name in campaigns if newest.get(name) != named.get(name)},
    )


def _standings() -> list[tuple[Place, CallBucket, int]]:
    """Return the calls by place and state, and how many; test reports are none."""
    call = models.Call
    real = (call.to_number != TRIAL_NUMBER) | call.name.is_null() | (call.name != TRIAL_NAME)
    slot = (call.created_at.coerce(False) / HALF_HOUR).coerce(False)
    columns: list[Any] = [
        call.name, slot, call.status, call.status_source, call.attempt_count, call.charges,
    ]  # fmt: skip
    asked = call.select(*columns, fn.COUNT(call.id)).where(real)
    found: Any = asked.group_by(*_FIRST_SIX).tuples()
    return [((name, int(slot)), (*rest,), count) for name, slot, *rest, count in found]
