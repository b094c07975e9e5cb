"""Copies an SQLite database while it is written to: whole, checked, and never half-finished.

The copying is SQLite's own: it reads one snapshot, writers go on meanwhile, and no file of the
database is opened behind SQLite's back, since closing such a file would drop SQLite's locks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.errors import ConfigError
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import to_microseconds
from obdtrack.store.database import Store
from obdtrack.store.migrate import require_tables
from obdtrack.store.sqlite import SqliteStore

BACKED_UP = "backed-up"
"""Counts the microseconds from 1970 UTC to the last backup."""

_COMPLAINTS_SHOWN = 3


class Backup(NamedTuple):
    """A finished copy; `size` in bytes."""

    path: Path
    size: int


def back_up(store: Store, target: Path, watch: Watcher = unwatched) -> Backup:
    """Copy everything committed before the call to a new file, readable by its owner only.

    The file appears under its name once it is on disk and found whole. Raises ConfigError if the
    database is not SQLite or not obdtrack's, if there is such a file already, or if the copy cannot
    be made.
    """
    if not isinstance(store, SqliteStore):
        raise ConfigError(
            "The database is PostgreSQL: back it up with pg_dump, for example\n"
            "  pg_dump --format=custom --file=obdtrack.dump <the value of OBDTRACK_DATABASE_URL>"
        )
    with store.connection_context():
        require_tables(store)  # or it would be a fine backup of nothing
    _require_new(target)
    try:
        with _unfinished(target) as part:
            watch(WorkDone("copying"))
            _copy(store, part)
            watch(WorkDone("checking"))
            _check(part)
            watch(WorkDone("writing to disk"))
            _sync(part)
            size = part.stat().st_size
            _publish(part, target)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"{target} was not created: {error}") from error
    return Backup(target, size)


def note_backup(store: Store, now: datetime) -> None:
    """Store that there is a backup of this time; ObdtrackError (unavailable) if it cannot be."""
    with store.write():
        row = (BACKED_UP, to_microseconds(now))
        bulk_sql.put(models.Counter, ("name",), ("value",), [row])


def _require_new(target: Path) -> None:
    if os.path.lexists(target):
        raise ConfigError(f"{target} exists already, and a backup is never overwritten.")
    if not target.parent.is_dir():
        raise ConfigError(f"There is no folder {target.parent}.")


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Return an empty private file beside `target`, and leave nothing of it behind."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
    finally:
        for leftover in (part, part.with_name(f"{part.name}-journal")):
            leftover.unlink(missing_ok=True)


def _copy(store: SqliteStore, part: Path) -> None:
    with store.connection_context(), closing(sqlite3.connect(part)) as copy:
        # All pages in one step: in steps it would start over whenever somebody writes.
        store.connection().backup(copy, pages=-1)
        # One file that needs no log beside it, until it is served again.
        copy.execute("PRAGMA journal_mode = DELETE")


def _check(part: Path) -> None:
    with closing(sqlite3.connect(part)) as copy:
        found = [row[0] for row in copy.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise sqlite3.DatabaseError("the copy is damaged: " + "; ".join(found[:_COMPLAINTS_SHOWN]))


def _publish(part: Path, target: Path) -> None:
    try:
        os.link(part, target)  # unlike a rename it fails if the file was created meanwhile
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        _require_new(target)
        part.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
