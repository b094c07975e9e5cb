"""Finds a number in every text of every table, and puts a name in its place.

Whatever table or column is added later is searched as well: nothing here knows them by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import peewee

from obdtrack.domain.number_patterns import Spellings
from obdtrack.store.columns import BytesField
from obdtrack.store.models import Table
from obdtrack.store.schema import TABLES

PAGE = 500
"""Rows read at a time; of those, only the ones that mention the number are written."""


class Mention(NamedTuple):
    """A row in which the number appears: its key, and the texts that hold it, by column."""

    table: type[Table]
    key: tuple[Any, ...]
    texts: Mapping[str, str]


def mentions(spellings: Spellings) -> Iterator[Mention]:
    """Return every row of every table that holds the number; only reads, and takes no lock."""
    for table in TABLES:
        kinds = (peewee.TextField, BytesField)
        columns = [f.column_name for f in table._meta.sorted_fields if isinstance(f, kinds)]
        if columns:
            yield from _mentions_in(table, columns, spellings)


def replace(mention: Mention, spellings: Spellings, name: str) -> int:
    """Put `name` in the number's place in this row as it is now; returns how many rows changed.

    A row that would then be named like another one goes.
    """
    raw, store = _raw(mention.table), mention.table._meta.database
    columns = tuple(mention.texts)
    keys = peewee.Tuple(*(raw.c[name] for name in _key_columns(mention.table)))
    here = keys == peewee.Tuple(*mention.key)
    query = raw.select(*(raw.c[column] for column in columns)).where(here)
    row = next(iter((query.for_update() if store.for_update else query).tuples()), ())
    changes = _changes(columns, row, spellings, name)
    if not changes:
        return 0
    try:
        with store.atomic():
            raw.update({raw.c[column]: text for column, text in changes.items()}).where(
                here
            ).execute()
    except peewee.IntegrityError:
        raw.delete().where(here).execute()
    return 1


def _key_columns(table: type[Table]) -> tuple[str, ...]:
    primary: Any = table._meta.primary_key
    names = primary.field_names if isinstance(primary, peewee.CompositeKey) else (primary.name,)
    return tuple(table._meta.fields[name].column_name for name in names)


def _raw(table: type[Table]) -> Any:
    """Return the table without its field types: texts and bytes as they lie there."""
    return peewee.Table(table._meta.table_name).bind(table._meta.database)


def _mentions_in(
    table: type[Table], columns: Sequence[str], spellings: Spellings
) -> Iterator[Mention]:
    keys, after = _key_columns(table), None
    while rows := _page(table, (*keys, *columns), keys, after):
        for row in rows:
            texts = dict(zip(columns, map(_text, row[len(keys) :]), strict=True))
            held = {name: text for name, text in texts.items() if spellings.found_in(text)}
            if held:
                yield Mention(table, row[: len(keys)], held)
        after = rows[-1][: len(keys)]


def _page(
    table: type[Table], columns: Sequence[str], keys: Sequence[str], after: Sequence[Any] | None
) -> list[tuple[Any, ...]]:
    raw = _raw(table)
    key = [raw.c[name] for name in keys]
    query = raw.select(*(raw.c[name] for name in columns)).order_by(*key).limit(PAGE)
    if after is not None:
        query = query.where(peewee.Tuple(*key) > peewee.Tuple(*after))
    return list(query.tuples())


def _changes(
    names: Sequence[str], row: Sequence[Any], spellings: Spellings, name: str
) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for column, value in zip(names, row, strict=False):  # no values if the row is gone
        text = _text(value)
        clean = spellings.replaced(text, name)
        if clean != text:
            changed[column] = clean if isinstance(value, str) else clean.encode("latin-1")
    return changed


def _text(value: Any) -> str:
    """Return a text, or bytes as latin-1, which has a character for each; nothing is empty."""
    if value is None or isinstance(value, str):
        return value or ""
    return bytes(value).decode("latin-1")
