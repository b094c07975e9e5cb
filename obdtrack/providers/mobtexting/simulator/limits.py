"""How many requests are let through, and how many calls are paid for."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic


class WindowLimit:
    """At most `allowed` requests in any `window_seconds`; None: as many as come.

    Safe to use from many threads.
    """

    def __init__(
        self,
        allowed: int | None,
        window_seconds: float = 60.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._allowed = allowed
        self._window_seconds = window_seconds
        self._clock = clock
        self._lock = Lock()
        self._seen: deque[float] = deque()

    def wait_seconds(self) -> int:
        """Count one request: 0 if it is allowed, else the seconds until one will be."""
        if self._allowed is None:
            return 0
        now = self._clock()
        with self._lock:
            while self._seen and self._seen[0] <= now - self._window_seconds:
                self._seen.popleft()
            if len(self._seen) < self._allowed:
                self._seen.append(now)
                return 0
            oldest = self._seen[0] if self._seen else now
            return max(1, math.ceil(oldest + self._window_seconds - now))


class Balance:
    """How many more numbers are paid for; None: any. Safe to use from many threads."""

    def __init__(self, numbers: int | None) -> None:
        self._left = numbers
        self._lock = Lock()

    def pays(self, numbers: int) -> bool:
        """Take what so many numbers cost; if that is more than there is, nothing is taken."""
        with self._lock:
            if self._left is None:
                return True
            if self._left < numbers:
                return False
            self._left -= numbers
            return True
