"""Background work: every kind of task, and the threads that take what is due and do it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.calls.placing.recover import any_lost, end_heartbeat, heartbeat, recover_interrupted
from obdtrack.calls.polling.check import check_if_due
from obdtrack.calls.polling.poll import must_pause
from obdtrack.calls.reports.rejoin import rejoin
from obdtrack.campaigns.control import CAMPAIGN
from obdtrack.campaigns.dispatch import dispatch
from obdtrack.domain.destination import DESTINATION
from obdtrack.domain.poll_schedule import POLL, PUT_OFF
from obdtrack.errors import Code, ObdtrackError
from obdtrack.notifications import dispatch as sending
from obdtrack.notifications.alarms import TELLING
from obdtrack.notifications.destinations import MOST as MOST_DESTINATIONS
from obdtrack.notifications.telling import ping, tell_what_is_due
from obdtrack.operations.alarm_rules import look_for_trouble
from obdtrack.operations.system_status import check_clock
from obdtrack.privacy.retention import delete_expired, rotate_partitions
from obdtrack.services import Services
from obdtrack.settings import Settings
from obdtrack.store import tasks
from obdtrack.store.patience import BACKGROUND_SECONDS, patience
from obdtrack.store.tasks import Claim

log = structlog.get_logger()

TICK_SECONDS = 1.0

LONGEST_FAREWELL = 5.0
"""Seconds for which those who do something apart are waited for at the end."""


def always(_: Services) -> bool:
    """Whatever there is to do."""
    return True


class TaskKind(NamedTuple):
    """How tasks of one kind are done.

    `run` does one, given its subject; what it raises is logged, and the task comes due again. A
    task comes due again `again` after it was taken, twice as long after each failure, unless it is
    planned or removed meanwhile. Other processes leave it alone for the time of its `lease`.
    `at_most` of them are taken at once, done by so many `threads`, if there is reason to
    (`worth_it`, a look that takes no turn to write). A `sweep` has one task, and no subject. Those
    that are done `at_once` are looked for again without a pause while there are some. Of those that
    are done `apart` none waits for another, nor who looks for them.
    """

    run: Callable[[UUID, Services], object]
    again: timedelta
    lease: timedelta
    sweep: bool = False
    at_most: Callable[[Settings], int] = lambda _: 1
    threads: int = 1
    worth_it: Callable[[Services], bool] = always
    at_once: bool = False
    apart: bool = False


def _sweep(
    work: Callable[[Services], object],
    seconds: float,
    lease: timedelta = timedelta(minutes=5),
    worth_it: Callable[[Services], bool] = always,
) -> TaskKind:
    """Return the kind of what is done every so many seconds, by one process of all."""
    return TaskKind(
        lambda _, services: work(services),
        timedelta(seconds=seconds),
        lease,
        sweep=True,
        worth_it=worth_it,
    )


def warn_of_skew(services: Services) -> None:
    """Say in the log if the provider's clock and ours disagree steadily."""
    skew = check_clock(services)
    if skew is not None:
        log.warning("clock_skew", advice=skew.sentence())


