"""How much of the processor the sending of notifications takes: little while others need it."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 0.03
"""Of a processor, while others in this process are busy: reports come first."""

BUSY = 0.12
"""So much of a processor the others in this process use when they are busy: they get less than they
need while one works who does not rest."""

MANY_EVENTS = 200.0
"""So many a second happen when others are busy, however little of a processor they get."""

LONGEST_REST = 3.0


class Pace:
    """Tells one who works in pieces how long to rest after each; all in seconds.

    `among` as many the share is divided; `place` is where the feed ends. `process_time` is what all
    threads of this process have used.
    """

    def __init__(
        self,
        among: int = 1,
        place: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
        process_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._share = SHARE / max(1, among)
        self._monotonic, self._process_time = monotonic, process_time
        self._looked = monotonic(), process_time(), place
        self.is_busy = False

    def rest_after(self, used: float, took: float, place: int) -> float:
        """Return how long to rest after a piece that used so much of a processor, and took so long.

        What the others used is what was used beside that since the piece before, what happened is
        what the feed has between the places.
        """
        then, before, first = self._looked
        now, total, _ = self._looked = self._monotonic(), self._process_time(), place
        others, events = total - before - used, place - first
        self.is_busy = others > BUSY * (now - then) or events > MANY_EVENTS * (now - then)
        return min(max(0.0, used / self._share - took), LONGEST_REST) if self.is_busy else 0.0
