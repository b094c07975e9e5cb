"""Sends reports and look-ups one by one beside a load, and times each."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from statistics import median, quantiles
from typing import NamedTuple

from bench import product, reports

PAUSE_SECONDS = 0.02
PATIENCE = 30

Question = Callable[[int], tuple[str, str, str, str]]
"""Gives method, path, body and bearer secret of the n-th request."""


class Timing(NamedTuple):
    """How long something took, in milliseconds."""

    times: int
    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, taken: Sequence[float]) -> Timing:
        """Sum up single times."""
        late = quantiles(taken, n=100)[98] if len(taken) > 1 else max(taken)
        return cls(len(taken), median(taken), min(late, max(taken)), max(taken))

    def cells(self) -> list[str]:
        """Return it as cells of a table."""
        return [str(self.times), f"{self.p50:.1f}", f"{self.p99:.1f}", f"{self.longest:.1f}"]


class Probe:
    """Asks both kinds of questions for as long as its block; `taken` holds the times by kind."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._end = threading.Event()
        questions: dict[str, Question] = {
            "report": lambda n: (
                "POST", product.CALLBACK, reports.filled(reports.body(), n), product.SECRET,
            ),
            "look-up": lambda n: ("GET", f"/api/v1/calls/{reports.mid(n)}:1", "", key),
        }  # fmt: skip
        self.taken: dict[str, list[float]] = {kind: [] for kind in questions}
        self._threads = [
            threading.Thread(target=self._run, args=(question, self.taken[kind]), daemon=True)
            for kind, question in questions.items()
        ]

    def __enter__(self) -> Probe:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait(self, seconds: float) -> None:
        """Let the questions go on for a while."""
        self._end.wait(seconds)

    def _run(self, question: Question, taken: list[float]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        for n in self._turns():
            method, path, body, secret = question(n)
            headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
            begun = time.perf_counter()
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            response.read()
            taken.append((time.perf_counter() - begun) * 1e3)
            assert response.status == 200, (path, response.status)
        connection.close()

    def _turns(self) -> Iterator[int]:
        for n in count():
            yield n
            if self._end.wait(PAUSE_SECONDS):
                return
