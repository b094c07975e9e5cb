"""One writer at a time on an SQLite file, across the threads and processes of one machine."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import peewee


class WriteLock:
    """Whose turn it is to write; the processes agree on it by a lock on the file `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._line = threading.Lock()

    @contextmanager
    def taken(self, seconds: float, *, first: bool = False) -> Iterator[float]:
        """Hold the lock for the block; yields the monotonic time at which waiting had to end.

        Of this process's threads only the head of the line waits together with one that wants to
        be `first`. Raises peewee.OperationalError if no turn came within `seconds`.
        """
        deadline = time.monotonic() + seconds
        if not (self._turn.acquire(timeout=seconds) if first else self._after_the_line(deadline)):
            raise peewee.OperationalError("database is locked: no turn to write")
        try:
            with self._across_processes(deadline):
                yield deadline
        finally:
            self._turn.release()

    def _after_the_line(self, deadline: float) -> bool:
        if not self._line.acquire(timeout=_until(deadline)):
            return False
        try:
            return self._turn.acquire(timeout=_until(deadline))
        finally:
            self._line.release()

    @contextmanager
    def _across_processes(self, deadline: float) -> Iterator[None]:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:  # a full disk, or no file descriptor left
            raise peewee.OperationalError(f"no turn to write: {error}") from error
        try:
            while not _try_lock(handle):
                if time.monotonic() > deadline:
                    raise peewee.OperationalError("database is locked: another process writes")
                time.sleep(0.001)
            yield
        finally:
            os.close(handle)  # closing gives the lock back


def _until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
