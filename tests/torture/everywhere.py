"""Lets every single operation of placing, receiving, asking and recovering fail, one at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from werkzeug.test import TestResponse

from obdtrack.access.keys import create_key
from obdtrack.application import create_app
from obdtrack.calls.placing import place
from obdtrack.calls.placing.recover import NO_LEASE_YET, recover_interrupted
from obdtrack.calls.placing.send_right import duration
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain.submission import (
    CallRequest,
    Failure,
    NotPermittedError,
    Permit,
    SendResponse,
)
from obdtrack.providers.base import StatusResponse
from obdtrack.services import new_id
from obdtrack.store.database import Store
from obdtrack.store.group_commit import Inbox
from tests import factories
from tests.conftest import Caller
from tests.factories import PROVIDER, Clock, ScriptedProvider, call_log, log_row, raw_delivery
from tests.torture import databases
from tests.torture.failing import Kind, Trouble
from tests.torture.provider import CrashError
from tests.torture.stages import Stage, stage

LOST_AFTER = duration(factories.settings()) + NO_LEASE_YET + timedelta(seconds=1)
"""When a process that never gave a sign of life has lost the call it was placing."""

Act = Callable[["World"], TestResponse | None]


class Scenario(NamedTuple):
    """Something that happens. `stages` is at how many points it may stop, the first included.

    `repeatable` tells that repeating the request must be safe whatever was answered.
    """

    name: str
    prepare: Callable[[World], object]
    act: Act
    stages: int
    repeatable: bool = True


class Run(NamedTuple):
    """What came of one try: its answer, what was on disk at that moment, and what after it."""

    status: int | None
    retry_after: str | None
    said: str | None
    at_response: Stage | None
    at_dial: Stage | None
    after: Stage


class World:
    """An installation in one process whose disk and network can be made to fail."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.scenario, self.trouble = scenario, Trouble()
        self.path, self.clock, self.provider = (
            databases.new_database(folder),
            Clock(),
            Dialler(self),
        )
        self.services = databases.open_context(self.path, self.provider, self.clock)
        self.services.store.connect_params["factory"] = self.trouble.connection_class()
        app = create_app(self.services)
        self._app, app.wsgi_app = app.wsgi_app, self._watched  # Flask's documented way to wrap
        self.caller = Caller(
            app.test_client(), create_key("tests", ["read", "place"], self.services)
        )
        scenario.prepare(self)
        self._die()
        self._prepared, self._noon, self._tries = self.path.read_bytes(), self.clock.now, 0

    def _die(self) -> None:
        databases.drop(self.services.store)
        self.services.store._state.reset()
        self.trouble.close()

    def reset(self) -> None:
        """Begin anew, on a file of its own: SQLite remembers the ones it has seen."""
        self._die()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self._tries += 1
        self.path = self.path.with_name(f"try-{self._tries}.db")
        self.path.write_bytes(self._prepared)
        self.services.store.database = str(self.path)
        self.clock.now = self._noon
        self.provider.sent.clear()
        self.at_response: Stage | None = None
        self.at_dial: Stage | None = None

    def run(self, at: int, kind: Kind) -> Run:
        """Do it once, with the n-th operation failing; all is well again afterwards."""
        self.reset()
        response = None
        self.trouble.arm(at, kind)
        with _dying_together(self.services.store):
            try:
                response = self.scenario.act(self)
            except CrashError:
                self.at_response = None
            except Exception:
                assert self.scenario.act in BEHIND, "the edge answers whatever happens"
        self.trouble.disarm()
        self._die()
        after = stage(self.path)
        if response is None:
            return Run(None, None, None, self.at_response, self.at_dial, after)
        retry_after, said = response.headers.get("Retry-After"), (response.json or {}).get("status")
        return Run(response.status_code, retry_after, said, self.at_response, self.at_dial, after)

    def repeat(self) -> TestResponse | None:
        """Do it again after a restart, when it is clear what the process before was doing."""
        self.clock.now += LOST_AFTER
        recover_interrupted(self.services)
        return self.scenario.act(self)

    def different(self) -> int:
        """Count the calls that are not what computing them anew would give."""
        return len(rebuild(self.services, check=True).different)

    def _watched(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        def response(*arguments: Any) -> Any:
            self.at_response = stage(self.path)
            return start_response(*arguments)

        return self._app(environ, response)


class Dialler(ScriptedProvider):
    """A provider whose requests are operations that can fail, before they arrive or after."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.on_find = lambda **_: call_log(log_row())

    def send(self, request: CallRequest, permit: Permit | None = None) -> SendResponse:
        try:
            assert permit is not None
            permit()
        except NotPermittedError as refused:
            return SendResponse(Failure.NOT_SENT, str(refused))
        self._world.at_dial = stage(self._world.path)
        try:
            return self._world.trouble.around(super().send, request)
        except sqlite3.OperationalError:
            return SendResponse(Failure.CONNECTION_LOST)

    def find(self, **question: Any) -> StatusResponse:
        ask = super().find
        try:
            return self._world.trouble.around(lambda: ask(**question))
        except sqlite3.OperationalError:
            return StatusResponse(Failure.CONNECTION_LOST)


@contextmanager
def _dying_together(store: Store) -> Iterator[None]:
    """Let a request die with the thread that commits for it, instead of waiting for it for ever."""

    def write(self: Inbox[Any, Any], batch: list[Any]) -> None:
        try:
            original(self, batch)
        except CrashError as death:
            store._state.reset()  # what this thread had open is gone
            for one in batch:
                one.answer.set_exception(death)

    original = Inbox._write
    with (
        patch.object(place, "_PAUSES_BEFORE_RESPONDING", (0, 0, 0)),
        patch.object(place, "_PAUSES_AFTERWARDS", (3600,)),  # the process ends before
        patch.object(Inbox, "_write", write),
    ):
        yield


def _place(world: World) -> TestResponse:
    return world.caller.place(variables={"otp": "987123"})


def _place_once(world: World) -> TestResponse:
    return world.caller.post("/calls", _BODY, **{"Idempotency-Key": "order-7"})


def _report(world: World) -> TestResponse:
    return world.caller.report()


def _report_early(world: World) -> None:
    receive_deliveries(
        [InboundRequest(new_id(), world.clock(), raw_delivery(), PROVIDER)], world.services
    )


def _refresh(world: World) -> TestResponse:
    return world.caller.post(f"/calls/{factories.MID}:1/refresh")


def _recover(world: World) -> None:
    recover_interrupted(world.services)


def _die_while_placing(world: World) -> None:
    def dies(_: CallRequest) -> SendResponse:
        raise CrashError

    world.provider.on_send = dies
    try:
        world.caller.place()
    except CrashError:
        world.clock.now += LOST_AFTER


_BODY = {"to": factories.NUMBER, "flow_id": "23"}
BEHIND = (_recover,)

SCENARIOS = (
    Scenario("placing", lambda _: None, _place, stages=3, repeatable=False),
    Scenario("placing under a key", lambda _: None, _place_once, stages=4),
    Scenario("placing, reported early", _report_early, _place, stages=3, repeatable=False),
    Scenario("a report", _place, _report, stages=2),
    Scenario("an early report", lambda _: None, _report, stages=2),
    Scenario("asking", _place, _refresh, stages=2),
    Scenario("recovering", _die_while_placing, _recover, stages=2),
)
