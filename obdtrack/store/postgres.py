"""PostgreSQL as a store: a server where rows are locked."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import peewee
from peewee import PostgresqlDatabase
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase

from obdtrack.errors import ConfigError
from obdtrack.store import connections
from obdtrack.store.clock import SharedClock
from obdtrack.store.connections import asking, connected
from obdtrack.store.database_errors import (
    READ_ONLY,
    AbortedError,
    sqlstate,
    unavailable,
    unavailable_if_locked,
)

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

        Here nobody stands in line: rows are locked, not the database. What comes `first` is much,
        and what it writes is sent together. Raises ObdtrackError (unavailable) if the server cannot
        be reached or gave up waiting.
        """
        with unavailable_if_locked(), connected(self), self._new_connections_if_it_only_reads():
            outermost = not self.in_transaction()
            with self._kept_until_it_ends(outermost=outermost, first=first), self.atomic():
                if outermost and not self._serving:  # else its sessions wait for no lock for long
                    milliseconds = round(connections.BUSY_SECONDS * 1000)
                    self.execute_sql(f"SET LOCAL lock_timeout = {milliseconds}")
                with asking(self):
                    yield

    def send(self, table: str, sql: str, values: list[Any]) -> None:
        """Run a statement that changes one table and reads none; nobody asks what came of it.

        In what comes `first` it waits for the next of another kind and goes as one statement with
        all that wait, as most cost more by themselves than by what they do. Those of one table are
        not sent together: they would not see each other's rows.
        """
        waiting = getattr(self._mine, "waiting", None)
        if waiting is None:
            self.cursor().execute(sql, values)
            return
        if table in waiting:
            self._send_waiting()
        waiting[table] = sql, values

    def cursor(self, named_cursor: bool | None = None) -> Any:
        """Return what the next statement goes through; those that waited have gone before it."""
        self._send_waiting()
        return super().cursor(named_cursor)

    def rollback(self) -> None:
        """Undo the transaction, with what waits to be sent."""
        self._mine.waiting = None
        super().rollback()

    def _send_waiting(self) -> None:
        if statements := getattr(self._mine, "waiting", None):
            *others, (last, _) = statements.values()
            named = ", ".join(f"w{n} AS ({sql})" for n, (sql, _) in enumerate(others))
            values = [value for _, given in statements.values() for value in given]
            statements.clear()
            super().cursor().execute(f"WITH {named} {last}" if named else last, values)

    def take_hot_rows(self) -> None:
        """Be the only thread of this process to lock what all lock, until the transaction ends.

        They would wait for each other anyway. But in a process that stands still each would get the
        rows when the one before has lost its transaction, and keep everybody else out for as long.
        """
        if not getattr(self._mine, "has_hot_rows", False):
            patience = 2.0 if self._serving else connections.BUSY_SECONDS
            if not self._hot_rows.acquire(timeout=patience):
                raise unavailable()
            self._mine.has_hot_rows = True
            if self._adapter.circuit.open:  # nobody waits for those who wait and then once more
                self.connection().close()
                raise unavailable()

    @contextmanager
    def _kept_until_it_ends(self, *, outermost: bool, first: bool) -> Iterator[None]:
        if outermost:
            self._mine.waiting = {} if first else None
        try:
            yield
        finally:
            if outermost:
                self._mine.waiting = None
            if outermost and getattr(self._mine, "has_hot_rows", False):
                self._mine.has_hot_rows = False
                self._hot_rows.release()

    @contextmanager
    def _new_connections_if_it_only_reads(self) -> Iterator[None]:
        """Let go of a server that was failed over: its address may lead to the new one already."""
        try:
            yield
        except Exception as error:
            if sqlstate(error) == READ_ONLY:
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


def open_postgres(
    url: str, setting: str = "OBDTRACK_DATABASE_URL", *, serving: bool
) -> PostgresStore:
    """Return the store of the server that `url`, the value of a setting, names; not connected yet.

    Raises ConfigError if `url` is not an address of PostgreSQL's.
    """
    url = url.replace("postgres://", "postgresql://", 1)
    _require_address(url, setting)
    return PostgresStore(
        url,
        serving=serving,
        max_connections=64,
        timeout=2 if serving else connections.BUSY_SECONDS,
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
