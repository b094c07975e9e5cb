"""SQLite as a store: a file with one writer at a time."""

from __future__ import annotations

import math
import os
import sqlite3
import stat
import threading
import time
from ast import literal_eval
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import peewee
from playhouse.pool import PooledSqliteDatabase

from obdtrack.errors import ConfigError
from obdtrack.store import connections
from obdtrack.store.clock import SharedClock
from obdtrack.store.connections import asking, connected
from obdtrack.store.database_errors import unavailable_if_locked
from obdtrack.store.file_systems import OF_A_NETWORK, file_system
from obdtrack.store.write_lock import WriteLock

_ONCE_MORE = 0.1
_SAME_REQUEST = 1.0
"""Who has waited in vain does so for a moment only in the second after: a request that writes more
than once (that a key was used, then a call) would else wait as often."""

SURE_SECONDS = 0.003
"""For how long a look at the database's files counts: each transaction's own would slow it down,
and whoever replaces a file cannot mean an instant that is nearer than this."""

_NOT_WORTH_IT = 0.25
"""Seconds already waited that need not be taken off SQLite's own patience."""

_PRAGMAS = (
    # Readers go on while the one writer commits.
    ("journal_mode", "wal"),
    # An acknowledged report must outlive a power cut: NORMAL syncs the log only at checkpoints.
    ("synchronous", "full"),
    # Off by default in SQLite; an event without its call would be an orphan nobody sees.
    ("foreign_keys", 1),
    # Pages, 4 MiB of log: copying them back holds up whoever writes, for a few milliseconds. Four
    # times as many would be copied four times as seldom, and one report in a hundred would wait.
    ("wal_autocheckpoint", 1000),
    # Give the log's disk space back after a burst.
    ("journal_size_limit", 64 * 1024 * 1024),
    # 8 MiB of pages per connection; four times as many made nothing faster.
    ("cache_size", -8 * 1024),
    # Sorting must not fail for want of a temporary directory.
    ("temp_store", "memory"),
)


