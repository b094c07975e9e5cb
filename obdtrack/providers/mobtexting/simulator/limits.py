"""How many requests a minute are allowed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic

WINDOW_SECONDS = 60.0


class MinuteLimit:
    """At most `allowed` requests in any minute. Safe to use from many threads."""

    def __init__(self, allowed: int, clock: Callable[[], float] = monotonic) -> None:
        self._allowed = allowed
        self._clock = clock
        self._lock = Lock()
        self._seen: deque[float] = deque()

    def wait_seconds(self) -> int:
        """Count one request: 0 if it is allowed, else the seconds until one will be."""
        now = self._clock()
        with self._lock:
            while self._seen and self._seen[0] <= now - WINDOW_SECONDS:
                self._seen.popleft()
            if len(self._seen) < self._allowed:
                self._seen.append(now)
                return 0
            oldest = self._seen[0] if self._seen else now
            return max(1, math.ceil(oldest + WINDOW_SECONDS - now))
