"""The real server and the simulator as processes, to be killed, starved and locked out."""

from __future__ import annotations

import resource
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.end_to_end.conftest import Installation, responses, until
from tests.torture import databases, forks
from tests.torture.forks import Fork

SILENT = "29"
"""Last digits of numbers that the simulator dials and never reports."""


class Served(Installation):
    """An installation whose server may be broken on purpose, and is stopped by its pid."""

    def __init__(self, folder: Path, mutant: str, environ: dict[str, str]) -> None:
        super().__init__(folder)
        self.path, self.mutant = folder / "obdtrack.db", mutant
        self.environ |= {"OBDTRACK_LOG_LEVEL": "error", **environ}
        self.simulator: Fork | None = None
        self.server: Fork | None = None
        self.prepare()

    def simulate(self) -> None:
        """Start the provider."""
        command = self.simulator_command("--ring-seconds", "0.2", "--slow-seconds", "4")
        self.simulator = forks.start(command, self.environ)
        until(lambda: responses(f"{self.provider_url}/simulator/calls"))

    def serve(self) -> None:
        """Start the server, and wait until it answers."""
        self.server = forks.start(["serve"], self.environ, self.mutant)
        until(lambda: responses(f"{self.url}/livez"))

    def kill(self) -> None:
        """End the server and its worker at once; neither can finish anything."""
        assert self.server is not None
        self.server.kill()

    def close(self) -> None:
        """End everything that was started."""
        for process in filter(None, (self.server, self.simulator)):
            process.kill()

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the server's database."""
        return databases.ask(self.path, sql, *values)

    def dialled(self) -> list[str]:
        """Return every number the provider dialled, as often as it did."""
        calls = requests.get(f"{self.provider_url}/simulator/calls", timeout=30).json()["data"]
        return [f"+{str(call['to']).lstrip('+')}" for call in calls]

    def limit_files(self, size: int) -> None:
        """Let no file of the server grow beyond `size` bytes, as a full disk does."""
        assert self.server is not None
        limits = size, resource.RLIM_INFINITY
        for pid in (self.server.pid, *forks.children(self.server.pid)):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

    @contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        """Hold the database's lock from outside for so many seconds, beginning with the block."""
        with closing(sqlite3.connect(self.path, check_same_thread=False)) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            release = threading.Timer(seconds, other.execute, ("ROLLBACK",))
            release.start()
            yield
            release.join()


@contextmanager
def served(mutant: str = "sound", **environ: str) -> Iterator[Served]:
    """Have a server, perhaps a broken one, and a provider for the block."""
    with databases.scratch() as folder:
        installed = Served(folder, mutant, environ)
        try:
            installed.simulate()
            installed.serve()
            yield installed
        finally:
            installed.close()


def silent_number(count: int) -> str:
    """Return the n-th number that is dialled and never reported."""
    return f"+9188671{count:03}{SILENT}"


def at_once(work: Iterable[Callable[[], object]]) -> None:
    """Do each piece of work in a thread of its own, beginning at the same instant."""
    pieces = list(work)
    ready = threading.Barrier(len(pieces))

    def run(piece: Callable[[], object]) -> None:
        ready.wait()
        piece()

    threads = [threading.Thread(target=run, args=(piece,)) for piece in pieces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