class SqliteStore(PooledSqliteDatabase):
    """SQLite, with one writer at a time across threads and processes.

    SQLite's own busy handler sleeps in growing steps, which makes long tails, and versions up to
    3.51.2 can corrupt the log when two connections commit and checkpoint at the same instant. A
    lock of our own, beside the database file, ends both.
    """

    def __init__(self, path: str) -> None:
        super().__init__(
            path,
            pragmas=_PRAGMAS,
            lock_type="IMMEDIATE",  # a DEFERRED transaction that turns writer fails when it is late
            max_connections=None,
            check_same_thread=False,
        )
        # As an argument it would be how long to wait for a place in the pool.
        self.timeout = connections.BUSY_SECONDS
        self.clock: SharedClock | None = None  # all its processes are on this machine
        self._lock_path = Path(f"{path}.lock")
        self._write_lock = WriteLock(str(self._lock_path))
        self._files = (path, f"{path}-wal")
        self._opened: list[tuple[int, int]] = []
        self._mine = threading.local()
        self._sure_until = 0.0

    @property
    def title(self) -> str:
        """How a sentence names this database: its absolute path."""
        return str(self.database)

    def _connect(self) -> Any:
        try:
            return super()._connect()
        except sqlite3.DatabaseError as error:  # among them: not a database, or a damaged one
            raise sqlite3.OperationalError(f"{self.title}: {error}") from error

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Have a connection for this thread; False if it had one.

        Raises peewee.OperationalError if the file is no longer the one that was opened, or is not
        that of the log beside it.
        """
        if self._in_use or self._connections:
            self._require_in_place()
        else:  # the last to close removes the log
            self._opened = []
            self._require_own_log()
        return bool(super().connect(reuse_if_open))

    def _require_in_place(self) -> None:
        """Raise peewee.OperationalError if what is written goes to a file without a name.

        A database that was restored or deleted while it is open takes writes as before, and they
        are gone with the last process that has it open; so are those of a log that was deleted.
        """
        now = time.monotonic()
        if now < self._sure_until:
            return
        found = self._found()
        if not self._opened:  # a new file has no log before its first transaction
            self._opened = found
            with suppress(OSError):  # a full disk is no reason to refuse what fits
                self._lock_path.touch(0o600)
                self._lock_path.write_text(str(found))
        if found != self._opened:
            raise peewee.OperationalError(
                f"{self.title} or its log was replaced or deleted while in use: what is written "
                "now would be lost. Stop obdtrack, put the database in place without the -wal and "
                "-shm files of another one, and start obdtrack"
            )
        self._sure_until = now + SURE_SECONDS

    def _require_own_log(self) -> None:
        """Raise peewee.OperationalError if the log is that of a file which this one has replaced.

        SQLite would copy its pages into this one, and so damage it. Which file the log belongs to
        stands in the lock file.
        """
        found = self._found()
        if not found or not os.path.getsize(self._files[1]):
            return
        with suppress(OSError, ValueError):
            known = literal_eval(self._lock_path.read_text() or "[]")
            if known and known[1] == found[1] and known[0] != found[0]:
                raise peewee.OperationalError(
                    f"{self._files[1]} is the log of another database, which {self.title} has "
                    "replaced, and would damage it. Stop obdtrack everywhere and delete the -wal "
                    "and -shm files, which hold the end of the one that was replaced"
                )

    def _found(self) -> list[tuple[int, int]]:
        try:
            return [(file.st_dev, file.st_ino) for file in map(os.stat, self._files)]
        except OSError:
            return []

    @contextmanager
    def write(self, *, first: bool = False) -> Iterator[None]:
        """Run the block as one transaction; committed when it ends, undone if it raises.

        One that wants to be `first` stands in no line behind others of this process. Raises
        ObdtrackError (unavailable) if no turn came in time or the disk refused.
        """
        if self.in_transaction():
            with self.atomic():
                yield
            return
        with unavailable_if_locked(), connected(self):
            with self.in_turn(first=first), self.atomic(), asking(self):
                yield
            self._require_in_place()  # only now is it known where it went

    def log_bytes(self) -> int:
        """Return how long the log beside the file is; it grows while others read old states."""
        try:
            return os.stat(self._files[1]).st_size
        except FileNotFoundError:
            return 0

    def log_is_held(self) -> bool:
        """Whether a reader of an old state keeps the log from being copied back."""
        with self.in_turn():
            _, pages, copied = self.execute_sql("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return bool(copied < pages)

    def lock_names(self, names: Collection[str], *, wait: bool = True) -> None:
        """Keep others from writing about these provider ids; here nobody else is writing."""

    def take_hot_rows(self) -> None:
        """Be the only one to lock what all lock; here a transaction is that from its beginning."""

    @contextmanager
    def in_turn(self, *, first: bool = False) -> Iterator[None]:
        """Be the only writer for the block; raises peewee.OperationalError if no turn came."""
        has_waited = time.monotonic() < getattr(self._mine, "gave_up_until", 0)
        seconds = min(connections.BUSY_SECONDS, _ONCE_MORE if has_waited else math.inf)
        taken = self._write_lock.taken(seconds, first=first)
        try:
            with taken as deadline, self._patient_until(deadline):
                yield
        except peewee.OperationalError:
            self._mine.gave_up_until = time.monotonic() + _SAME_REQUEST
            raise

    @contextmanager
    def _patient_until(self, deadline: float) -> Iterator[None]:
        """Wait for programs that do not know our lock no longer than what is left of our time."""
        left = deadline - time.monotonic()
        if left > connections.BUSY_SECONDS - _NOT_WORTH_IT:
            yield
            return
        self.execute_sql(f"PRAGMA busy_timeout = {max(0, round(left * 1000))}")
        try:
            yield
        finally:
            self.execute_sql(f"PRAGMA busy_timeout = {round(connections.BUSY_SECONDS * 1000)}")


def open_sqlite(url: str, *, create: bool) -> SqliteStore:
    """Return the store of the file that `url` names; nothing is connected yet.

    Raises ConfigError, naming the absolute path, if there is no such file, it cannot be read, or
    other machines may write to it.
    """
    path = Path(url.removeprefix("sqlite:///")).absolute()
    if (kind := file_system(path)) in OF_A_NETWORK:
        raise ConfigError(
            f"{path} is on a network file system ({kind}): SQLite's log is shared in memory, "
            "so that two machines damage the file, and neither knows of the other. With obdtrack "
            "stopped, move it to a disk of this machine; or use PostgreSQL (OBDTRACK_DATABASE_URL)."
        )
    if create:
        _create(path)
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"There is no database at {path}. Create it with: python -m obdtrack migrate"
        ) from None
    except OSError as error:
        raise ConfigError(f"The database {path} cannot be read: {error.strerror}.") from error
    if not is_file:
        raise ConfigError(f"{path} is not a file. Set OBDTRACK_DATABASE_URL to the database's file")
    if not os.access(path, os.R_OK):
        raise ConfigError(f"The database {path} cannot be read: this user lacks the permission.")
    return SqliteStore(str(path))


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            # SQLite would create it readable by all; its log and index files copy this mode.
            # Only a new one: closing a file that SQLite has open drops SQLite's locks on it.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise ConfigError(f"OBDTRACK_DATABASE_URL: {path} cannot be created: {error}") from error
