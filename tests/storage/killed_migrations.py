"""Migrates one new SQLite database after another, each killed one statement later.

Prints the path of each database, in the order of the statements; the last one was not killed.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from obdtrack.storage.database import open_database
from obdtrack.storage.migrate import migrate


def migrate_until(statement: int, path: Path) -> None:
    """Migrate, but die before this statement runs."""
    left = iter(range(1, statement))

    def on_statement(_sql: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    store = open_database(f"sqlite:///{path}")
    store.connect()
    store.connection().set_trace_callback(on_statement)
    migrate(store)


def main(folder: Path) -> None:
    """Fork a process for each statement until one gets to the end."""
    for statement in count(1):
        path = folder / f"killed-at-{statement}.db"
        child = os.fork()
        if child == 0:
            migrate_until(statement, path)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{path}\n")
        sys.stdout.flush()
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
