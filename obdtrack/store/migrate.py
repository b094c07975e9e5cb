"""Brings a database to the schema this code needs, and refuses one it does not fit."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.errors import ConfigError
from obdtrack.store.database import Store
from obdtrack.store.moved import MOVED
from obdtrack.store.postgres import PostgresStore
from obdtrack.store.schema import TABLES
from obdtrack.store.sqlite import SqliteStore

FOLDER = next(
    folder
    for above in Path(__file__).resolve().parents[1:3]
    if (folder := above / "migrations").is_dir()
)
"""The nearest one above: in an installed package it is inside, in a checkout beside it."""

_HISTORY = "schema_migration"  # as playhouse's Runner names it
_INITIAL = "0001_initial"
_UNRELEASED = "unreleased"
"""The folder with the steps that databases took before the first release, now one."""

_ADVISORY_LOCK = 0x0BD7_AC4B  # any number that nobody else takes


def migrate(store: Store, folder: Path = FOLDER, watch: Watcher = unwatched) -> list[str]:
    """Apply what is missing, one process at a time; returns the names applied."""
    with _alone(store):
        newer, _, ours = _compared(store, folder)
        _require_ours(store, newer, ours)
        applied: list[str] = []
        if (steps := _steps(store, folder)) != folder:
            applied += _apply(store, steps, watch)
            history = Runner(store, str(steps)).History
            history.delete().where(history.name != _INITIAL).execute()
        return [*applied, *_apply(store, folder, watch)]


def _apply(store: Store, folder: Path, watch: Watcher) -> list[str]:
    """Apply the migrations of a folder that the database lacks, one by one; returns their names."""
    runner = Runner(store, str(folder))
    missing = [row.name for row in runner.status() if row.path and row.applied is None]
    for count, name in enumerate(missing):
        watch(WorkDone("migrations", count, len(missing)))
        runner.up(name)
    return missing


def check_schema(store: Store, folder: Path = FOLDER) -> None:
    """Raise ConfigError if the database does not fit this code, naming it and the way out."""
    newer, older, ours = _compared(store, folder)
    _require_ours(store, newer, ours)
    if newer:
        raise ConfigError(
            f"The database {store.title} is newer than this version of obdtrack (it has "
            f"{', '.join(newer)}). Install the version that wrote it, or restore an older backup."
        )
    if older:
        state = "older than this version of obdtrack" if ours else "empty"
        raise ConfigError(
            f"The database {store.title} is {state} (it lacks {', '.join(older)}). "
            "Run: python -m obdtrack migrate"
        )
    if lacking := _lacking(store):
        raise ConfigError(
            f"The database {store.title} has every migration, but lacks {', '.join(lacking)}: an "
            "unfinished version of obdtrack made it. Use that version, or start with a new database"
        )


def require_tables(store: Store, folder: Path = FOLDER) -> None:
    """Raise ConfigError if the database holds nothing of obdtrack's, of whatever version."""
    newer, _, ours = _compared(store, folder)
    _require_ours(store, newer, ours)
    if not ours:
        raise ConfigError(f"The database {store.title} is empty. Run: python -m obdtrack migrate")


def _compared(store: Store, folder: Path) -> tuple[list[str], list[str], bool]:
    """Return the migrations that only the database has, those it lacks, and whether it has any."""
    rows = Runner(store, str(_steps(store, folder))).status()
    newer = [row.name for row in rows if row.path is None]
    older = [row.name for row in rows if row.applied is None]
    return newer, older, len(newer) + len(older) < len(rows)


_COLUMNS = {
    True: """SELECT t.relname, c.attname FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid
        WHERE pg_table_is_visible(t.oid) AND t.relkind IN ('r', 'p')
        AND t.relnamespace <> 'pg_catalog'::regnamespace
        AND c.attnum > 0 AND NOT c.attisdropped""",
    False: """SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table'""",
}
"""The columns that there are, by whether it is PostgreSQL."""


def _lacking(store: Store) -> list[str]:
    """Return what the tables of this code have and the database has not, as `table.column`.

    What was applied is known by its name alone, and is not what it is now where it was changed.
    """
    found = set(store.execute_sql(_COLUMNS[bool(store.for_update)]).fetchall())
    needed = ((t._meta.table_name, c.column_name) for t in TABLES for c in t._meta.sorted_fields)
    return [".".join(one) for one in needed if one not in found]


def _steps(store: Store, folder: Path) -> Path:
    """Return where the migrations of this database are: one from before the release has its own."""
    applied = Runner(store, str(folder)).applied()
    unreleased = folder / _UNRELEASED
    steps = {path.stem for path in unreleased.glob("*.py")} - {_INITIAL}
    return unreleased if steps & applied.keys() else folder


def _require_ours(store: Store, newer: list[str], ours: bool) -> None:
    """Raise ConfigError if it was moved, or another program's tables stand there.

    Those are not to be added to. A file belongs to one program; a database of a server may be
    shared, if no two tables have one name.
    """
    for name in newer:
        if name.startswith(MOVED):
            raise ConfigError(
                f"The database {store.title} {name}. Set OBDTRACK_DATABASE_URL to that one, or to "
                "use this one again run: python -m obdtrack copy-to --undo"
            )
    if ours:
        return
    tables = set(store.get_tables())
    if isinstance(store, PostgresStore):
        tables &= {table._meta.table_name for table in TABLES}
    if newer or (tables and not store.table_exists(_HISTORY)):
        raise ConfigError(
            f"The database {store.title} belongs to another program: it has tables, but not "
            "obdtrack's. Set OBDTRACK_DATABASE_URL to a database of obdtrack's own"
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
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be created: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
