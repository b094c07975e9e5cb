"""The simulator itself: takes orders, lets phones ring, sends the reports."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from functools import partial
from threading import Event
from typing import NamedTuple

from flask import current_app

from obdtrack.providers.mobtexting.simulator.call_store import Ledger
from obdtrack.providers.mobtexting.simulator.calls import Dialling, SimulatedCall, calls_of
from obdtrack.providers.mobtexting.simulator.config import SimulatorConfig, wire_time
from obdtrack.providers.mobtexting.simulator.limits import Balance, WindowLimit
from obdtrack.providers.mobtexting.simulator.registry import Registry
from obdtrack.providers.mobtexting.simulator.reports import reports_of
from obdtrack.providers.mobtexting.simulator.scheduler import Scheduler
from obdtrack.providers.mobtexting.simulator.send_request import Order
from obdtrack.providers.mobtexting.simulator.webhook_sender import Courier, Target

# Enough for any test; a simulator that runs for days must not fill the memory.
REQUESTS_KEPT = 10_000

logger = logging.getLogger(__name__)


class ReceivedRequest(NamedTuple):
    """A request that reached the API, whatever became of it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Simulator:
    """One provider with its calls, webhooks and threads. Safe to use from many threads.

    `requests` are the latest requests to the API, oldest first. Call `close` when done.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.ledger = Ledger()
        self.registry = Registry()
        self.gets = WindowLimit(config.gets_per_minute)
        self.sends = WindowLimit(config.sends_per_second, window_seconds=1.0)
        self.balance = Balance(config.balance)
        self.requests: deque[ReceivedRequest] = deque(maxlen=REQUESTS_KEPT)
        self._scheduler = Scheduler()
        self._courier = Courier(self._scheduler, config.retry_seconds)
        self._closing = Event()

    @property
    def calls(self) -> list[SimulatedCall]:
        """Every accepted call, oldest first."""
        return [entry.call for entry in self.ledger.entries()]

    @property
    def dials(self) -> int:
        """How often a phone was made to ring on request: numbers accepted, redials not counted."""
        return len(self.ledger.entries())

    def place(self, order: Order, recordings_url: str) -> tuple[SimulatedCall, ...]:
        """Accept an order: its phones ring from now on. `recordings_url` ends in a slash."""
        calls = calls_of(order, self.config, recordings_url)
        for call in calls:
            logger.info("Call %s: %s", call.id, call.fate.name)
            self.ledger.add(call)
            for dialling in call.diallings:
                self._begin(call, dialling)
        return calls

    def pause(self) -> None:
        """Wait as long as a slow answer takes, or until the simulator is closed."""
        self._closing.wait(self.config.slow_seconds)

    def timestamp(self) -> str:
        """Return the present moment as the provider writes it."""
        return wire_time(self.config.local_now())

    def settle(self, timeout_seconds: float = 5.0) -> bool:
        """Wait until every call has ended and every report was taken or given up.

        Returns whether it came to that within `timeout_seconds`.
        """
        return self._scheduler.settle(timeout_seconds)

    def close(self) -> None:
        """Stop all threads; what was not reported by now never will be."""
        self._closing.set()
        self._scheduler.close()

    def _begin(self, call: SimulatedCall, dialling: Dialling) -> None:
        if call.fate.before_response:
            self._end(call, dialling)
        else:
            self._scheduler.after(dialling.over_after, partial(self._end, call, dialling))

    def _end(self, call: SimulatedCall, dialling: Dialling) -> None:
        self.ledger.end(call, dialling)
        delay = dialling.reported_after - dialling.over_after
        if delay > 0:
            self._scheduler.after(delay, partial(self._report, call, dialling))
        else:
            self._report(call, dialling)

    def _report(self, call: SimulatedCall, dialling: Dialling) -> None:
        target = self._target(call)
        if target is None:
            logger.info("Call %s: no webhook for its report", call.id)
            return
        for message in reports_of(call, dialling):
            self._courier.bring(target, message)

    def _target(self, call: SimulatedCall) -> Target | None:
        """Decide where a call's reports go, when they go: webhooks come and change meanwhile."""
        webhook = self.registry.for_reports(call.order.webhook_id)
        if webhook is not None:
            return Target(webhook.uri, webhook.secret or None)
        url = self.config.callback_url
        return None if url is None else Target(url, self.config.secret)


def current() -> Simulator:
    """Return the simulator behind the request being answered."""
    simulator: Simulator = current_app.extensions["simulator"]
    return simulator
