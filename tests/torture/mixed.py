"""Everything at once on one PostgreSQL: two servers placing and receiving, polls and `rebuild`."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import NamedTuple

from tests.torture.pair import MixedLoad, pair


class Mixed(NamedTuple):
    """What was answered, by code, and what the transactions did to each other."""

    codes: Counter[int]
    slowest: float
    rebuilds: int
    rebuilds_failed: int
    deadlocks: int
    left_unmatched: int

    @property
    def refused(self) -> int:
        """Count the requests that were not answered as they should be."""
        return sum(count for code, count in self.codes.items() if code not in (200, 201))


_UNMATCHED = """SELECT count(*) FROM deliveries JOIN calls
ON calls.provider_id IN (deliveries.provider_id, deliveries.mid) OR calls.mid = deliveries.mid
WHERE outcome = 'unmatched'"""


def mix_everything(seconds: float) -> Mixed:
    """Load two servers with all there is for so long, then see what was refused or left undone."""
    with pair(OBDTRACK_POLL_SCHEDULE="1s,2s,3s,5s") as servers:
        ends: list[int] = []
        stop = threading.Event()

        def rebuild() -> None:
            while not stop.is_set():
                ends.append(servers.twins[0].outcome("rebuild").returncode)

        rebuilding = threading.Thread(target=rebuild)
        rebuilding.start()
        with MixedLoad(servers) as load:
            time.sleep(seconds)
        stop.set()
        rebuilding.join()
        ((deadlocks,),) = servers.ask("SELECT sum(deadlocks) FROM pg_stat_database")
        ((unmatched,),) = servers.ask(_UNMATCHED)
        failed = sum(end != 0 for end in ends)
        return Mixed(load.answers, load.slowest, len(ends), failed, int(deadlocks), int(unmatched))
