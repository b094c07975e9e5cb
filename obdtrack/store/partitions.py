"""PostgreSQL keeps raw deliveries in a partition a month, so that old ones go without a trace.

Ids begin with their time, so a month is a range of ids. What finds no partition of its own lands in
the default one and is no worse off. SQLite has no partitions; there all of this does nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from obdtrack.store.columns import first_id
from obdtrack.store.database import Store
from obdtrack.store.postgres import PostgresStore

_TABLE = "deliveries"
_AHEAD = 3
"""Months prepared, this one included, so that a worker may rest for weeks."""


def prepare(store: Store, now: datetime) -> list[str]:
    """Make the partitions of this and the next months; returns the names of new ones."""
    if not isinstance(store, PostgresStore):
        return []
    made, month = [], _month(now)
    known = set(_names(store))
    for _ in range(_AHEAD):
        following = _month(month + timedelta(days=32))
        name = f"{_TABLE}_{month:%Y_%m}"
        if name not in known and not _in_default(store, month, following):
            store.execute_sql(
                f"CREATE TABLE {name} PARTITION OF {_TABLE} "
                f"FOR VALUES FROM ('{_bound(month)}') TO ('{_bound(following)}')"
            )
            made.append(name)
        month = following
    return made


def drop_before(store: Store, oldest: datetime) -> list[str]:
    """Drop the partitions that hold nothing younger than `oldest`; returns their names."""
    if not isinstance(store, PostgresStore):
        return []
    limit = f"{_TABLE}_{_month(oldest):%Y_%m}"
    gone = [name for name in _names(store) if name < limit]
    for name in gone:
        store.execute_sql(f"DROP TABLE {name}")
    return gone


def _names(store: Store) -> list[str]:
    cursor = store.execute_sql(
        "SELECT child.relname FROM pg_inherits "
        "JOIN pg_class child ON child.oid = inhrelid "
        "WHERE inhparent = %s::regclass AND child.relname <> %s ORDER BY 1",
        (_TABLE, f"{_TABLE}_default"),
    )
    return [name for (name,) in cursor.fetchall()]


def _in_default(store: Store, since: datetime, until: datetime) -> bool:
    cursor = store.execute_sql(
        f"SELECT 1 FROM {_TABLE}_default WHERE id >= '{_bound(since)}' "
        f"AND id < '{_bound(until)}' LIMIT 1"
    )
    return cursor.fetchone() is not None


def _month(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def _bound(moment: datetime) -> str:
    return "\\x" + first_id(moment).bytes.hex()
