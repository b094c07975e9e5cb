"""Fills a database with many calls, fast: the product makes one of a kind, and it is copied.

`bench.samples` lets the product itself place a call and take its reports. Here the rows that came
of it are written again and again under other ids, numbers and times of creation, so that whatever
the schema holds is filled as the product fills it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bench import reports
from bench.samples import TABLES, Sample, Sampler
from obdtrack.store import models
from obdtrack.store.database import bind_tables, open_database
from obdtrack.store.migrate import migrate

BLOCKS = 200
"""Into how many moments the calls of one database are spread, at most."""

_BLOCK_CALLS = 1000
_IDS_OF_A_CALL = 64
_FAST = ("journal_mode=off", "synchronous=off", "cache_size=-262144", "locking_mode=exclusive")


class Plan(NamedTuple):
    """What to fill in: calls `first` to `first + calls - 1`, each with `reports`, over `days`."""

    calls: int
    reports: int = 0
    first: int = 0
    days: float = 30.0
    until: datetime | None = None


class Table(NamedTuple):
    """Rows for one table, in the order of `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def fill(database_url: str, plan: Plan) -> int:
    """Bring the database to the newest schema and fill it; returns the number of rows written."""
    write = _write_sqlite if database_url.startswith("sqlite:") else _write_postgres
    with _models_given_back():
        store = open_database(database_url)
        migrate(store)
        store.close_all()
        return write(database_url, tables(plan))


def tables(plan: Plan) -> Iterator[Table]:
    """Return all rows of a plan, in portions of some thousand."""
    size = max(_BLOCK_CALLS, -(-plan.calls // BLOCKS))
    starts = range(plan.first, plan.first + plan.calls, size)
    until = plan.until or datetime.now(UTC)
    step = timedelta(days=plan.days) / len(starts)
    with Sampler(plan.reports) as sampler:
        for place, start in enumerate(starts):
            moment = until - step * (len(starts) - place)
            kinds = sampler.samples(moment)
            numbers = range(start, min(start + size, plan.first + plan.calls))
            yield from _copies(kinds, numbers, moment)


def _copies(kinds: list[Sample], numbers: range, moment: datetime) -> Iterator[Table]:
    portions: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
    columns: dict[str, tuple[str, ...]] = {}
    for n in numbers:
        sample = kinds[n % len(kinds)]
        ids = _ids(moment, n, sample.ids)
        names = reports.mid(n), reports.number(n)[1:]
        for row in sample.rows:
            portions[row.table].append(row.copy(ids, names))
            columns[row.table] = row.columns
    for name, rows in portions.items():
        if rows:
            yield Table(name, columns[name], rows)


def _ids(moment: datetime, n: int, count: int) -> list[bytes]:
    """Return ids as the product's: by time, then by call, then by the order they were made in."""
    head = int(moment.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62
    first = head | n * _IDS_OF_A_CALL
    return [(first + place).to_bytes(16) for place in range(count)]


def _write_sqlite(database_url: str, portions: Iterable[Table]) -> int:
    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    written = 0
    try:
        for pragma in _FAST:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for table in portions:
            connection.executemany(_insert(table), table.rows)
            written += len(table.rows)
        connection.execute("COMMIT")
        connection.execute("PRAGMA locking_mode=normal")
        connection.execute("PRAGMA journal_mode=wal")
    finally:
        connection.close()
    return written


def _write_postgres(database_url: str, portions: Iterable[Table]) -> int:
    import psycopg

    written = 0
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        for table in portions:
            columns = ", ".join(table.columns)
            with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                for row in table.rows:
                    copy.write_row(row)
            written += len(table.rows)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return written


@contextmanager
def _models_given_back() -> Iterator[None]:
    before = models.Call._meta.database
    try:
        yield
    finally:
        if before is not None:
            bind_tables(before)


def _insert(table: Table) -> str:
    marks = ", ".join("?" * len(table.columns))
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"
