"""Counts what this process does, in plain numbers: a report must not pay for being counted."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from obdtrack.calls.reports.receive import ReceivedDelivery

Item = TypeVar("Item")

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Upper bounds in seconds; placing a call may take 20, as the provider does."""

# Beginning of a path -> the part of the application it leads to; the first that fits counts.
PARTS = (("/webhooks/", "callback"), ("/api/", "api"), ("/", "other"))


class Requests(NamedTuple):
    """The requests to one part: how many had each code, how many took how long, and all in all.

    `slots` has one number for each of BUCKETS and one for what took longer.
    """

    codes: Mapping[str, int]
    slots: Sequence[int]
    seconds: float


class _Part:
    __slots__ = ("codes", "seconds", "slots")

    def __init__(self) -> None:
        self.codes: dict[str, int] = defaultdict(int)
        self.slots = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Meter:
    """The figures of one process since its start; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts = {part: _Part() for _, part in PARTS}
        self._outcomes: Counter[str] = Counter()
        self._batches = 0

    def note_request(self, path: str, code: str, seconds: float) -> None:
        """Count a request by the part its path leads to and its response's code."""
        part = self._parts[part_of(path)]
        slot = bisect_left(BUCKETS, seconds)
        with self._lock:
            part.codes[code] += 1
            part.slots[slot] += 1
            part.seconds += seconds

    def note_batch(self, received: Sequence[ReceivedDelivery]) -> None:
        """Count the deliveries that one transaction stored."""
        outcomes = [delivery.outcome for delivery in received]
        with self._lock:
            self._outcomes.update(outcomes)
            self._batches += 1

    def counting(
        self, work: Callable[[Sequence[Item]], Sequence[ReceivedDelivery]]
    ) -> Callable[[Sequence[Item]], Sequence[ReceivedDelivery]]:
        """Return `work` with its results counted; what it raises is not."""

        def counted(batch: Sequence[Item]) -> Sequence[ReceivedDelivery]:
            received = work(batch)
            self.note_batch(received)
            return received

        return counted

    def requests(self) -> dict[str, Requests]:
        """Return the requests by part."""
        with self._lock:
            return {
                name: Requests(dict(part.codes), list(part.slots), part.seconds)
                for name, part in self._parts.items()
            }

    def deliveries(self) -> tuple[dict[str, int], int]:
        """Return the stored deliveries by outcome, and the transactions they were stored in."""
        with self._lock:
            return dict(self._outcomes), self._batches


class Metered:
    """A WSGI application (PEP 3333) that counts requests to `app` when their response is ready."""

    def __init__(self, app: WSGIApplication, meter: Meter) -> None:
        self._app = app
        self._note = meter.note_request

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        begun = time.perf_counter()
        code = "500"  # of an application that raises before it begins to respond

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal code
            code = status[:3]
            return start_response(status, headers, *error)

        try:
            return self._app(environ, start)
        finally:
            self._note(environ.get("PATH_INFO", ""), code, time.perf_counter() - begun)


def part_of(path: str) -> str:
    """Name the part of the application that a path leads to."""
    for beginning, part in PARTS:
        if path.startswith(beginning):
            return part
    return PARTS[-1][1]
