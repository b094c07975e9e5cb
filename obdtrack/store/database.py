"""Opens the database and gives the one way to write to it."""

from __future__ import annotations

import heapq
import os
import sqlite3
import stat
import threading
import time
from ast import literal_eval
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

import peewee
from peewee import PostgresqlDatabase
from playhouse.pool import (
    MaxConnectionsExceeded,
    PooledPostgresqlDatabase,
    PooledSqliteDatabase,
)

from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.store.clock import SharedClock
from obdtrack.store.models import ASKED
from obdtrack.store.moved import MOVED
from obdtrack.store.schema import TABLES
from obdtrack.store.write_lock import WriteLock

Given = ParamSpec("Given")
Result = TypeVar("Result")

_UNAVAILABLE = "The database cannot be used at the moment. Try again soon."
_RETRY_AFTER = 5

_PAUSES = (0.01, 0.05, 0.2)
"""Seconds before each repetition of a transaction that was undone."""

BUSY_SECONDS = 2.0
"""How long a writer waits for its turn before it says so: providers wait three seconds for us."""

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
    # 32 MiB of pages per connection, so that indexes stay in memory.
    ("cache_size", -32 * 1024),
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
        self.timeout = BUSY_SECONDS
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

    def change_unsynced(self, sql: str, values: Sequence[Any]) -> int:
        """Change rows by one statement; returns how many.

        It need not outlive a power cut, and does not wait for the disk. Raises ObdtrackError as
        `write` does.
        """
        with unavailable_if_locked(), connected(self):
            with self.in_turn(), self._unsynced():
                changed = self.execute_sql(sql, values).rowcount
            self._require_in_place()
        return int(changed)

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
        seconds = min(BUSY_SECONDS, _ONCE_MORE) if has_waited else BUSY_SECONDS
        taken = self._write_lock.taken(seconds, first=first)
        try:
            with taken as deadline, self._patient_until(deadline):
                yield
        except peewee.OperationalError:
            self._mine.gave_up_until = time.monotonic() + _SAME_REQUEST
            raise

    @contextmanager
    def _unsynced(self) -> Iterator[None]:
        self.execute_sql("PRAGMA synchronous = normal")
        try:
            yield
        finally:
            try:
                self.execute_sql("PRAGMA synchronous = full")
            except BaseException:
                self.manual_close()  # what this connection commits next must not be lost
                raise

    @contextmanager
    def _patient_until(self, deadline: float) -> Iterator[None]:
        """Wait for programs that do not know our lock no longer than what is left of our time."""
        left = deadline - time.monotonic()
        if left > BUSY_SECONDS - _NOT_WORTH_IT:
            yield
            return
        self.execute_sql(f"PRAGMA busy_timeout = {max(0, round(left * 1000))}")
        try:
            yield
        finally:
            self.execute_sql(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")


# OFFSET keeps the planner from pulling the sorted names apart: two writers must lock in one order.
_LOCK_NAMES = """SELECT pg_advisory_xact_lock(hashtextextended(name, 0))
FROM (SELECT name FROM unnest(%s::text[]) AS name ORDER BY name OFFSET 0) AS sorted"""

_LOCK_FREE_NAMES = """SELECT bool_and(pg_try_advisory_xact_lock(hashtextextended(name, 0)))
FROM unnest(%s::text[]) AS name"""


class PostgresStore(PooledPostgresqlDatabase):
    """PostgreSQL; rows are locked where two writers could meet."""

    reads_only = False

    def __init__(self, url: str, *, serving: bool = False, **options: Any) -> None:
        self._serving = serving
        self._hot_rows = threading.Lock()
        self._mine = threading.local()
        super().__init__(url, **options)
        self.clock: SharedClock | None = SharedClock(self._time)

    def _time(self) -> datetime:
        with connected(self):
            (now,) = self.execute_sql("SELECT clock_timestamp()").fetchone()
        return cast(datetime, now).astimezone(UTC)

    @property
    def title(self) -> str:
        """How a sentence names this database: by its name, without user, password and host."""
        return urlsplit(self.database).path.removeprefix("/")

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Have a connection for this thread; False if it had one.

        Raises peewee.OperationalError if none became free in time, or the server is gone.
        """
        if self.is_closed():
            self._add_to_pool()
        elif self.connection().closed and not self.in_transaction():
            self.close()
        try:
            return bool(super().connect(reuse_if_open))
        except MaxConnectionsExceeded as error:
            raise peewee.OperationalError(str(error)) from error

    def psycopg3_adapter(self) -> Any:
        """Return what opens connections; named so by peewee."""
        from obdtrack.store import sessions  # only who has set PostgreSQL up has its driver

        return sessions.Adapter(sessions.SERVING if self._serving else sessions.COMMAND)

    def _add_to_pool(self) -> None:
        """Open a connection if none is idle, without the pool's lock: others go on meanwhile."""
        self._adapter.circuit.check()
        if not self._connections and len(self._in_use) < self._max_connections:
            try:
                made = PostgresqlDatabase._connect(self)  # type: ignore[attr-defined]  # stubs lack it
            except Exception as error:
                raise peewee.OperationalError(str(error)) from error
            with self._pool_lock:
                self._heap_counter += 1
                heapq.heappush(self._connections, (time.time(), self._heap_counter, made))

    def _connect(self) -> Any:
        connection = super()._connect()
        if self.reads_only:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    @contextmanager
    def write(self, *, first: bool = False) -> Iterator[None]:
        """Run the block as one transaction; committed when it ends, undone if it raises.

        Here nobody stands in line (`first`): rows are locked, not the database. Raises
        ObdtrackError (unavailable) if the server cannot be reached or gave up waiting.
        """
        with unavailable_if_locked(), connected(self), self._new_connections_if_it_only_reads():
            outermost = not self.in_transaction()
            with self._hot_rows_until_it_ends(outermost=outermost), self.atomic():
                if outermost and not self._serving:  # else its sessions wait for no lock for long
                    self.execute_sql(f"SET LOCAL lock_timeout = {round(BUSY_SECONDS * 1000)}")
                with asking(self):
                    yield

    def change_unsynced(self, sql: str, values: Sequence[Any]) -> int:
        """Change rows by one statement; returns how many.

        It need not outlive a crash of the server, and does not wait for its disk. Raises
        ObdtrackError as `write` does.
        """
        with self.write():
            self.execute_sql("SET LOCAL synchronous_commit = off")
            return int(self.execute_sql(sql, values).rowcount)

    def take_hot_rows(self) -> None:
        """Be the only thread of this process to lock what all lock, until the transaction ends.

        They would wait for each other anyway. But in a process that stands still each would get the
        rows when the one before has lost its transaction, and keep everybody else out for as long.
        """
        if not getattr(self._mine, "has_hot_rows", False):
            if not self._hot_rows.acquire(timeout=2.0 if self._serving else BUSY_SECONDS):
                raise unavailable()
            self._mine.has_hot_rows = True

    @contextmanager
    def _hot_rows_until_it_ends(self, *, outermost: bool) -> Iterator[None]:
        try:
            yield
        finally:
            if outermost and getattr(self._mine, "has_hot_rows", False):
                self._mine.has_hot_rows = False
                self._hot_rows.release()

    @contextmanager
    def _new_connections_if_it_only_reads(self) -> Iterator[None]:
        """Let go of a server that was failed over: its address may lead to the new one already."""
        try:
            yield
        except Exception as error:
            if _state(error) == _READ_ONLY:
                self.connection().close()
                self.close_idle()
            raise

    def lock_names(self, names: Collection[str], *, wait: bool = True) -> None:
        """Keep others from writing about these provider ids until the transaction ends.

        A report that finds no call and the response that names the call must not pass each other
        unseen; there is no row yet that both could lock. Who holds other locks must not `wait`:
        raises AbortedError if somebody else has one of them then.
        """
        if wait:
            self.execute_sql(_LOCK_NAMES, (sorted(names),))
        elif not self.execute_sql(_LOCK_FREE_NAMES, (sorted(names),)).fetchone()[0]:
            raise AbortedError


Store = SqliteStore | PostgresStore


def open_database(url: str, *, create: bool = True, serving: bool = False) -> Store:
    """Return the store that `url` names, with the tables bound to it; nothing is connected yet.

    Unless told not to `create` it, an SQLite file that is missing is created, and its folder. A
    process that is `serving` waits for PostgreSQL, and keeps others waiting, for moments only.
    Raises ConfigError, naming the absolute path, if there is no such file then, or none that can be
    read; and if `url` is not an address of PostgreSQL's.
    """
    is_file = url.startswith("sqlite:")
    store = _sqlite(url, create=create) if is_file else _postgres(url, serving=serving)
    bind_tables(store)
    return store


def open_replica(url: str, *, serving: bool = False) -> PostgresStore:
    """Return the store of a PostgreSQL database that is only read; nothing is connected yet.

    It is asked by those who say so (`asking`). The server refuses to write there.
    Raises ConfigError if `url` is not an address of PostgreSQL's.
    """
    store = _postgres(url, "OBDTRACK_READ_DATABASE_URL", serving=serving)
    store.reads_only = True
    return store


def bind_tables(store: Store) -> None:
    """Have all questions asked of this store from now on, unless another is being asked."""
    store.bind(TABLES, bind_refs=False, bind_backrefs=False)


@contextmanager
def asking(store: Store | None) -> Iterator[None]:
    """Ask `store` in the block, in this thread; None: the one that the tables are bound to.

    A transaction of a store (`write`) is such a block, so that nothing is decided by a replica.
    """
    before = ASKED.get()
    ASKED.set(store)
    try:
        yield
    finally:
        ASKED.set(before)


def _sqlite(url: str, *, create: bool) -> SqliteStore:
    path = Path(url.removeprefix("sqlite:///")).absolute()
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


def _postgres(url: str, setting: str = "OBDTRACK_DATABASE_URL", *, serving: bool) -> PostgresStore:
    url = url.replace("postgres://", "postgresql://", 1)
    _require_address(url, setting)
    return PostgresStore(
        url,
        serving=serving,
        max_connections=64,
        timeout=2 if serving else BUSY_SECONDS,
        stale_timeout=300,
        prefer_psycopg3=True,
    )


def _require_address(url: str, setting: str) -> None:
    """Refuse what the driver would read otherwise than meant, and quote, password and all."""
    try:
        import psycopg  # only who has set PostgreSQL up has it
    except ImportError:
        raise ConfigError(
            "PostgreSQL needs its driver: pip install 'psycopg[binary]>=3.2,<4'"
        ) from None
    address = url.partition("://")[2].partition("?")[0]
    try:
        psycopg.conninfo.conninfo_to_dict(url)
        readable = address.count("@") == address.partition("/")[0].count("@") <= 1
    except psycopg.Error:
        readable = False
    if not readable:
        raise ConfigError(
            "The address of the database must be postgresql://user:password@host/name, with signs "
            f"such as @ / % in the password written as %40 %2F %25 ({setting})."
        )


@contextmanager
def connected(store: Store) -> Iterator[None]:
    """Have a connection for the block; it goes back to the pool unless there was one before."""
    opened = store.connect(reuse_if_open=True)
    try:
        yield
    finally:
        if opened:
            store.close()


class AbortedError(ObdtrackError):
    """A transaction that met another one and was undone: done again, it succeeds."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, _UNAVAILABLE, retry_after=_RETRY_AFTER)


def repeated(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Return `work`, which is one transaction, so that it is done again if it was undone.

    The one place for that. Beside the transaction `work` must do nothing that cannot be repeated.
    """

    @wraps(work)
    def repeating(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        for pause in _PAUSES:
            try:
                return work(*args, **kwargs)
            except AbortedError:
                time.sleep(pause)  # the one it met goes on meanwhile
        return work(*args, **kwargs)

    return repeating


@contextmanager
def unavailable_if_locked() -> Iterator[None]:
    """Turn a database that is busy, full, damaged or gone into an error: try again soon.

    One that undid the transaction for another's sake becomes AbortedError.
    """
    try:
        yield
    except Exception as error:
        if unusable(error) is None:
            raise
        raise (AbortedError() if _state(error) in _ABORTED else unavailable()) from error


_ERRORS = {
    **dict.fromkeys(("OperationalError", "InterfaceError", "DatabaseError"), True),
    **dict.fromkeys(("IntegrityError", "ProgrammingError", "DataError"), False),
    **dict.fromkeys(("InternalError", "NotSupportedError"), False),
}
"""Whether an error of this name (PEP 249) is about the database and not about a statement."""


_ABORTED = ("40001", "40P01", "25P03")
"""SQLSTATEs of a transaction that was undone for another's sake: serialization, deadlock, idle."""

_READ_ONLY = "25006"
_NOT_NOW = (_READ_ONLY, "25P03", "25P04")
"""SQLSTATEs that are about the database, though their class says something else: a server that only
reads since it was failed over, and transactions that took too long."""


def unusable(error: Exception) -> str | None:
    """Return in one line why the database cannot be used; None if `error` says something else.

    Told by names, which peewee and the drivers share: rows that are read late, and copies, raise
    the driver's own. A plain DatabaseError is SQLite's for a file that is damaged or no database.
    What refuses changes to one that was moved has a kind at each of the two that says nothing.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    if MOVED in lines[0]:
        return lines[0]
    names = (kind.__name__ for kind in type(error).__mro__)
    known = _ERRORS.get(next((name for name in names if name in _ERRORS), ""))
    if not known and (known is None or _state(error) not in _NOT_NOW):
        return None
    return lines[0]


def _state(error: Exception) -> str | None:
    """Return PostgreSQL's code for an error; peewee's hold the driver's.

    The last may only say that what was lost before cannot be rolled back any more.
    """
    told: BaseException | None = error
    while told is not None:
        if state := getattr(getattr(told, "orig", told), "sqlstate", None):
            return str(state)
        told = told.__context__
    return None


def unavailable() -> ObdtrackError:
    """Return the error a caller sees when the database cannot be used now."""
    return ObdtrackError(Code.UNAVAILABLE, _UNAVAILABLE, retry_after=_RETRY_AFTER)
