"""The feed: what happened, in one order that nothing is ever put into behind a reader's back.

On SQLite that is the order of the commits: there is one writer. On PostgreSQL a place is taken from
a sequence while its transaction is open, and one that was taken earlier may show up later. So each
writer makes known, before it takes any, that the places from here on may be its own, by a shared
lock that ends with its transaction and that nobody waits for; and readers read no further than the
lowest place made known so. Places are taken after the rows of the calls were locked: what happened
to one call later stands behind what happened to it before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.store import bulk_sql, leases, models

_FORGOTTEN = "feed_forgotten"
_COLUMNS = ("id", "type", "recorded_at", "subject", "campaign_id", "data", "changed")

_SEQUENCE = "feed_position_seq"
_WRITING = 0x6665_6564  # "feed": the first half of the key of the locks that are ours
_TAKEN_POSTGRES = f"SELECT last_value - (NOT is_called)::int FROM {_SEQUENCE}"
_TAKEN_SQLITE = "SELECT seq FROM sqlite_sequence WHERE name = 'feed'"

# A key has two halves of 32 bits, signed; the place's lower ones are enough to tell it.
_MAKE_KNOWN = (
    f"SELECT pg_advisory_xact_lock_shared({_WRITING}, "
    f"((last_value - (NOT is_called)::int) %% 2147483648)::int) FROM {_SEQUENCE}"
)
_LOWEST_KNOWN = (
    "SELECT max((%s::bigint - objid::bigint) & 2147483647) "
    "FROM pg_locks WHERE locktype = 'advisory' "
    f"AND classid = {_WRITING} AND objsubid = 2 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def append(events: Iterable[FeedEvent]) -> None:
    """Add events, in this order. Must run in the transaction of what they tell."""
    rows = list(events)
    if not rows:
        return
    store = models.FeedRow._meta.database
    if store.for_update:
        # Before any place is taken: of one table no two statements are sent together.
        store.send(models.FeedRow._meta.table_name, _MAKE_KNOWN, [])
    bulk_sql.insert(models.FeedRow, _COLUMNS, rows)


def settled() -> int:
    """Return the place up to which nothing can be added any more; 0 if there is none.

    The rows up to there have to be read after this, and not in a snapshot that is older.
    """
    store: Any = models.FeedRow._meta.database
    last = taken()
    if not store.for_update:
        return last
    # Whoever makes itself known only after this takes places behind the last.
    (behind,) = store.execute_sql(_LOWEST_KNOWN, (last,)).fetchone()
    return last - (behind or 0)


def taken() -> int:
    """Return the last place that was given to anybody, also to who has not committed; 0 if none."""
    store: Any = models.FeedRow._meta.database
    found = store.execute_sql(_TAKEN_POSTGRES if store.for_update else _TAKEN_SQLITE).fetchone()
    return int(found[0]) if found else 0


def go_on_after(place: int) -> None:
    """Have the next place given be the one after this, as in the database that rows came from."""
    store: Any = models.FeedRow._meta.database
    if store.for_update:
        store.execute_sql(f"SELECT setval('{_SEQUENCE}', %s, %s)", (max(place, 1), place > 0))
    else:
        store.execute_sql("DELETE FROM sqlite_sequence WHERE name = 'feed'")
        store.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('feed', ?)", (place,))


def page(
    after: int,
    through: int,
    limit: int,
    *,
    types: Collection[EventType] | None = None,
    subject: UUID | None = None,
    campaign_id: UUID | None = None,
) -> list[models.FeedRow]:
    """Return events behind the place `after` up to `through` (`settled`), oldest first."""
    row = models.FeedRow
    query = row.select().where((row.position > after) & (row.position <= through))
    if types is not None:
        query = query.where(row.type.in_(sorted(types)))
    if subject is not None:
        query = query.where(row.subject == subject)
    if campaign_id is not None:
        query = query.where(row.campaign_id == campaign_id)
    return list(query.order_by(row.position).limit(limit))


def earlier(rows: Collection[models.FeedRow]) -> dict[int, Any]:
    """Return by the places of these events what the event before it of the same subject has.

    Those without one are left out.
    """
    row = models.FeedRow
    if not rows:
        return {}
    subjects, last = {one.subject for one in rows}, max(one.position for one in rows)
    query = row.select(row.subject, row.position).where(row.subject.in_(list(subjects)))
    before, newest = dict[int, int](), dict[UUID, int]()
    for one in query.where(row.position <= last).order_by(row.position):
        if one.subject in newest:
            before[one.position] = newest[one.subject]
        newest[one.subject] = one.position
    wanted = {one.position: place for one in rows if (place := before.get(one.position))}
    found = {one.position: one.data for one in rows}
    others = sorted(set(wanted.values()) - found.keys())
    found |= dict(bulk_sql.fetch(row, ("position", "data"), "position", others, order="position"))
    return {position: found[place] for position, place in wanted.items()}


def first_after(moment: datetime) -> int:
    """Return the place before the first event that was recorded then or later, by halving."""
    low, high = forgotten(), settled()  # every event up to `low` is earlier, none behind `high` is
    while low < high:
        middle = (low + high) // 2
        found = page(middle, high, 1)
        if found and found[0].recorded_at < moment:
            low = found[0].position
        else:
            high = middle
    return low


def forgotten() -> int:
    """Return the place up to which events have been deleted; 0 if none have."""
    return leases.counters([_FORGOTTEN])[_FORGOTTEN]


def forget_older(before: datetime, limit: int) -> int:
    """Delete the oldest events from before then, at most so many; returns how many went."""
    row = models.FeedRow
    oldest = row.select(row.position, row.recorded_at).order_by(row.position).limit(limit)
    old = [found.position for found in takewhile(lambda one: one.recorded_at < before, oldest)]
    if not old:
        return 0
    bulk_sql.raise_to(models.Counter, ("name",), "value", [(_FORGOTTEN, old[-1])])
    return int(row.delete().where(row.position <= old[-1]).execute())
