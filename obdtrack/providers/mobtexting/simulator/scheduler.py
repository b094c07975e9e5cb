"""Doing things later, in a few threads that end when told to."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic

Job = Callable[[], None]

logger = logging.getLogger(__name__)


class Scheduler:
    """Jobs by due time, done by `workers` daemon threads so that a slow one holds up no other."""

    def __init__(self, workers: int = 8) -> None:
        self._changed = Condition()
        self._waiting: list[tuple[float, int, Job]] = []
        self._added = 0
        self._running = 0
        self._closed = False
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def after(self, seconds: float, job: Job) -> None:
        """Do `job` in `seconds` from now; jobs due at the same moment in the order they came."""
        with self._changed:
            self._added += 1
            heapq.heappush(self._waiting, (monotonic() + seconds, self._added, job))
            self._changed.notify_all()

    def settle(self, timeout_seconds: float) -> bool:
        """Wait until nothing is due or being done any more; give whether it came to that."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closed or not (self._waiting or self._running), timeout_seconds
            )

    def close(self) -> None:
        """Forget what was not begun; what was begun gets a moment to end."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=0.5)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                logger.exception("A scheduled job failed")
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _next(self) -> Job | None:
        """Wait for the next job that is due; None once closed."""
        with self._changed:
            while not self._closed:
                seconds = self._waiting[0][0] - monotonic() if self._waiting else None
                if seconds is not None and seconds <= 0:
                    self._running += 1
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(seconds)
        return None
