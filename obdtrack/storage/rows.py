"""Many rows in one statement: prepared once, run for all, without the cost of a query builder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import peewee
from peewee import BooleanField

from obdtrack.storage.fields import BytesField, IdField, JsonField, MomentField
from obdtrack.storage.models import Table

_CONVERTED = (BytesField, IdField, JsonField, MomentField)
# Turns the driver's errors into peewee's, as peewee's own execute does; its stubs forgot it.
_PEEWEE_ERRORS: Any = vars(peewee)["__exception_wrapper__"]
Convert = Callable[[Any], Any]


def insert(model: type[Table], columns: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of Python values, given in the order of `columns` (field names)."""
    _run(model, _insert_sql(model, columns, model._meta.database.param), columns, rows)


def update(
    model: type[Table],
    columns: tuple[str, ...],
    keys: tuple[str, ...],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Set `columns` in the rows that `keys` name; each row gives the columns, then the keys."""
    sql = _update_sql(model, columns, keys, model._meta.database.param)
    _run(model, sql, columns + keys, rows)


def add_up(
    model: type[Table], keys: tuple[str, ...], sums: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> None:
    """Add to `sums` in the rows that `keys` name, making those that are not there yet."""
    sql = _add_up_sql(model, keys, sums, model._meta.database.param)
    _run(model, sql, keys + sums, rows)


def select(
    model: type[Table], columns: tuple[str, ...], key: str, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """Give `columns`, as the driver gives them, of the rows whose `key` is among `values`."""
    if not values:
        return []
    marks = ", ".join([model._meta.database.param] * len(values))
    names = _names(model, columns)
    sql = (
        f'SELECT {names} FROM "{model._meta.table_name}" WHERE "{_column(model, key)}" IN ({marks})'
    )
    (convert,) = _converters(model, (key,))
    with _PEEWEE_ERRORS:
        cursor = model._meta.database.cursor()
        cursor.execute(sql, [value if convert is None else convert(value) for value in values])
        return list(cursor.fetchall())


def fetch(
    model: type[Table],
    columns: tuple[str, ...],
    key: str,
    values: Sequence[Any],
    *,
    order: str,
    lock: bool = False,
) -> list[list[Any]]:
    """Give `columns` as Python values of the rows whose `key` is among `values`, in `order`.

    With `lock` the rows stay locked until the transaction ends, where the database can do that.
    """
    if not values:
        return []
    database = model._meta.database
    sql = _fetch_sql(model, columns, key, len(values), database.param, order)
    if lock and database.for_update:
        sql += " FOR UPDATE"
    (convert,) = _converters(model, (key,))
    back = _converters_back(model, columns)
    with _PEEWEE_ERRORS:
        cursor = database.cursor()
        cursor.execute(sql, [value if convert is None else convert(value) for value in values])
        found = cursor.fetchall()
    return [
        [
            value if convert is None or value is None else convert(value)
            for convert, value in zip(back, row, strict=True)
        ]
        for row in found
    ]


def _run(
    model: type[Table], sql: str, columns: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> None:
    converters = _converters(model, columns)
    parameters = [
        [
            value if convert is None else convert(value)
            for convert, value in zip(converters, row, strict=True)
        ]
        for row in rows
    ]
    if parameters:
        with _PEEWEE_ERRORS:
            model._meta.database.cursor().executemany(sql, parameters)


@cache
def _converters(model: type[Table], columns: tuple[str, ...]) -> list[Convert | None]:
    fields = [model._meta.fields[name] for name in columns]
    kinds = [getattr(field, "rel_field", field) for field in fields]
    return [kind.db_value if isinstance(kind, _CONVERTED) else None for kind in kinds]


@cache
def _converters_back(model: type[Table], columns: tuple[str, ...]) -> list[Convert | None]:
    fields = [model._meta.fields[name] for name in columns]
    kinds = [getattr(field, "rel_field", field) for field in fields]
    return [
        kind.python_value if isinstance(kind, (*_CONVERTED, BooleanField)) else None
        for kind in kinds
    ]


@cache
def _fetch_sql(
    model: type[Table], columns: tuple[str, ...], key: str, count: int, param: str, order: str
) -> str:
    marks = ", ".join([param] * count)
    found = f'WHERE "{_column(model, key)}" IN ({marks}) ORDER BY {order}'
    return f'SELECT {_names(model, columns)} FROM "{model._meta.table_name}" {found}'


@cache
def _insert_sql(model: type[Table], columns: tuple[str, ...], param: str) -> str:
    marks = ", ".join([param] * len(columns))
    return f'INSERT INTO "{model._meta.table_name}" ({_names(model, columns)}) VALUES ({marks})'


@cache
def _add_up_sql(
    model: type[Table], keys: tuple[str, ...], sums: tuple[str, ...], param: str
) -> str:
    table = model._meta.table_name
    names = (_column(model, name) for name in sums)
    changes = ", ".join(f'"{name}" = "{table}"."{name}" + excluded."{name}"' for name in names)
    found = f"ON CONFLICT ({_names(model, keys)})"
    return f"{_insert_sql(model, keys + sums, param)} {found} DO UPDATE SET {changes}"


@cache
def _update_sql(
    model: type[Table], columns: tuple[str, ...], keys: tuple[str, ...], param: str
) -> str:
    changes = ", ".join(f'"{_column(model, name)}" = {param}' for name in columns)
    found = " AND ".join(f'"{_column(model, name)}" = {param}' for name in keys)
    return f'UPDATE "{model._meta.table_name}" SET {changes} WHERE {found}'


def _names(model: type[Table], columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{_column(model, name)}"' for name in columns)


def _column(model: type[Table], name: str) -> str:
    return str(model._meta.fields[name].column_name)
