"""Numbers whose owners do not want to be called; whoever is added is told of in the feed.

A number that was reported without its country code stands here as the digits it is, and counts for
every number with that national part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.domain.phone import ERASED, parts_of
from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.domain.times import to_text
from obdtrack.services import Services, new_id
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
    number: str,
    occurred_at: datetime | None,
    recorded_at: datetime,
    delivery_id: UUID | None,
    services: Services,
) -> None:
    """Store that a number opted out; what was stored first stays. Within a transaction."""
    row = {"number": number, "occurred_at": occurred_at, "recorded_at": recorded_at}
    _add([{**row, "delivery_id": delivery_id}], services)


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


def note_all(
    numbers: Iterable[str],
    recorded_at: datetime,
    services: Services,
    watch: Watcher = unwatched,
) -> int:
    """Store that these numbers opted out, within a transaction; returns how many are new."""
    told = ({"number": number, "recorded_at": recorded_at} for number in numbers)
    added = done = 0
    while page := list(islice(told, _PAGE)):
        added += _add(page, services)
        done += len(page)
        watch(WorkDone("numbers", done))
    return added


def _add(rows: Sequence[Mapping[str, Any]], services: Services) -> int:
    """Store and tell of those of these rows that are not there yet; returns how many they were."""
    row = models.OptOutRow
    insert = row.insert_many(rows).on_conflict_ignore().returning(row.number)
    added = {found.number for found in insert.execute()}
    services.tell(_event(one) for one in rows if one["number"] in added)
    return len(added)


def _event(row: Mapping[str, Any]) -> FeedEvent:
    occurred_at, recorded_at = row.get("occurred_at"), row["recorded_at"]
    data = {
        "number": row["number"],
        "occurred_at": occurred_at and to_text(occurred_at),
        "recorded_at": to_text(recorded_at),
        "reported": row.get("delivery_id") is not None,
    }
    return FeedEvent(new_id(), EventType.OPT_OUT_ADDED, recorded_at, None, data=data)


def remove(numbers: Collection[str]) -> int:
    """Forget that these numbers opted out; returns how many had."""
    row = models.OptOutRow
    return int(row.delete().where(row.number.in_(list(numbers))).execute())


def newest(
    limit: int,
    before: tuple[datetime, str] | None = None,
    numbers: Collection[str] | None = None,
) -> list[models.OptOutRow]:
    """List who opted out, the newest first, at most `limit`, only of these `numbers` if given.

    `before` is when the last one of the page before was recorded, and its number.
    """
    row = models.OptOutRow
    query = row.select()
    if numbers is not None:
        query = query.where(row.number.in_(list(numbers)))
    if before is not None:
        at, number = before
        query = query.where(
            (row.recorded_at <= at) & ((row.recorded_at < at) | (row.number < number))
        )
    return list(query.order_by(row.recorded_at.desc(), row.number.desc()).limit(limit))


def every() -> Iterator[OptedOut]:
    """Return all that opted out, in the order of their numbers, some of them read at a time."""
    row, after = models.OptOutRow, ""
    while page := list(row.select().where(row.number > after).order_by(row.number).limit(_PAGE)):
        for found in page:
            since = found.occurred_at or found.recorded_at
            yield OptedOut(found.number, since, found.delivery_id is not None)
        after = page[-1].number
