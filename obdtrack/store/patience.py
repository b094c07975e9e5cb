"""How long a database that says nothing is waited for, and by whom: not by everybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

import peewee

PATIENCE: ContextVar[float | None] = ContextVar("patience", default=None)
"""Seconds in which the database must answer a statement, if they are not those of its session."""

BACKGROUND_SECONDS = 60.0
"""The same for background work: nobody waits for it."""

OPEN_SECONDS = 1.0
"""For how long it is not asked again; then one asks, and the others are refused until it knows."""

PROBE_SECONDS = 3.0
"""How long that one may take to find out."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait so long for each answer of the database in the block, in this thread."""
    before = PATIENCE.set(seconds)
    try:
        yield
    finally:
        PATIENCE.reset(before)


class Circuit:
    """What the threads of a process know of one database's silence."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._closed_from: float | None = None
        self._mine = threading.local()

    @property
    def open(self) -> bool:
        """Whether the database did not answer when it was last asked."""
        return self._closed_from is not None

    def trip(self) -> None:
        """Note that it did not answer this thread, which has waited long enough."""
        self._mine.last_tripped = now = self._monotonic()
        self._closed_from = now + OPEN_SECONDS

    def reset(self) -> None:
        """Note that it answered."""
        self._closed_from = None

    def check(self) -> None:
        """Let one ask now and then; raises peewee.OperationalError for the others."""
        if self._closed_from is None:
            return
        now = self._monotonic()
        has_waited = now < getattr(self._mine, "last_tripped", -inf) + PROBE_SECONDS
        if has_waited or now < self._closed_from:
            raise peewee.OperationalError("the database did not answer a moment ago")
        self._closed_from = now + PROBE_SECONDS
