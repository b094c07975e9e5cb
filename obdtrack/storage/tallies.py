"""Keeps the figures: every change of a call moves it from one sum to another, in its transaction.

A batch of changes is added up first and written once, so that a burst of reports about one campaign
costs a handful of rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from peewee import EXCLUDED, SQL, fn

from obdtrack.storage import models, rows

HALF_HOUR = 1_800_000_000
"""Microseconds in a slot: whole hours would be cut in two in India."""

EVER = -1
"""The slot that stands for all time."""

ALL = ""
"""The name that stands for all campaigns together, and for calls without one."""

MOST_ATTEMPTS = 9
"""More attempts than this are counted as so many."""

MILLION = 1_000_000
_LARGEST = 10**15
_KEYS = ("name", "slot", "status", "source", "attempts")
_SUMS = ("calls", "priced", "cost")

_FIRST_SIX = [SQL(str(place)) for place in range(1, 7)]

Key = tuple[str, int, str, str, int]


class Standing(NamedTuple):
    """Where one call stands; `created_at` in microseconds since 1970 UTC."""

    name: str | None
    created_at: int
    status: str
    source: str
    attempts: int
    charges: str | None


def count(changes: Iterable[tuple[Standing | None, Standing]], times: int = 1) -> None:
    """Move calls in the figures from where each stood (None: it is new) to where it stands."""
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    for before, after in changes:
        if before != after:
            _add(sums, before, -times)
            _add(sums, after, times)
    # In one order, so that two writers never hold what the other waits for.
    moved = sorted((key, values) for key, values in sums.items() if any(values))
    rows.add_up(models.Figure, _KEYS, _SUMS, [(*key, *values) for key, values in moved])


def note_campaign(name: str | None, created_at: int) -> None:
    """Keep the campaign's name, and when its newest call was made."""
    if not name:
        return
    campaign = models.Campaign
    campaign.insert(name=name, slot=created_at // HALF_HOUR).on_conflict(
        conflict_target=[campaign.name],
        update={campaign.slot: EXCLUDED.slot},
        where=(campaign.slot < EXCLUDED.slot),
    ).execute()


def recount() -> None:
    """Count all figures anew from the calls; must run in a transaction."""
    models.Figure.delete().execute()
    models.Campaign.delete().execute()
    for standing, calls in _standings():
        count([(None, standing)], calls)
        note_campaign(standing.name, standing.created_at)


def millionths(charges: str | None) -> int | None:
    """Give an amount exactly, in millionths; None for one that is unknown or cannot be given so."""
    exact = None if charges is None else Decimal(charges) * MILLION
    fits = exact is not None and abs(exact) < _LARGEST and exact == int(exact)
    return int(exact) if exact is not None and fits else None


def _add(sums: dict[Key, list[int]], standing: Standing | None, by: int) -> None:
    if standing is None:
        return
    name, created_at, status, source, attempts, charges = standing
    cost, attempts = millionths(charges), min(attempts, MOST_ATTEMPTS)
    for of in {ALL, name or ALL}:
        for slot in (created_at // HALF_HOUR, EVER):
            values = sums[of, slot, status, source, attempts]
            values[0] += by
            if cost is not None:
                values[1] += by
                values[2] += by * cost


def _standings() -> list[tuple[Standing, int]]:
    """Give the calls by where they stand, with how many stand there; times to the half hour."""
    call = models.Call
    slot = (call.created_at.coerce(False) / HALF_HOUR).coerce(False)
    columns: list[Any] = [
        call.name, slot, call.status, call.status_source, call.attempt_count, call.charges,
    ]  # fmt: skip
    found: Any = call.select(*columns, fn.COUNT(call.id)).group_by(*_FIRST_SIX).tuples()
    return [(Standing(n, int(s) * HALF_HOUR, *rest), c) for n, s, *rest, c in found]
