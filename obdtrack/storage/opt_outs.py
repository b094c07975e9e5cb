"""Numbers whose owners do not want to be called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from obdtrack.storage import models, rows

_PAGE = 500


class OptedOut(NamedTuple):
    """A number (or the name it was erased under), since when, and whether the provider said so."""

    number: str
    since: datetime
    reported: bool


def note(
    number: str, occurred_at: datetime | None, recorded_at: datetime, delivery_id: UUID | None
) -> None:
    """Store that a number opted out; what was stored first stays."""
    models.OptOut.insert(
        number=number,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        delivery_id=delivery_id,
    ).on_conflict_ignore().execute()


def of_numbers(numbers: Collection[str]) -> dict[str, datetime]:
    """Give since when each of these numbers has opted out; those that have not are left out."""
    columns = ("number", "occurred_at", "recorded_at")
    found = rows.fetch(models.OptOut, columns, "number", list(numbers), order="number")
    return {number: occurred or recorded for number, occurred, recorded in found}


def note_all(numbers: Iterable[str], recorded_at: datetime) -> int:
    """Store that these numbers opted out; gives how many were not there yet."""
    told = ({"number": number, "recorded_at": recorded_at} for number in numbers)
    added = 0
    while page := list(islice(told, _PAGE)):
        insert = models.OptOut.insert_many(page).on_conflict_ignore()
        added += insert.as_rowcount().execute()
    return added


def remove(numbers: Collection[str]) -> int:
    """Forget that these numbers opted out; gives how many had."""
    row = models.OptOut
    return int(row.delete().where(row.number.in_(list(numbers))).execute())


def every() -> Iterator[OptedOut]:
    """Give all that opted out, in the order of their numbers, some of them read at a time."""
    row, after = models.OptOut, ""
    while page := list(row.select().where(row.number > after).order_by(row.number).limit(_PAGE)):
        for found in page:
            since = found.occurred_at or found.recorded_at
            yield OptedOut(found.number, since, found.delivery_id is not None)
        after = page[-1].number
