"""Moves an installation to another database, and proves that nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from peewee import BooleanField

from obdtrack.calls.rebuild import Rebuilt, rebuild
from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.errors import ConfigError
from obdtrack.services import Services, utc_now
from obdtrack.store import feed, leases
from obdtrack.store.connections import asking
from obdtrack.store.database import Store
from obdtrack.store.migrate import check_schema, migrate
from obdtrack.store.models import Lease, Table
from obdtrack.store.moved import mark_moved, unmark_moved
from obdtrack.store.postgres import PostgresStore
from obdtrack.store.schema import TABLES

BATCH = 1000

Row = tuple[Any, ...]


def count(store: Store, table: type[Table]) -> int:
    """Count a table's rows."""
    cursor = store.execute_sql(f'SELECT COUNT(*) FROM "{table._meta.table_name}"')
    return int(cursor.fetchone()[0])


def _copy_table(source: Store, target: Store, table: type[Table], watch: Watcher) -> None:
    """Copy all rows, in the order of their keys, and tell `watch` after each batch."""
    name, rows = table._meta.table_name, count(source, table)
    part = WorkDone(name, 0, rows)
    watch(part)
    marks = ", ".join([target.param] * len(table._meta.sorted_fields))
    insert = f'INSERT INTO "{name}" ({_columns(table)}) VALUES ({marks})'
    # By name: comparing two fields makes a piece of SQL, which is always true.
    columns = [field.column_name for field in table._meta.sorted_fields]
    keys = [columns.index(key) for key in _key_columns(table)]
    after: Row | None = None
    while batch := _rows_after(source, table, after):
        target.cursor().executemany(insert, [_converted(table, row) for row in batch])
        part = part._replace(done=part.done + len(batch))
        watch(part)
        after = tuple(batch[-1][position] for position in keys)


def _rows_after(source: Store, table: type[Table], after: Row | None) -> list[Row]:
    keys = ", ".join(f'"{column}"' for column in _key_columns(table))
    marks = ", ".join([source.param] * len(_key_columns(table)))
    found = f"WHERE ({keys}) > ({marks})" if after else ""
    sql = f'SELECT {_columns(table)} FROM "{table._meta.table_name}" {found} ORDER BY {keys}'
    return list(source.execute_sql(f"{sql} LIMIT {BATCH}", after or ()).fetchall())


def _converted(table: type[Table], row: Row) -> list[Any]:
    """SQLite gives its booleans as numbers, which PostgreSQL does not take for them."""
    return [
        bool(value) if value is not None and isinstance(field, BooleanField) else value
        for field, value in zip(table._meta.sorted_fields, row, strict=True)
    ]


def _columns(table: type[Table]) -> str:
    return ", ".join(f'"{field.column_name}"' for field in table._meta.sorted_fields)


def _key_columns(table: type[Table]) -> list[str]:
    keys: Iterable[Any] = table._meta.get_primary_keys()  # type: ignore[no-untyped-call]  # no type in peewee
    return [field.column_name for field in keys]


def copy_all(source: Store, target: Store, watch: Watcher) -> None:
    """Copy every table that holds something of value, and mark the source as moved; all or nothing.

    Meanwhile nobody writes to the source, and afterwards nobody can. Raises ConfigError if its
    schema is not the one of this code, a process still works on it, the target holds something
    already, or not all rows arrived; ObdtrackError (unavailable) if others write to it.
    """
    check_schema(source)
    migrate(target)
    with source.write():
        _keep_still(source)
        _require_quiet(source)
        with target.write():
            _without_limits(target)
            _require_empty(target)
            for table in _moved():
                _copy_table(source, target, table, watch)
            with asking(source):
                place = feed.taken()
            with asking(target):
                feed.go_on_after(place)
            _require_whole(source, target)
        mark_moved(source, target.title, utc_now())


def take_back(source: Store) -> None:
    """Let a database be used again that was marked as moved; the copy stays as it is."""
    with source.write():
        unmark_moved(source)


def _keep_still(source: Store) -> None:
    """Keep others from writing until the transaction ends; who writes to SQLite does anyway."""
    _without_limits(source)
    if isinstance(source, PostgresStore):
        names = ", ".join(f'"{table._meta.table_name}"' for table in TABLES)
        source.execute_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def _without_limits(store: Store) -> None:
    """Let the transaction take as long as copying takes, whatever others may take."""
    if isinstance(store, PostgresStore):
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            store.execute_sql(f"SET LOCAL {limit} = 0")


def _require_quiet(source: Store) -> None:
    """Raise ConfigError if a process works on the database: it would have to be stopped anyway."""
    if leases.any_lease_alive(source.clock.now() if source.clock else utc_now()):
        raise ConfigError(
            "A server or worker still uses this database. Stop it, wait ten seconds, and try again."
        )


def _require_empty(target: Store) -> None:
    for table in _moved():
        if count(target, table):
            raise ConfigError(
                f"The database {target.title} holds {table._meta.table_name} already. "
                "Name an empty one"
            )


def _require_whole(source: Store, target: Store) -> None:
    for table in _moved():
        left, right = count(source, table), count(target, table)
        if left != right:
            raise ConfigError(f"{table._meta.table_name}: {left} rows, but {right} arrived.")


def verify(target: Store, services: Services, watch: Watcher = unwatched) -> Rebuilt:
    """Recompute every call in the target; returns what differs there.

    `services` must work on the target.
    """
    with asking(target):
        return rebuild(services, check=True, watch=watch)


def _moved() -> list[type[Table]]:
    return [table for table in TABLES if table is not Lease]
