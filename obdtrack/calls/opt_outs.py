"""Numbers whose owners do not want to be called.

A number that was reported without its country code stands here as the digits it is, and counts for
every number with that national part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import NamedTuple
from uuid import UUID

from obdtrack.domain.phone import ERASED, parts_of
from obdtrack.store import bulk_sql, models

_PAGE = 500


class OptedOut(NamedTuple):
    """A number, since when, and whether the provider said so.

    `number` is E.164, digits without country code, or the name under which it was erased.
    """

    number: str
    since: datetime
    reported: bool


def note(
    number: str, occurred_at: datetime | None, recorded_at: datetime, delivery_id: UUID | None
) -> None:
    """Store that a number opted out; what was stored first stays."""
    models.OptOutRow.insert(
        number=number,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        delivery_id=delivery_id,
    ).on_conflict_ignore().execute()


def of_numbers(numbers: Collection[str]) -> dict[str, datetime]:
    """Return since when each of these numbers has opted out; those that have not are left out."""
    listed = {number: sorted({number, *parts_of(number)}) for number in numbers}
    keys = list(chain.from_iterable(listed.values()))
    columns = ("number", "occurred_at", "recorded_at")
    rows_found = bulk_sql.fetch(models.OptOutRow, columns, "number", keys, order="number")
    since = {key: occurred or recorded for key, occurred, recorded in rows_found}
    return {
        number: min(since[key] for key in keys if key in since)
        for number, keys in listed.items()
        if not since.keys().isdisjoint(keys)
    }


def is_any_erased() -> bool:
    """Whether a number stands here under the name of its erasure."""
    number = models.OptOutRow.number
    return bool(
        models.OptOutRow.select().where((number >= ERASED) & (number < f"{ERASED}g")).exists()
    )


def parts_listed(number: str) -> dict[str, datetime]:
    """Return the opt-outs without country code that count for this number, and since when."""
    row = models.OptOutRow
    found = row.select().where(row.number.in_(sorted(parts_of(number))))
    return {part.number: part.occurred_at or part.recorded_at for part in found}


def whole_ending(digits: str) -> list[str]:
    """Return the whole numbers on the list that end in these digits, two at most."""
    row = models.OptOutRow
    query = row.select(row.number).where(row.number.startswith("+") & row.number.endswith(digits))
    return [found.number for found in query.limit(2)]


def note_all(numbers: Iterable[str], recorded_at: datetime) -> int:
    """Store that these numbers opted out; returns how many were not there yet."""
    told = ({"number": number, "recorded_at": recorded_at} for number in numbers)
    added = 0
    while page := list(islice(told, _PAGE)):
        insert = models.OptOutRow.insert_many(page).on_conflict_ignore()
        added += insert.as_rowcount().execute()
    return added


def remove(numbers: Collection[str]) -> int:
    """Forget that these numbers opted out; returns how many had."""
    row = models.OptOutRow
    return int(row.delete().where(row.number.in_(list(numbers))).execute())


def every() -> Iterator[OptedOut]:
    """Return all that opted out, in the order of their numbers, some of them read at a time."""
    row, after = models.OptOutRow, ""
    while page := list(row.select().where(row.number > after).order_by(row.number).limit(_PAGE)):
        for found in page:
            since = found.occurred_at or found.recorded_at
            yield OptedOut(found.number, since, found.delivery_id is not None)
        after = page[-1].number
