"""How a connection to PostgreSQL behaves, however server, database, role and address are set up.

What the promises need is set for each session: what is committed is on disk, a statement sees what
was committed before it, and nobody waits for ever, neither we for the server nor others for us.
Somebody's own choice stays where it is stricter. Imported only where the driver is installed.
"""

from __future__ import annotations

import select
import time
from collections.abc import Generator
from typing import Any, NamedTuple

import psycopg
from peewee import Psycopg3Adapter

from obdtrack.store.patience import PATIENCE, Circuit


class SessionLimits(NamedTuple):
    """What a session may take, in seconds; 0: as long as it likes.

    `answer` is how long we wait for the server; `lock`, `statement` and `idle` (in a transaction)
    are how long the server lets us wait for others, work, and keep others waiting.
    """

    answer: float = 0
    lock: float = 0
    statement: float = 0
    idle: float = 60


COMMAND = SessionLimits()
"""Of a command: it may take long, but one that was stopped must let go of its locks."""

SERVING = SessionLimits(answer=2.2, lock=2.0, statement=60, idle=1.5)
"""Of a server: whoever asks gets an answer within three seconds, whatever hangs. One that stands
still in a transaction has lost it before others have lost their patience with its locks."""

_CONNECT = {"connect_timeout": 2, "keepalives_idle": 5, "keepalives_interval": 2,
            "keepalives_count": 3, "tcp_user_timeout": 3000}  # fmt: skip
"""At most these, in libpq's units: seconds, a count, milliseconds."""

# Settings that the server does not know are left out; which they are depends on its version.
_SET = """SELECT set_config(name, CASE
  WHEN at_most IS NULL AND setting = 'remote_apply' THEN setting
  WHEN at_most IS NULL THEN value
  WHEN at_most > 0 AND setting::bigint BETWEEN 1 AND at_most THEN setting
  WHEN at_most > 0 THEN at_most::text
  ELSE setting END, false)
FROM (VALUES
  ('default_transaction_isolation', 'read committed', NULL),
  ('synchronous_commit', 'on', NULL),
  ('idle_session_timeout', '0', NULL),
  ('client_connection_check_interval', NULL, 1000),
  ('lock_timeout', NULL, %s::bigint),
  ('statement_timeout', NULL, %s::bigint),
  ('idle_in_transaction_session_timeout', NULL, %s::bigint)
) AS wanted (name, value, at_most) JOIN pg_settings USING (name)"""


class Connection(psycopg.Connection[Any]):
    """A connection that gives a server up that takes too long, and tells the others."""

    seconds = 0.0
    circuit: Circuit

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Do what the driver does; raises OperationalError if the time is over before."""
        seconds = PATIENCE.get() or self.seconds
        try:
            found = super().wait(_within(gen, seconds) if seconds else gen, *args, **kwargs)
        except TimeoutError:
            self.close()  # what it says later would be taken for another answer
            if seconds == self.seconds:
                self.circuit.trip()
            raise psycopg.OperationalError("the database did not answer in time") from None
        if self.circuit.open:
            self.circuit.reset()
        return found


def _within(gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """Pass on what the driver waits for; it wakes us ten times a second if nothing comes."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                raise TimeoutError
            wanted = gen.send(ready)
    except StopIteration as end:
        return end.value


class Adapter(Psycopg3Adapter):
    """Makes connections that keep to `limits`."""

    def __init__(self, limits: SessionLimits = COMMAND) -> None:
        super().__init__()
        self.limits = limits
        self.circuit = Circuit()

    def connect(self, db: Any, **params: Any) -> Connection:
        """Connect and set the session; raises psycopg.OperationalError if that takes too long."""
        try:
            connection = Connection.connect(db.database, **_options(db.database), **params)
        except psycopg.errors.ConnectionTimeout:
            self.circuit.trip()
            raise
        limits = self.limits
        connection.seconds, connection.circuit = limits.answer, self.circuit
        connection.autocommit = True
        milliseconds = [round(one * 1000) for one in (limits.lock, limits.statement, limits.idle)]
        connection.execute(_SET, milliseconds)
        return connection

    def is_connection_closed(self, conn: Connection) -> bool:
        """Whether the server has closed a connection that lay idle: only then it says something.

        Asking it, as peewee does, costs a round trip, and would hang with the pool locked.
        """
        unasked = select.poll()
        unasked.register(conn.fileno(), select.POLLIN)
        return self.txn_status(conn) != self.txn_idle or bool(unasked.poll(0))


def _options(url: str) -> dict[str, Any]:
    """Return how to connect: as the address says where it is stricter."""
    chosen = psycopg.conninfo.conninfo_to_dict(url)
    return {
        name: min(most, int(chosen.get(name) or most) or most) for name, most in _CONNECT.items()
    }
