"""One thread that commits whatever is waiting as one transaction, then lets all of it go.

A commit costs one wait for the disk, however many rows it holds. While one batch is being
written the next gathers by itself; a lone item is written at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH = 256
"""Items in one transaction at most, so that the first of them does not wait for a crowd."""


PAUSE = 0.0002
"""Seconds given to a crowd between two batches: those just answered come back with the next item,
and would otherwise make two half crowds out of one, each with a commit of its own."""


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
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, item: Item) -> Result:
        """Give the item's result once its transaction is on disk; raises what `work` raised."""
        if self._thread is None:
            self._begin()
        slot: _Slot[Item, Result] = _Slot(item)
        self._queue.put(slot)
        slot.done.acquire()
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
        crowded = False
        while True:
            batch = [self._queue.get()]
            if crowded:
                time.sleep(PAUSE)
            while len(batch) < MAX_BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            crowded = len(batch) > 1
            self._write(batch)

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
