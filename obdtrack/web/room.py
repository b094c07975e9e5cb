"""How many calls may be on their way to the provider at once, from programs and people together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from obdtrack.errors import Code, ObdtrackError

PLACING_AT_ONCE = 200
"""Calls being placed at once: each waits for the provider on a thread that reports need too."""

_PLACING = threading.BoundedSemaphore(PLACING_AT_ONCE)


@contextmanager
def room_to_place() -> Iterator[None]:
    """Hold one of the places for calls under way; raises ObdtrackError if all are taken."""
    if not _PLACING.acquire(blocking=False):
        raise ObdtrackError(
            Code.UNAVAILABLE,
            f"{PLACING_AT_ONCE} calls are being placed; the provider is slow. Nothing was sent.",
            retry_after=2,
        )
    try:
        yield
    finally:
        _PLACING.release()
