"""Two servers on one PostgreSQL under load of every kind, and one of them or the database stops."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from tests.end_to_end.conftest import until
from tests.torture.pair import PROMPT, Answer, MixedLoad, Pair

_CAUGHT = """SELECT 1 FROM pg_stat_activity
WHERE state = 'idle in transaction' AND state_change < clock_timestamp() - interval '0.3 seconds'"""
_UNMATCHED = """SELECT count(*) FROM deliveries JOIN calls
ON calls.provider_id IN (deliveries.provider_id, deliveries.mid) OR calls.mid = deliveries.mid
WHERE outcome = 'unmatched'"""
_LOOK_UPS = ("/readyz", "/livez", "/api/v1/calls")


@dataclass(frozen=True)
class Answered:
    """How often each code was the answer."""

    codes: Counter[int]

    @property
    def refused(self) -> int:
        """Count the requests that were not answered as they should be."""
        return sum(count for code, count in self.codes.items() if code not in (200, 201))


@dataclass(frozen=True)
class Mixed(Answered):
    """What was answered, by code, and what the transactions did to each other."""

    slowest: float
    rebuilds: int
    rebuilds_failed: int
    deadlocks: int
    left_unmatched: int


def mix_everything(servers: Pair, seconds: float) -> Mixed:
    """Load both servers with all there is for so long, then see what was refused or left undone."""
    ends: list[int] = []

    def rebuild() -> None:
        # It takes the longer the more calls there are, and there are more and more.
        done = servers.twins[0].outcome("rebuild", patience=_LONGEST_REBUILD)
        ends.append(done.returncode)

    with again_and_again(rebuild), MixedLoad(servers.twins) as load:
        time.sleep(seconds)
    ((deadlocks,),) = servers.ask("SELECT sum(deadlocks) FROM pg_stat_database")
    ((unmatched,),) = servers.ask(_UNMATCHED)
    failed, slowest = sum(end != 0 for end in ends), max(load.slowest.values())
    return Mixed(load.codes, slowest, len(ends), failed, int(deadlocks), int(unmatched))


_LONGEST_REBUILD = 1800.0


@dataclass(frozen=True)
class Stopped(Answered):
    """What was answered while the database, or the other server, stood still."""

    slowest: dict[str, float]
    acknowledged: int
    lost: int


def stop_the_database(servers: Pair, seconds: float) -> Stopped:
    """Have the loaded database stand still for so long, its connections open."""
    with _loaded_and_looked_at(servers, 2) as load:
        time.sleep(0.5)
        with servers.hanging():
            time.sleep(seconds)
        until(lambda: servers.twins[0].timed_report("after-it").code == 200)
    return _judged(servers, load)


def freeze_one(servers: Pair, times: int, seconds: float) -> Stopped:
    """Have one loaded server stand still so often, caught in a transaction, for so long."""
    frozen = servers.twins[1]
    placed: deque[tuple[str, str]] = deque(maxlen=20)
    with _loaded_and_looked_at(servers, 1, placed) as load:
        for _ in range(times):
            with MixedLoad([frozen], placed=placed), ExitStack() as stack:
                until(partial(_is_caught, servers, stack), seconds=60)
                time.sleep(seconds)
    return _judged(servers, load)


def _is_caught(servers: Pair, stack: ExitStack) -> bool:
    """Freeze the second server, and let it go on unless it stands in a transaction."""
    with ExitStack() as attempt:
        attempt.enter_context(servers.twins[1].frozen())
        time.sleep(0.35)
        if not servers.ask(_CAUGHT):
            return False
        stack.push(attempt.pop_all())
    return True


@contextmanager
def _loaded_and_looked_at(
    servers: Pair, count: int, placed: deque[tuple[str, str]] | None = None
) -> Iterator[MixedLoad]:
    with ExitStack() as stack:
        load = stack.enter_context(MixedLoad(servers.twins[:count], placed=placed, endings=PROMPT))
        for path in _LOOK_UPS:
            look: Callable[[], Answer] = partial(servers.twins[0].get, path)
            stack.enter_context(again_and_again(lambda p=path, look=look: load.noted(p, look())))
        yield load


@contextmanager
def again_and_again(work: Callable[[], object]) -> Iterator[None]:
    """Do this over and over, in a thread, while the block lasts."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(0.01):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _judged(servers: Pair, load: MixedLoad) -> Stopped:
    stored = {mid for (mid,) in servers.ask("SELECT mid FROM deliveries")}
    lost = len(load.acknowledged - stored)
    return Stopped(load.codes, load.slowest, len(load.acknowledged), lost)