KINDS = {
    "recovery": _sweep(recover_interrupted, 1, timedelta(seconds=10), worth_it=any_lost),
    POLL: TaskKind(
        check_if_due,
        again=PUT_OFF,
        lease=PUT_OFF,
        at_most=lambda settings: max(1, settings.poll_per_minute // 30),
        threads=8,  # polls under way at once; the pace is kept across them
        worth_it=lambda services: not must_pause(services),
    ),
    CAMPAIGN: TaskKind(
        dispatch,
        again=timedelta(seconds=2),  # nothing depends on it: what is claimed, one process sends
        lease=timedelta(seconds=2),
        at_most=lambda _: 16,
        threads=16,
        at_once=True,
    ),
    DESTINATION: TaskKind(
        sending.dispatch,
        again=timedelta(seconds=0.5),
        lease=sending.LEASE,
        at_most=lambda _: MOST_DESTINATIONS,
        worth_it=sending.any_due,
        apart=True,
    ),
    "clock": _sweep(warn_of_skew, 600),
    "alarms": _sweep(look_for_trouble, 60),
    TELLING: TaskKind(
        tell_what_is_due,
        again=timedelta(minutes=1),
        lease=timedelta(minutes=5),
        at_most=lambda _: 16,
        threads=16,
    ),
    "ping": _sweep(ping, 60, worth_it=lambda services: bool(services.settings.heartbeat_url)),
    "rejoin": _sweep(rejoin, 60),
    "retention": _sweep(delete_expired, 60),
    "partitions": _sweep(rotate_partitions, 3600),
}
"""Every kind of task, by its name. Each has a thread: nothing waits for a slow provider."""


Work = Callable[[], object]


def run_due(
    name: str, services: Services, begin: Callable[[Work], object] = lambda work: work()
) -> int:
    """Take the tasks of this kind that are due, and do them; returns how many were taken.

    Those that are done apart are given to `begin`, one by one.
    """
    kind, now = KINDS[name], services.shared_now()
    if not (tasks.is_due(name, now, sweep=kind.sweep) and kind.worth_it(services)):
        return 0
    with services.store.write():
        claims = tasks.claim(
            name, now, kind.at_most(services.settings),
            lease=kind.lease, again=kind.again, sweep=kind.sweep,
        )  # fmt: skip
    if kind.apart:
        for claim in claims:
            begin(partial(_do, kind, services, claim))
    elif len(claims) > 1:
        with ThreadPoolExecutor(kind.threads) as pool:
            list(pool.map(partial(_do, kind, services), claims))
    else:
        for claim in claims:
            _do(kind, services, claim)
    return len(claims)


def _do(kind: TaskKind, services: Services, claim: Claim) -> None:
    """Do a task; whatever it raises, the next one is innocent, and this one comes again."""
    changes: dict[str, object] = {}
    try:
        with patience(BACKGROUND_SECONDS):
            kind.run(claim.subject, services)
        changes = {"tries": 0}
        if kind.sweep:  # it was put off for longer if it failed before
            changes["due_at"] = claim.until - kind.lease + kind.again
    except ObdtrackError as error:  # the line is long, or the database busy
        log.warning("task_put_off", **claim.names, reason=error.message)
        if error.code is Code.RATE_LIMITED and error.retry_after:
            later = services.shared_now() + timedelta(seconds=error.retry_after)
            changes = {"tries": claim.tries, "due_at": later}
    except Exception:
        log.exception("task_failed", **claim.names, tries=claim.tries + 1)
    try:
        with services.store.write():
            tasks.give_back(claim, **changes)
    except ObdtrackError as error:  # its lease runs out by itself
        log.warning("task_not_given_back", **claim.names, reason=error.message)
    finally:
        services.store.close()


class Background:
    """The threads behind a process: its signs of life, and one for each of these kinds of task."""

    def __init__(self, services: Services, kinds: Collection[str] = tuple(KINDS)) -> None:
        self._services = services
        self.kinds = kinds
        self._stopping = threading.Event()
        self._start = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._apart: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, once; further calls change nothing."""
        work: dict[str, Work] = {
            "heartbeat": partial(heartbeat, self._services),
            **{name: partial(run_due, name, self._services, self._begin) for name in self.kinds},
        }
        with self._start:
            if self._threads:
                return
            self._threads = [
                threading.Thread(target=self._repeat, args=(do, name), name=name, daemon=True)
                for name, do in work.items()
            ]
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """End at the next chance; what is under way is finished."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30)
        deadline = time.monotonic() + LONGEST_FAREWELL
        for thread in self._apart:  # what a destination does not respond to is sent again
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        end_heartbeat(self._services)

    def request_stop(self) -> None:
        """Have `join` return; safe to call from a signal handler."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until somebody stops it."""
        self._stopping.wait()

    def _begin(self, work: Work) -> None:
        self._apart = [thread for thread in self._apart if thread.is_alive()]
        self._apart.append(threading.Thread(target=work, daemon=True))
        self._apart[-1].start()

    def _repeat(self, work: Work, name: str) -> None:
        at_once = name in KINDS and KINDS[name].at_once
        while not self._stopping.is_set():
            taken: object = None
            try:
                taken = work()
            except Exception:
                log.exception("background_failed")
            finally:
                self._services.store.close()
            if not (taken and at_once):
                self._stopping.wait(TICK_SECONDS)
