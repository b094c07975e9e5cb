"""Background work: each task is done by one, and nothing urgent waits for a slow provider."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from obdtrack import jobs
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.placing.recover import heartbeat
from obdtrack.cli import worker
from obdtrack.domain.destination import DESTINATION
from obdtrack.errors import Code, ObdtrackError
from obdtrack.jobs import KINDS, Background, TaskKind, run_due
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services, new_id
from obdtrack.store import models, tasks
from obdtrack.store.connections import connected
from tests import factories
from tests.calls.test_recover import crash_while_sending
from tests.factories import Clock, ScriptedProvider, call_request
from tests.store.stored import together
from tests.test_readme import PAGES


@pytest.fixture
def asked(services: Services, provider: ScriptedProvider) -> Iterator[threading.Event]:
    """Set once the background work asks the provider, which answers only at the end."""
    asked, over = threading.Event(), threading.Event()

    def hang(**_: object) -> StatusResponse:
        asked.set()
        over.wait(30)
        return StatusResponse()

    provider.on_find = hang
    background = Background(services)
    background.start()
    yield asked
    over.set()
    background.stop()


def soon(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 8
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def is_unknown(services: Services) -> bool:
    with connected(services.store):
        return bool(models.Call.select().where(models.Call.status == "unknown").exists())


def test_what_a_dead_process_left_is_found_while_a_question_hangs(
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
    asked: threading.Event,
) -> None:
    place_call(call_request(), None, services)
    clock.forward(minutes=16)
    assert asked.wait(8)
    another = replace(services, process_ids={})
    heartbeat(another)
    crash_while_sending(another, provider)
    clock.forward(seconds=9)
    assert soon(lambda: is_unknown(services))


# How tasks of any kind are done


class Crash(BaseException):
    """The process dies here."""


def no_work(*_: object) -> None:
    """Do nothing, well."""


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Adds a kind of task, whose `run` is given, and gives its name."""

    def add(run: Callable[[UUID, Services], object], **how: Any) -> str:
        minutes = {"again": timedelta(minutes=1), "lease": timedelta(minutes=5)}
        made = TaskKind(run, **{"at_most": lambda _: 10, "threads": 4, **minutes, **how})
        monkeypatch.setitem(KINDS, "send", made)
        return "send"

    return add


def plan_tasks(services: Services, *due: datetime) -> list[UUID]:
    subjects = [new_id() for _ in due]
    with services.store.write():
        tasks.plan("send", dict(zip(subjects, due, strict=True)))
    return subjects


def due_in(subject: UUID, clock: Clock) -> float:
    """In how many minutes a task is due."""
    row = models.Task.get(models.Task.subject == subject)
    assert row.leased_until is None
    minutes: float = (row.due_at - clock()) / timedelta(minutes=1)
    return minutes


