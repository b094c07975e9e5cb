"""Keeps the figures: every change of a call moves it from one sum to another, in its transaction.

A batch of changes is added up first and written once, so that a burst of reports about one campaign
costs a handful of rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from peewee import SQL, fn

from obdtrack.storage import models, rows
from obdtrack.storage.fields import to_microseconds

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


def slot_of(moment: datetime) -> int:
    """Give the half hour that an aware time lies in."""
    return to_microseconds(moment) // HALF_HOUR


class Standing(NamedTuple):
    """Where one call stands, made in the half hour `slot` (since 1970 UTC)."""

    name: str | None
    slot: int
    status: str
    source: str
    attempts: int
    charges: str | None


def count(changes: Iterable[tuple[Standing | None, Standing]], times: int = 1) -> None:
    """Move calls in the figures from where each stood (None: it is new) to where it stands."""
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    # Reports of a burst are mostly alike, so each kind of change is worked out once.
    for (before, after), calls in Counter(changes).items():
        if before != after:
            _add(sums, before, -times * calls)
            _add(sums, after, times * calls)
    # In one order, so that two writers never hold what the other waits for.
    moved = sorted((key, values) for key, values in sums.items() if any(values))
    rows.add_up(models.Figure, _KEYS, _SUMS, [(*key, *values) for key, values in moved])


def note_campaign(name: str | None, slot: int) -> None:
    """Keep the campaign's name, and the half hour in which its newest call was made."""
    if not name:
        return
    rows.raise_to(models.Campaign, ("name",), "slot", [(name, slot)])


def recount() -> None:
    """Count all figures anew from the calls; must run in a transaction."""
    models.Figure.delete().execute()
    models.Campaign.delete().execute()
    for standing, calls in _standings():
        count([(None, standing)], calls)
        note_campaign(standing.name, standing.slot)


def millionths(charges: str | None) -> int | None:
    """Give an amount exactly, in millionths; None for one that is unknown or cannot be given so."""
    exact = None if charges is None else Decimal(charges) * MILLION
    fits = exact is not None and abs(exact) < _LARGEST and exact == int(exact)
    return int(exact) if exact is not None and fits else None


def _add(sums: dict[Key, list[int]], standing: Standing | None, by: int) -> None:
    if standing is None:
        return
    name, made, status, source, attempts, charges = standing
    cost, attempts = millionths(charges), min(attempts, MOST_ATTEMPTS)
    for of in {ALL, name or ALL}:
        for slot in (made, EVER):
            values = sums[of, slot, status, source, attempts]
            values[0] += by
            if cost is not None:
                values[1] += by
                values[2] += by * cost


def _standings() -> list[tuple[Standing, int]]:
    """Give the calls by where they stand, with how many stand there."""
    call = models.Call
    slot = (call.created_at.coerce(False) / HALF_HOUR).coerce(False)
    columns: list[Any] = [
        call.name, slot, call.status, call.status_source, call.attempt_count, call.charges,
    ]  # fmt: skip
    found: Any = call.select(*columns, fn.COUNT(call.id)).group_by(*_FIRST_SIX).tuples()
    return [(Standing(n, int(s), *rest), c) for n, s, *rest, c in found]
