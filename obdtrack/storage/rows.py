"""Many rows in one statement: prepared once, run for all, without the cost of a query builder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import peewee

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
def _insert_sql(model: type[Table], columns: tuple[str, ...], param: str) -> str:
    marks = ", ".join([param] * len(columns))
    return f'INSERT INTO "{model._meta.table_name}" ({_names(model, columns)}) VALUES ({marks})'


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
