"""One thread that commits whatever is waiting as one transaction, then lets all of it go.

A commit costs one wait for the disk, however many rows it holds. While one batch is being
written the next gathers by itself; who comes alone, and came alone before, is written at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import inf
from queue import SimpleQueue
from typing import Generic, TypeVar

from obdtrack.store.database_errors import unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

ANSWER_SECONDS = 2.3
"""How long an item waits at most, behind batches that wait for their turn themselves."""

MAX_BATCH = 256
"""Items in one transaction at most, so that the first of them does not wait for a crowd."""

PATIENCE = 0.0001
"""Seconds, for each item of the last batch, in which as many are waited for again. Those who were
just answered come back with their next item, and would else make two half crowds out of one, each
with a commit of its own."""


class _Slot(Generic[Item, Result]):
    __slots__ = ("done", "error", "item", "result")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result | None = None
        self.error: Exception | None = None
        self.done = threading.Lock()
        self.done.acquire()


class GroupWriter(Generic[Item, Result]):
    """Gathers items from many threads; `work` writes a batch of them and gives their results.

    `work` must have committed when it returns; what it raises reaches every item of the batch.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._work = work
        self._queue: SimpleQueue[_Slot[Item, Result]] = SimpleQueue()
        self._awaited = inf
        self._enough = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, item: Item) -> Result:
        """Return the item's result once its transaction is on disk; raises what `work` raised.

        Raises ObdtrackError (unavailable) if that takes too long; then it may be written later.
        """
        if self._thread is None:
            self._begin()
        slot: _Slot[Item, Result] = _Slot(item)
        self._queue.put(slot)
        if self._queue.qsize() >= self._awaited:
            self._enough.set()
        if not slot.done.acquire(timeout=ANSWER_SECONDS):
            raise unavailable()
        if slot.error is not None:
            raise slot.error
        return slot.result  # type: ignore[return-value]  # set by the thread that released us

    def _begin(self) -> None:
        # Late, because a server forks its workers after the application is made.
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        batch: list[_Slot[Item, Result]] = []
        while True:
            batch = self._gathered(len(batch))
            self._write(batch)

    def _gathered(self, expected: int) -> list[_Slot[Item, Result]]:
        """Return what waits as soon as it is as many as `expected`, or their time is over."""
        batch = [self._queue.get()]
        self._enough.clear()
        self._awaited = expected - 1
        if self._queue.qsize() < self._awaited:
            self._enough.wait(expected * PATIENCE)
        self._awaited = inf
        while len(batch) < MAX_BATCH and not self._queue.empty():
            batch.append(self._queue.get())
        return batch

    def _write(self, batch: list[_Slot[Item, Result]]) -> None:
        try:
            results = self._work([slot.item for slot in batch])
            for slot, result in zip(batch, results, strict=True):
                slot.result = result
        except Exception as error:  # one batch's fault must not end the thread
            for slot in batch:
                slot.error = error
        for slot in batch:
            slot.done.release()
