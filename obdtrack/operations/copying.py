"""Copies all rows of one database into another, in order, and goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from peewee import BooleanField

from obdtrack.store.database import Store
from obdtrack.store.models import Table

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
    the target tells where to go on. `progress` is told how many rows each batch had.
    """
    insert = _insert_sql(target, table)
    for batch in _batches(source, table, _last_key(target, table)):
        with target.atomic():
            target.cursor().executemany(insert, [_converted(table, row) for row in batch])
        progress(len(batch))


def _batches(source: Store, table: type[Table], after: Row | None) -> Iterator[list[Row]]:
    keys = _key_positions(table)
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


def _insert_sql(target: Store, table: type[Table]) -> str:
    marks = ", ".join([target.param] * len(table._meta.sorted_fields))
    return f'INSERT INTO "{table._meta.table_name}" ({_columns(table)}) VALUES ({marks})'


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


def _key_positions(table: type[Table]) -> list[int]:
    # By name: comparing two fields makes a piece of SQL, which is always true.
    columns = [field.column_name for field in table._meta.sorted_fields]
    return [columns.index(key) for key in _key_columns(table)]
