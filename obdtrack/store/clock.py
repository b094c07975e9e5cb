"""The time that all processes on one database agree on: that of the database's machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import peewee

_GOOD_FOR = 1.0
"""Seconds after which the database is asked again: its clock may be set, too."""

_EXACT_ENOUGH = 1.0
"""Seconds that asking may take; the time is known no better than that."""

_TRIES = 3


def uptime() -> float:
    """Return the seconds since this machine was started.

    Those in which it slept, or this process was stopped, count; nobody can set this clock.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SharedClock:
    """A clock elsewhere, which `ask` reads; between two questions our uptime counts on."""

    def __init__(self, ask: Callable[[], datetime]) -> None:
        self._ask = ask
        self._read: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the time there, never later than it is: what waits for a time waits long enough.

        Raises peewee.OperationalError if it cannot be told to within a second.
        """
        read = self._read
        if read is None or uptime() - read[1] > _GOOD_FOR:
            read = self._read = self._asked()
        return read[0] + timedelta(seconds=uptime() - read[1])

    def _asked(self) -> tuple[datetime, float]:
        for _ in range(_TRIES):
            before = uptime()
            there = self._ask()
            after = uptime()
            if after - before <= _EXACT_ENOUGH:
                return there, after
        raise peewee.OperationalError("the database takes too long to tell the time")