def test_two_workers_never_do_the_same_task_at_once(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    taken, both = list[UUID](), threading.Barrier(2)

    def send(subject: UUID, _: Services) -> None:
        taken.append(subject)
        both.wait(8)  # two are done at once, or this raises

    name = kind(send, at_most=lambda _: 1)
    waiting = plan_tasks(services, clock(), clock())
    together(services.store, [lambda: run_due(name, services)] * 2)
    assert sorted(taken) == sorted(waiting)
    assert [due_in(subject, clock) for subject in waiting] == [1, 1]


def test_what_a_worker_that_died_was_doing_is_done_once_its_lease_is_over(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    def die(*_: object) -> None:
        raise Crash

    (waiting,) = plan_tasks(services, clock())
    with pytest.raises(Crash):
        run_due(kind(die), services)
    done: list[UUID] = []
    name = kind(lambda subject, _: done.append(subject))
    clock.forward(minutes=4)
    assert (run_due(name, services), done) == (0, [])
    clock.forward(minutes=2)
    assert (run_due(name, services), done) == (1, [waiting])


def test_one_that_fails_stops_no_other_and_is_tried_later_and_later(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    bad, good = plan_tasks(services, clock(), clock())
    done: list[UUID] = []

    def send(subject: UUID, _: Services) -> None:
        if subject == bad:
            raise ValueError
        done.append(subject)

    name, waited = kind(send), []
    for _ in range(3):
        run_due(name, services)
        waited.append(due_in(bad, clock))
        clock.forward(minutes=waited[-1])
    assert waited == [1, 2, 4]
    assert done == [good] * 3


def test_why_a_task_failed_is_in_the_log(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    (waiting,) = plan_tasks(services, clock())
    with capture_logs() as lines:
        run_due(kind(lambda *_: 1 / 0), services)
    (line,) = lines
    assert (line["event"], line["kind"], line["id"]) == ("task_failed", "send", str(waiting))
    assert line["exc_info"]


def test_what_came_too_soon_is_due_when_it_may_and_has_not_failed(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    (waiting,) = plan_tasks(services, clock())

    def refuse(*_: object) -> None:
        raise ObdtrackError(Code.RATE_LIMITED, "Too many.", retry_after=30)

    run_due(kind(refuse), services)
    assert due_in(waiting, clock) == 0.5
    assert models.Task.get().tries == 0


def test_a_task_that_is_removed_as_it_is_done_is_not_done_again(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    def send(subject: UUID, services: Services) -> None:
        with services.store.write():
            tasks.plan("send", {subject: None})

    plan_tasks(services, clock())
    name = kind(send)
    assert run_due(name, services) == 1
    clock.forward(days=1)
    assert run_due(name, services) == 0


def test_a_sweep_that_goes_well_again_is_back_to_its_pace(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    for _ in range(2):
        run_due(kind(lambda *_: 1 / 0, sweep=True), services)
        clock.forward(minutes=2)
    run_due(kind(no_work, sweep=True), services)
    assert due_in(tasks.WHOLE, clock) == 1


def test_without_reason_nothing_is_taken(
    services: Services, clock: Clock, kind: Callable[..., str]
) -> None:
    (waiting,) = plan_tasks(services, clock())
    assert run_due(kind(no_work, worth_it=lambda _: False), services) == 0
    assert due_in(waiting, clock) == 0


def test_a_worker_does_the_kinds_that_it_is_for(
    services: Services, kind: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "TICK_SECONDS", 0.001)
    others, done = list[str](), threading.Semaphore(0)
    for other in list(KINDS):
        note = KINDS[other]._replace(worth_it=lambda _, other=other: bool(others.append(other)))
        monkeypatch.setitem(KINDS, other, note)
    name = kind(no_work, sweep=True, worth_it=lambda _: bool(done.release()))
    background = Background(services, [name])
    background.start()
    assert all(done.acquire(timeout=8) for _ in range(3))
    background.stop()
    assert others == []


# `worker --only`


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, services: Services) -> list[list[str]]:
    """The kinds of each background work that `worker` starts; it ends at once."""
    started: list[list[str]] = []
    monkeypatch.setattr(worker, "read_settings", factories.settings)
    monkeypatch.setattr(worker, "make_services", lambda *_, **__: services)
    monkeypatch.setattr(signal, "signal", no_work)
    monkeypatch.setattr(Background, "start", lambda self: started.append(list(self.kinds)))
    monkeypatch.setattr(Background, "join", no_work)
    return started


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ([], list(KINDS)),
        (["--only", "poll"], ["poll"]),
        (["--only", "poll", "--only", "retention"], ["poll", "retention"]),
    ],
)
def test_worker_does_every_kind_or_only_those_that_are_named(
    started: list[list[str]], options: list[str], kinds: list[str]
) -> None:
    result = CliRunner(catch_exceptions=False).invoke(worker.command, options)
    assert (result.exit_code, started) == (0, [kinds])


def test_worker_names_the_kinds_to_who_names_another(started: list[list[str]]) -> None:
    result = CliRunner().invoke(worker.command, ["--only", "polling"])
    assert (result.exit_code, started) == (2, [])
    assert all(f"'{kind}'" in result.output for kind in KINDS)


def test_the_documents_name_every_kind() -> None:
    row = next(line for line in PAGES["docs/operations.md"].splitlines() if "`worker`" in line)
    assert all(f"`{kind}`" in row for kind in KINDS)


def test_the_end_does_not_wait_for_long_for_what_is_done_apart(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, over = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        began.set()
        over.wait(30)

    kind = KINDS[DESTINATION]._replace(run=hang, worth_it=lambda _: True)
    monkeypatch.setitem(KINDS, DESTINATION, kind)
    monkeypatch.setattr(jobs, "LONGEST_FAREWELL", 0.1)
    with connected(services.store), services.store.write():
        tasks.plan(DESTINATION, {new_id(): services.shared_now()})
    background = Background(services, [DESTINATION])
    background.start()
    assert began.wait(8)
    before = time.monotonic()
    background.stop()
    assert time.monotonic() - before < 5
    over.set()
    for thread in background._apart:  # it may not outlive its database
        thread.join(8)
