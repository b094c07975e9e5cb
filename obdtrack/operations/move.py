"""Moves an installation to another database, and proves that nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from peewee import BooleanField

from obdtrack.calls.rebuild import Rebuilt, rebuild
from obdtrack.errors import ConfigError
from obdtrack.services import Services, utc_now
from obdtrack.store import leases
from obdtrack.store.database import Store, asking
from obdtrack.store.migrate import check_schema, migrate
from obdtrack.store.models import Lease, Table
from obdtrack.store.schema import TABLES

BATCH = 1000

Row = tuple[Any, ...]


def count(store: Store, table: type[Table]) -> int:
    """Count a table's rows."""
    cursor = store.execute_sql(f'SELECT COUNT(*) FROM "{table._meta.table_name}"')
    return int(cursor.fetchone()[0])


def copy_table(
    source: Store, target: Store, table: type[Table], progress: Callable[[int], None]
) -> None:
    """Copy the rows that `target` lacks, oldest first, a transaction a batch.

    Rows are sorted by their keys, and nothing is ever copied out of order, so that the last key in
    the target shows where to go on. `progress` gets how many rows each batch had.
    """
    marks = ", ".join([target.param] * len(table._meta.sorted_fields))
    insert = f'INSERT INTO "{table._meta.table_name}" ({_columns(table)}) VALUES ({marks})'
    for batch in _batches(source, table, _last_key(target, table)):
        with target.atomic():
            target.cursor().executemany(insert, [_converted(table, row) for row in batch])
        progress(len(batch))


def _batches(source: Store, table: type[Table], after: Row | None) -> Iterator[list[Row]]:
    # By name: comparing two fields makes a piece of SQL, which is always true.
    columns = [field.column_name for field in table._meta.sorted_fields]
    keys = [columns.index(key) for key in _key_columns(table)]
    while batch := _rows_after(source, table, after):
        yield batch
        after = tuple(batch[-1][position] for position in keys)


def _rows_after(source: Store, table: type[Table], after: Row | None) -> list[Row]:
    keys = ", ".join(f'"{column}"' for column in _key_columns(table))
    marks = ", ".join([source.param] * len(_key_columns(table)))
    found = f"WHERE ({keys}) > ({marks})" if after else ""
    sql = f'SELECT {_columns(table)} FROM "{table._meta.table_name}" {found} ORDER BY {keys}'
    return list(source.execute_sql(f"{sql} LIMIT {BATCH}", after or ()).fetchall())


def _last_key(target: Store, table: type[Table]) -> Row | None:
    keys = _key_columns(table)
    names = ", ".join(f'"{column}"' for column in keys)
    order = ", ".join(f'"{column}" DESC' for column in keys)
    sql = f'SELECT {names} FROM "{table._meta.table_name}" ORDER BY {order} LIMIT 1'
    found: Row | None = target.execute_sql(sql).fetchone()
    return found


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


class CopiedPart(NamedTuple):
    """One table on its way: its name, how many rows it has, and how many are in the target."""

    name: str
    rows: int
    copied: int


def require_quiet(source: Store) -> None:
    """Raise ConfigError if a process still works on the database: what it adds would be lost."""
    with asking(source):
        in_use = leases.any_lease_alive(utc_now())
    if in_use:
        raise ConfigError(
            "A server or worker still uses this database. Stop it, wait ten seconds, and try again."
        )


def copy_all(source: Store, target: Store, progress: Callable[[CopiedPart], None]) -> None:
    """Copy every table that holds something of value; called again it goes on where it stopped.

    Raises ConfigError if the source's schema is not the one of this code.
    """
    check_schema(source)
    migrate(target)
    with ExitStack() as connections:
        for store in (source, target):
            connections.enter_context(store.connection_context())
        for table in _moved():
            _copy(source, target, table, progress)


def verify(source: Store, target: Store, services: Services) -> Rebuilt:
    """Compare the counts, then recompute every call in the target; returns what differs there.

    `services` must work on the target. Raises ConfigError naming the first table that is short.
    """
    with source.connection_context(), target.connection_context():
        for table in _moved():
            left, right = count(source, table), count(target, table)
            if left != right:
                raise ConfigError(f"{table._meta.table_name}: {left} rows, but {right} arrived.")
    with asking(target):
        return rebuild(services, check=True)


def _copy(
    source: Store, target: Store, table: type[Table], progress: Callable[[CopiedPart], None]
) -> None:
    name, rows = table._meta.table_name, count(source, table)
    copied = count(target, table)
    progress(CopiedPart(name, rows, copied))

    def further(more: int) -> None:
        nonlocal copied
        copied += more
        progress(CopiedPart(name, rows, copied))

    copy_table(source, target, table, further)


def _moved() -> list[type[Table]]:
    return [table for table in TABLES if table is not Lease]
