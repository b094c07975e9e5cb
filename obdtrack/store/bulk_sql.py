"""Many rows in one statement: prepared once, run for all, without the cost of a query builder.

SQLite's driver lets other threads go on between any two rows of an `executemany`, and each such
change of threads costs as much as a row; so rows that are written together are one statement.
Of a value that is neither a number nor plain text it asks around how to bind it, every time; what
is registered here it finds at once. PostgreSQL's driver reads a statement with many marks anew each
time, and sends the rows of an `executemany` one by one; so there all rows are one JSON text.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from operator import attrgetter
from types import NoneType
from typing import Any, TypeVar

import orjson
import peewee
from peewee import BooleanField

from obdtrack.domain.campaign import CampaignState, RecipientStatus
from obdtrack.domain.feed import EventType
from obdtrack.domain.status import Kind, Outcome, Source, Status
from obdtrack.store.columns import (
    IdField,
    JsonField,
    MomentField,
    dumps,
    from_microseconds,
    to_id,
    to_microseconds,
)
from obdtrack.store.models import Table

Row = TypeVar("Row", bound=Table)

MOST_ROWS = 64
"""Rows in one statement; a row of 14 columns, the widest, leaves room under SQLite's 999 marks."""

Convert = Callable[[Any], Any]
Converters = tuple[tuple[int, Convert], ...]
"""The places in a row whose values the driver does not take or give as we want them."""

_TO_DRIVER: dict[type, Convert] = {
    IdField: attrgetter("bytes"),
    JsonField: dumps,
    MomentField: to_microseconds,
}
_TO_JSON: dict[type, Convert] = {JsonField: dumps, MomentField: to_microseconds}
_IN_JSON = {
    "UUIDB": ("uuid", "uuid_send({})"),
    "BLOB": ("text", "decode({}, 'hex')"),
    "BIGAUTO": ("bigint", "{}"),
}
"""How values of these columns stand in JSON, and what makes them what is stored."""

_PLACES = tuple(f"column{place}" for place in range(1, 65))
"""What SQLite calls the columns of VALUES, so what they are called on PostgreSQL too."""

_FROM_DRIVER: dict[type, Convert] = {
    BooleanField: bool,
    IdField: to_id,
    JsonField: json.loads,
    MomentField: from_microseconds,
}
_BOUND_AS: dict[type, Convert] = {
    NoneType: lambda none: none,
    bool: int,
    bytes: bytes,
    **dict.fromkeys(
        (CampaignState, EventType, Kind, Outcome, RecipientStatus, Source, Status), str
    ),
}
for _type, _bind in _BOUND_AS.items():
    sqlite3.register_adapter(_type, _bind)

# Turns the driver's errors into peewee's, as peewee's own execute does; its stubs forgot it.
_PEEWEE_ERRORS: Any = vars(peewee)["__exception_wrapper__"]


def insert(
    model: type[Table], columns: tuple[str, ...], rows: Iterable[Sequence[Any]],
    *, unless_there: bool = False,
) -> None:  # fmt: skip
    """Insert rows of Python values, given in the order of `columns` (field names).

    Rows that are there already, by any unique key, stay as they are or are an error.
    """
    _insert(model, columns, rows, " ON CONFLICT DO NOTHING" if unless_there else "")


def put(
    model: type[Table], keys: tuple[str, ...], columns: tuple[str, ...],
    rows: Iterable[Sequence[Any]],
) -> None:  # fmt: skip
    """Set `columns` in the rows that `keys` name, each once, making those not there yet."""
    _insert(model, keys + columns, rows, _put_sql(model, keys, columns))


def delete(
    model: type[Table], keys: tuple[str, ...], key: str, same: Sequence[Any], values: Sequence[Any]
) -> None:
    """Delete the rows whose `keys` are `same` and whose `key` is among `values`, at least one."""
    database = model._meta.database
    found, wanted = _among(model, key, values)
    sql = _delete_sql(model, keys, found, database.param)
    (first,) = _converted(_to_driver(model, keys), [same])
    _send(model, sql, [*first, *wanted])


