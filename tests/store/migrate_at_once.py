"""Several processes that migrate one database at the same moment.

Each says in a line what it applied; the exit codes follow in the last line.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from obdtrack.store.database import open_database
from obdtrack.store.migrate import migrate
from tests.store import migration_mutants


def child(url: str, folder: Path, starting_line: int) -> None:
    """Wait for the start, migrate, and tell."""
    store = open_database(url)
    os.read(starting_line, 1)  # returns when the parent closes the other end
    line = " ".join(["applied", *migrate(store, folder)]) + "\n"
    os.write(sys.stdout.fileno(), line.encode())


def main(url: str, folder: Path, processes: int, mutant: str) -> None:
    """Fork them from one parent, so that all are ready when the start is given."""
    starting_line, start = os.pipe()
    children = []
    for _ in range(processes):
        if (pid := os.fork()) == 0:
            os.close(start)
            with getattr(migration_mutants, mutant)():
                child(url, folder, starting_line)
            os._exit(0)
        children.append(pid)
    os.close(start)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    sys.stdout.write(" ".join(["codes", *map(str, codes)]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
