"""Workers share one table of tasks: none is done by two at once, and a dead one's are not lost."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from obdtrack import jobs
from obdtrack.jobs import TaskKind, run_due
from obdtrack.services import Services, new_id
from obdtrack.store import models, tasks
from obdtrack.store.database import open_database
from obdtrack.store.postgres import PostgresStore
from tests.factories import Clock
from tests.store.stored import together
from tests.torture import mutants
from tests.torture.databases import quiet

WORKERS = 6
TASKS = 60
SEND = "send"


class Phone:
    """What is done of each task, and by how many at once."""

    def __init__(self) -> None:
        self.times: Counter[UUID] = Counter()
        self.most_at_once = 0
        self._busy: Counter[UUID] = Counter()
        self._turn = threading.Lock()

    @property
    def most_times(self) -> int:
        """How often the task was done that was done most often."""
        return max(self.times.copy().values(), default=0)

    def ring(self, subject: UUID, services: Services) -> None:
        with self._turn:
            self.times[subject] += 1
            self._busy[subject] += 1
            self.most_at_once = max(self.most_at_once, self._busy[subject])
        with services.store.write():
            models.Task.select().count()  # whoever else works goes on meanwhile
        with self._turn:
            self._busy[subject] -= 1


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


def plan_some(services: Services, count: int) -> list[UUID]:
    subjects = [new_id() for _ in range(count)]
    with services.store.write():
        tasks.plan(SEND, dict.fromkeys(subjects, services.now()))
    return subjects


def work_off(services: Services, monkeypatch: pytest.MonkeyPatch) -> Phone:
    """Have some workers do all that is due, together."""
    phone = Phone()
    lease = timedelta(minutes=5)
    kind = TaskKind(phone.ring, again=lease, lease=lease, at_most=lambda _: 7, threads=2)
    monkeypatch.setitem(jobs.KINDS, SEND, kind)
    plan_some(services, TASKS)

    def work() -> None:
        while len(phone.times) < TASKS and phone.most_times < 2:
            run_due(SEND, services)

    together(services.store, [work] * WORKERS)
    return phone


def test_none_is_done_by_two(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = work_off(services, monkeypatch)
    assert len(phone.times) == TASKS
    assert (phone.most_times, phone.most_at_once) == (1, 1)


def test_taking_without_a_lease_would_be_noticed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mutants.take_without_lease():
        phone = work_off(services, monkeypatch)
    assert phone.most_times > 1


def take_and_be_killed(services: Services) -> None:
    """Another process takes a task, and is killed while it does it."""
    address = services.store.database
    url = address if isinstance(services.store, PostgresStore) else f"sqlite:///{address}"
    services.store.close_idle()
    begun, begins = os.pipe()
    child = os.fork()
    if not child:

        def ring(*_: object) -> None:
            os.write(begins, b".")
            signal.pause()

        kind = TaskKind(ring, again=timedelta(minutes=1), lease=timedelta(minutes=5))
        jobs.KINDS[SEND] = kind
        try:
            store = open_database(url)
            store.clock = None  # leases run by the clock of the test
            run_due(SEND, replace(services, store=store, process_ids={}))
        finally:
            os._exit(1)
    os.close(begins)
    with closing(os.fdopen(begun, "rb")) as pipe:
        assert pipe.read(1) == b"."
        os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def done_after(
    minutes: int, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> int:
    """How many tasks a worker finds to do so long afterwards."""
    clock.forward(minutes=minutes)
    phone = Phone()
    kind = TaskKind(phone.ring, again=timedelta(minutes=1), lease=timedelta(minutes=5))
    monkeypatch.setitem(jobs.KINDS, SEND, kind)
    run_due(SEND, services)
    return len(phone.times)


def test_what_a_killed_worker_was_doing_is_done_once_its_lease_is_over(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_some(services, 1)
    take_and_be_killed(services)
    assert done_after(4, services, clock, monkeypatch) == 0
    assert done_after(2, services, clock, monkeypatch) == 1


def test_taking_for_good_would_be_noticed(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_some(services, 1)
    with mutants.take_for_good():
        take_and_be_killed(services)
    assert done_after(6, services, clock, monkeypatch) == 0
