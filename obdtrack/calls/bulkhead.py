"""How many may wait for the provider at once: each does so on a thread that reports need too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from obdtrack.errors import Code, ObdtrackError

SOON = 2
"""Seconds after which it is worth another try."""


class Bulkhead:
    """So many places for one kind of waiting; `words` tell who finds none that it is full."""

    def __init__(self, places: int, words: str) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._words = words.format(places=places)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a place for the block; raises ObdtrackError (unavailable) if all are taken."""
        if not self._free.acquire(blocking=False):
            raise ObdtrackError(Code.UNAVAILABLE, self._words, retry_after=SOON)
        try:
            yield
        finally:
            self._free.release()


PLACING = Bulkhead(200, "{places} calls are being placed; the provider is slow. Nothing was sent.")
ASKING = Bulkhead(
    32, "{places} look-ups are waiting for the provider, which is slow. Try again soon."
)
"""What people and programs ask about single calls; the polling has its own bounds."""
