"""Background work: signs of life from every process, and chores by one of them at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.calls.placing.recover import recover_interrupted, say_goodbye, sign_of_life
from obdtrack.calls.polling.check import check_call, take_due
from obdtrack.errors import ObdtrackError
from obdtrack.operations.system_status import check_clock
from obdtrack.privacy.retention import forget_old, turn_partitions
from obdtrack.services import Services
from obdtrack.store import leases

log = structlog.get_logger()

TICK_SECONDS = 1.0
LEASE = timedelta(seconds=10)
"""How long the chores belong to a process that has stopped giving signs."""

_ASKING = 8
"""Questions to the provider under way at once; the pace is kept across them."""


class Chore(NamedTuple):
    """Something to be done every so many seconds, by one process."""

    name: str
    every_seconds: float
    do: Callable[[Services], object]


def ask_about_due(services: Services) -> None:
    """Ask the provider about calls that are due, some at a time."""
    due = take_due(services, services.now(), limit=max(1, services.settings.poll_per_minute // 30))
    with ThreadPoolExecutor(_ASKING) as pool:
        list(pool.map(partial(_ask, services), due))


def _ask(services: Services, call_id: UUID) -> None:
    try:
        check_call(call_id, services)
    except ObdtrackError as error:  # the line is long, or the database busy: it comes due again
        log.warning("check_put_off", call_id=str(call_id), reason=error.message)
    except Exception:  # one call's fault must not cost the others their turn
        log.exception("check_failed", call_id=str(call_id))
    finally:
        services.store.close()


def warn_of_skew(services: Services) -> None:
    """Say in the log if the provider's clock and ours disagree steadily."""
    skew = check_clock(services)
    if skew is not None:
        log.warning("clock_skew", advice=skew.sentence())


RECOVERY = (Chore("recover interrupted submissions", 1, recover_interrupted),)
"""Done in a thread of their own: what a dead process left must not wait for a slow provider."""

CHORES = (
    Chore("ask about due calls", 1, ask_about_due),
    Chore("compare clocks", 600, warn_of_skew),
    Chore("forget what is old", 60, forget_old),
    Chore("turn partitions", 3600, turn_partitions),
)


class Background:
    """The threads behind a serving process; `chores` off leaves the chores to another process."""

    def __init__(
        self,
        services: Services,
        *,
        chores: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._chores = chores
        self._monotonic = monotonic
        self._last: dict[str, float] = {}
        self._mine = False
        self._stopping = threading.Event()
        self._start = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, once; further calls change nothing."""
        with self._start:
            if self._threads:
                return
            self._threads = [
                threading.Thread(target=self._repeat, args=(work,), name=name, daemon=True)
                for name, work in (
                    ("signs-of-life", self.sign),
                    ("recovery", partial(self.tick, RECOVERY)),
                    ("chores", partial(self.tick, CHORES)),
                )
            ]
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """End at the next chance; what is under way is finished."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30)
        say_goodbye(self._services)

    def request_stop(self) -> None:
        """Have `join` return; safe to call from a signal handler."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until somebody stops it."""
        self._stopping.wait()

    def sign(self) -> None:
        """Say that this process lives, and keep the chores if they are ours."""
        sign_of_life(self._services)
        if self._chores:
            with self._services.store.write():
                now, holder = self._services.now(), self._services.process_id
                self._mine = leases.hold_lease("chores", holder, now, LEASE)

    def tick(self, chores: Sequence[Chore]) -> None:
        """Do those of these chores that are due, if they are ours to do."""
        if not self._mine:
            return
        for chore in chores:
            now = self._monotonic()
            if now - self._last.get(chore.name, float("-inf")) >= chore.every_seconds:
                self._last[chore.name] = now
                self._do(chore)

    def _do(self, chore: Chore) -> None:
        try:
            chore.do(self._services)
        except Exception:  # the next chore is innocent, and this one comes again
            log.exception("chore_failed", chore=chore.name)
        finally:
            self._services.store.close()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except Exception:
                log.exception("background_failed")
            self._stopping.wait(TICK_SECONDS)
