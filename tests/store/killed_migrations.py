"""Migrates a new database again and again, each time killed one statement later, until it is done.

Prints the names of the tables found after each try; the last one was not killed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from obdtrack.store.database import Store, open_database
from obdtrack.store.migrate import migrate
from obdtrack.store.sqlite import SqliteStore
from tests.store import migration_mutants


def migrate_until(statement: int, url: str) -> None:
    """Migrate, but die before this statement runs."""
    left = iter(range(1, statement))

    def on_statement(*_: object) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    store = open_database(url)
    store.connect()
    if isinstance(store, SqliteStore):
        store.connection().set_trace_callback(on_statement)
    else:
        _precede_each(store, on_statement)
    migrate(store)


def _precede_each(store: Store, on_statement: Callable[[], None]) -> None:
    def preceded(do: Callable[..., Any]) -> Callable[..., Any]:
        def first_tell(*arguments: Any, **options: Any) -> Any:
            on_statement()
            return do(*arguments, **options)

        return first_tell

    store.execute_sql = preceded(store.execute_sql)
    store.commit = preceded(store.commit)


def main(url: str, mutant: str) -> None:
    """Fork a process for each statement until one gets to the end."""
    observer = open_database(url)
    for statement in count(1):
        child = os.fork()
        if child == 0:
            with getattr(migration_mutants, mutant)():
                migrate_until(statement, url)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        with observer.connection_context():
            sys.stdout.write(" ".join(sorted(observer.get_tables())) + "\n")
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
