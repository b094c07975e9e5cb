"""Brings a database to the schema this code needs, and refuses one it does not fit."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from obdtrack.errors import ConfigError
from obdtrack.storage.database import SqliteStore, Store

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
_ADVISORY_LOCK = 0x0BD7_AC4B  # any number that nobody else takes


def migrate(store: Store, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing, one process at a time; gives the names applied."""
    with _alone(store):
        return list(Runner(store, str(folder)).up())


def check_schema(store: Store, folder: Path = FOLDER) -> None:
    """Raise ConfigError if the database is older or newer than this code, naming the way out."""
    rows = Runner(store, str(folder)).status()
    newer = [row.name for row in rows if row.path is None]
    older = [row.name for row in rows if row.applied is None]
    if newer:
        raise ConfigError(
            f"The database is newer than this version of obdtrack (it has {', '.join(newer)}). "
            "Install the version that wrote it, or restore an older backup."
        )
    if older:
        raise ConfigError(
            f"The database is older than this version of obdtrack (it lacks {', '.join(older)}). "
            "Run: python -m obdtrack migrate"
        )


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    if isinstance(store, SqliteStore):
        with _file_lock(f"{store.database}.migrate.lock"), store.connection_context():
            # Tables are rebuilt to change them; enforcing references would delete their children.
            # The switch works only outside a transaction.
            store.pragma("foreign_keys", 0)
            try:
                # One transaction for all: killed half-way, the old schema is still whole.
                with store.atomic("EXCLUSIVE"):
                    yield
            finally:
                store.pragma("foreign_keys", 1)
        return
    with store.connection_context():
        store.execute_sql("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        try:
            with store.atomic():
                yield
        finally:
            store.execute_sql("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
