"""One thread that commits whatever is waiting as one transaction, then lets all of it go.

A commit costs one wait for the disk, however many rows it holds. While one batch is being
written the next gathers by itself; who comes alone, and came alone before, is written at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

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


class _Waiting(NamedTuple, Generic[Item, Result]):
    """An item, and who waits for its result: a thread, or something in an event loop."""

    item: Item
    answer: Future[Result] | asyncio.Future[Result]
    loop: asyncio.AbstractEventLoop | None = None


class Inbox(Generic[Item, Result]):
    """Gathers items from many threads and event loops; `work` writes a batch and gives its results.

    `work` must have committed when it returns; what it raises reaches every item of the batch.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._work = work
        self._queue: SimpleQueue[_Waiting[Item, Result]] = SimpleQueue()
        self._awaited = inf
        self._enough = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, item: Item) -> Result:
        """Return the item's result once its transaction is on disk; raises what `work` raised.

        Raises ObdtrackError (unavailable) if that takes too long; then it may be written later.
        """
        answer: Future[Result] = Future()
        self._put(_Waiting(item, answer))
        try:
            return answer.result(ANSWER_SECONDS)
        except TimeoutError:
            raise unavailable() from None

    async def written(self, item: Item, loop: asyncio.AbstractEventLoop) -> Result:
        """Do what `write` does, in this event loop; who stops waiting is written all the same."""
        answer: asyncio.Future[Result] = loop.create_future()
        self._put(_Waiting(item, answer, loop))
        late = loop.call_later(ANSWER_SECONDS, _give_up, answer)
        try:
            return await answer
        finally:
            late.cancel()

    def _put(self, one: _Waiting[Item, Result]) -> None:
        if self._thread is None:
            self._begin()
        self._queue.put(one)
        if self._queue.qsize() >= self._awaited:
            self._enough.set()

    def _begin(self) -> None:
        # Late, because a server forks its workers after the application is made.
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        batch: list[_Waiting[Item, Result]] = []
        while True:
            batch = self._gathered(len(batch))
            self._write(batch)

    def _gathered(self, expected: int) -> list[_Waiting[Item, Result]]:
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

    def _write(self, batch: list[_Waiting[Item, Result]]) -> None:
        found: Iterable[tuple[_Waiting[Item, Result], Result | None]]
        fault = None
        try:
            found = list(zip(batch, self._work([one.item for one in batch]), strict=True))
        except Exception as error:  # one batch's fault must not end the thread
            found, fault = [(one, None) for one in batch], error
        for loop in {one.loop for one in batch}:
            answers = [(one.answer, result, fault) for one, result in found if one.loop is loop]
            if loop is None:
                _hand_back(answers)
                continue
            with suppress(RuntimeError):  # it was closed: nobody waits there any more
                loop.call_soon_threadsafe(_hand_back, answers)


def _give_up(answer: asyncio.Future[Any]) -> None:
    _hand_back([(answer, None, unavailable())])


def _hand_back(answers: Iterable[tuple[Any, Any, Exception | None]]) -> None:
    for answer, result, fault in answers:
        if answer.done():  # nobody waits for it any more
            continue
        if fault is None:
            answer.set_result(result)
        else:
            answer.set_exception(fault)