def update(
    model: type[Table],
    columns: tuple[str, ...],
    keys: tuple[str, ...],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Set `columns` in the rows that `keys` name, each once; `rows` give columns, then keys.

    They are locked in any order: who cannot have another writer wait for him locked them before.
    """
    for source, values in _sources(model, columns + keys, rows):
        _send(model, _update_sql(model, columns, keys, source), values)


def add_up(
    model: type[Table], keys: tuple[str, ...], sums: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> None:
    """Add to `sums` in the rows that `keys` name, each once, making those not there yet."""
    _insert(model, keys + sums, rows, _add_up_sql(model, keys, sums))


def raise_to(
    model: type[Table], keys: tuple[str, ...], value: str, rows: Iterable[Sequence[Any]]
) -> None:
    """Set `value` in the rows that `keys` name, each once, where it is larger; make new ones."""
    _insert(model, (*keys, value), rows, _raise_to_sql(model, keys, value))


def ask(model: type[Table], sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what SQL about this model's database finds, as it comes; each `?` is a value."""
    database = model._meta.database
    with _PEEWEE_ERRORS:
        cursor = database.cursor()
        cursor.execute(sql.replace("?", database.param), values)
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
    """Return `columns` as Python values of the rows whose `key` is among `values`, in `order`.

    With `lock` the rows stay locked until the transaction ends, where the database can do that.
    """
    return fetch_any(model, columns, ((key, values),), order=order, lock=lock)


def fetch_any(
    model: type[Table],
    columns: tuple[str, ...],
    wanted: Iterable[tuple[str, Sequence[Any]]],
    *,
    order: str,
    lock: bool = False,
) -> list[list[Any]]:
    """Return what `fetch` does, of the rows that it would return for any key and its values."""
    by_key = [_among(model, key, values) for key, values in wanted if values]
    if not by_key:
        return []
    database = model._meta.database
    sql = _fetch_sql(model, columns, tuple(found for found, _ in by_key), order)
    if lock and database.for_update:
        sql += " FOR UPDATE"
    with _PEEWEE_ERRORS:
        cursor = database.cursor()
        cursor.execute(sql, list(chain.from_iterable(values for _, values in by_key)))
        found = cursor.fetchall()
    return _converted(_from_driver(model, columns), found)


def load(model: type[Row], key: str, values: Sequence[Any], *, order: str = "id") -> list[Row]:
    """Return the rows whose `key` is among `values` as objects, in `order`.

    What a query builder would give too; it takes ten times as long to word the question.
    """
    rows = fetch(model, tuple(model._meta.fields), key, values, order=order)
    return _objects(model, rows)


def load_where(model: type[Row], rest: str, *values: Any) -> list[Row]:
    """Return the rows that SQL finds as objects; `rest` comes after the table, see `ask`."""
    columns = tuple(model._meta.fields)
    found = f'SELECT {_names(model, columns)} FROM "{model._meta.table_name}" {rest}'
    return _objects(model, _converted(_from_driver(model, columns), ask(model, found, *values)))


def load_with(model: type[Row], key: str, ids: Any, *, order: str) -> list[Row]:
    """Return the rows whose ids this query finds, each with the row that its `key` names.

    They are read in the same moment as their ids; `order` names their columns with the table's.
    """
    wanted, values = ids.sql()
    sql, columns, others = _join(model, key)
    rows = ask(model, f"{sql} IN ({wanted}) ORDER BY {order}", *values)
    other, count = model._meta.fields[key].rel_model, len(columns)
    found = _objects(model, _converted(_from_driver(model, columns), (r[:count] for r in rows)))
    theirs = _converted(_from_driver(other, others), (row[count:] for row in rows))
    for one, its in zip(found, _objects(other, theirs), strict=True):
        one.__rel__[key] = its
    return found


def _objects(model: type[Row], rows: Iterable[Sequence[Any]]) -> list[Row]:
    """Return rows that have all columns as peewee makes what it has read."""
    columns, found = tuple(model._meta.fields), []
    for row in rows:
        loaded = model(__no_default__=1)
        loaded.__data__.update(zip(columns, row, strict=True))
        found.append(loaded)
    return found


def _insert(
    model: type[Table], columns: tuple[str, ...], rows: Iterable[Sequence[Any]], conflict: str
) -> None:
    for source, values in _sources(model, columns, rows):
        _send(model, _insert_sql(model, columns) + source + conflict, values)


def _send(model: type[Table], sql: str, values: list[Any]) -> None:
    database = model._meta.database
    with _PEEWEE_ERRORS:
        if database.for_update:
            database.send(model._meta.table_name, sql, values)
        else:
            database.cursor().execute(sql, values)


def _sources(
    model: type[Table], columns: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> Iterator[tuple[str, list[Any]]]:
    """Yield queries that return these rows as `column1` and so on, each with its parameters."""
    if model._meta.database.for_update:
        if given := _converted(_to_json(model, columns), rows):
            named = [dict(zip(_PLACES, row, strict=False)) for row in given]
            text = orjson.dumps(named, default=bytes.hex).decode()
            yield _recordset_sql(model, columns), [text]
        return
    for some in _in_powers_of_two(_converted(_to_driver(model, columns), rows)):
        yield _values_sql(len(columns), len(some)), list(chain.from_iterable(some))


def _among(model: type[Table], key: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the condition that a row's `key` is among `values`, with its parameters."""
    column = f'"{_column(model, key)}"'
    if model._meta.database.for_update:
        ((source, given),) = _sources(model, (key,), [(value,) for value in values])
        return f"{column} = ANY(ARRAY({source}))", given
    # The last again and again: few statements do for any number of them.
    wanted = [*values, *[values[-1]] * ((1 << (len(values) - 1).bit_length()) - len(values))]
    marks = ", ".join("?" * len(wanted))
    convert = _to_driver(model, (key,) * len(wanted))
    return f"{column} IN ({marks})", _converted(convert, [wanted])[0]


def _converted(converters: Converters, rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    found = list(map(list, rows))
    for place, convert in converters:
        for row in found:
            if (value := row[place]) is not None:
                row[place] = convert(value)
    return found


def _in_powers_of_two(rows: Sequence[list[Any]]) -> Iterator[Sequence[list[Any]]]:
    """Cut rows into runs of 64, 32, … 1, so that few statements do for any number of rows."""
    start, size = 0, MOST_ROWS
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


@cache
def _to_driver(model: type[Table], columns: tuple[str, ...]) -> Converters:
    return _converters(model, columns, _TO_DRIVER)


@cache
def _from_driver(model: type[Table], columns: tuple[str, ...]) -> Converters:
    return _converters(model, columns, _FROM_DRIVER)


def _converters(
    model: type[Table], columns: tuple[str, ...], known: Mapping[type, Convert]
) -> Converters:
    fields = [model._meta.fields[name] for name in columns]
    kinds = [type(getattr(field, "rel_field", field)) for field in fields]
    return tuple((place, known[kind]) for place, kind in enumerate(kinds) if kind in known)


@cache
def _to_json(model: type[Table], columns: tuple[str, ...]) -> Converters:
    return _converters(model, columns, _TO_JSON)


@cache
def _fetch_sql(
    model: type[Table], columns: tuple[str, ...], found: tuple[str, ...], order: str
) -> str:
    names, table = _names(model, columns), model._meta.table_name
    return f'SELECT {names} FROM "{table}" WHERE {" OR ".join(found)} ORDER BY {order}'


@cache
def _join(model: type[Table], key: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return the question up to `id`, and the fields of both models that it asks for."""
    other = model._meta.fields[key].rel_model
    columns, others = tuple(model._meta.fields), tuple(other._meta.fields)
    table, its = model._meta.table_name, other._meta.table_name
    names = [f'"{table}"."{_column(model, name)}"' for name in columns]
    names += [f'"{its}"."{_column(other, name)}"' for name in others]
    joined = f'"{table}" JOIN "{its}" ON "{its}"."id" = "{table}"."{_column(model, key)}"'
    return f'SELECT {", ".join(names)} FROM {joined} WHERE "{table}"."id"', columns, others


@cache
def _insert_sql(model: type[Table], columns: tuple[str, ...]) -> str:
    return f'INSERT INTO "{model._meta.table_name}" ({_names(model, columns)}) '


@cache
def _values_sql(columns: int, count: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"VALUES {', '.join([row] * count)}"


@cache
def _recordset_sql(model: type[Table], columns: tuple[str, ...]) -> str:
    fields, places = [model._meta.fields[name] for name in columns], _PLACES[: len(columns)]
    kinds = [getattr(field, "rel_field", field).field_type for field in fields]
    named = [
        (place, *_IN_JSON.get(kind, (kind, "{}")))
        for place, kind in zip(places, kinds, strict=True)
    ]
    values = ", ".join(f"{read.format(place)} AS {place}" for place, _, read in named)
    given = ", ".join(f"{place} {kind}" for place, kind, _ in named)
    return f"SELECT {values} FROM json_to_recordset(%s::json) AS given({given})"


@cache
def _put_sql(model: type[Table], keys: tuple[str, ...], columns: tuple[str, ...]) -> str:
    names = (_column(model, name) for name in columns)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names)
    return f" ON CONFLICT ({_names(model, keys)}) DO UPDATE SET {changes}"


@cache
def _delete_sql(model: type[Table], keys: tuple[str, ...], found: str, param: str) -> str:
    same = "".join(f'"{_column(model, name)}" = {param} AND ' for name in keys)
    return f'DELETE FROM "{model._meta.table_name}" WHERE {same}{found}'


@cache
def _add_up_sql(model: type[Table], keys: tuple[str, ...], sums: tuple[str, ...]) -> str:
    table = model._meta.table_name
    names = (_column(model, name) for name in sums)
    changes = ", ".join(f'"{name}" = "{table}"."{name}" + excluded."{name}"' for name in names)
    return f" ON CONFLICT ({_names(model, keys)}) DO UPDATE SET {changes}"


@cache
def _raise_to_sql(model: type[Table], keys: tuple[str, ...], value: str) -> str:
    mine, theirs = f'"{model._meta.table_name}"."{value}"', f'excluded."{value}"'
    found = f'ON CONFLICT ({_names(model, keys)}) DO UPDATE SET "{value}" = {theirs}'
    return f" {found} WHERE {mine} < {theirs}"


@cache
def _update_sql(
    model: type[Table], columns: tuple[str, ...], keys: tuple[str, ...], source: str
) -> str:
    table = model._meta.table_name
    named = list(zip((_column(model, name) for name in columns + keys), _PLACES, strict=False))
    changes = ", ".join(f'"{name}" = new.{value}' for name, value in named[: len(columns)])
    found = " AND ".join(
        f'"{table}"."{name}" = new.{value}' for name, value in named[len(columns) :]
    )
    return f'UPDATE "{table}" SET {changes} FROM ({source}) AS new WHERE {found}'


def _names(model: type[Table], columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{_column(model, name)}"' for name in columns)


def _column(model: type[Table], name: str) -> str:
    return str(model._meta.fields[name].column_name)
