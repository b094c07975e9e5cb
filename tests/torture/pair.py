"""Two servers on one PostgreSQL of their own: frozen, stopped and loaded, one or all of them."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import requests

from tests.end_to_end.balancer import Balancer
from tests.end_to_end.conftest import Installation, responses, until
from tests.torture import databases, forks
from tests.torture.forks import Fork

ANSWER_SECONDS = 3.0
"""In which every request must be answered, whatever hangs."""

BUSY_ANSWER_SECONDS = 4.5
"""The same where other tests run beside it: half-way to what a server does that waits too long."""

POLLING = {"OBDTRACK_POLL_SCHEDULE": "1s,2s,3s,5s"}
"""Settings with which calls are polled while they are placed."""

_PATIENCE = 20
EARLY = ("00", "22", "12", "22", "21", "23", "22", "29")
"""Last digits of the numbers that are placed: every third is reported before its response."""

PROMPT = ("00", "12", "21", "23", "29")
"""The same without those whose response waits until we have taken the report."""


class Answer(NamedTuple):
    """A response's status code (0: none came), how long it took, and its JSON."""

    code: int
    seconds: float
    body: Any = None


class Twin(Installation):
    """One of the servers."""

    server: Fork

    def serve(self, mutant: str = "sound") -> None:
        """Start it, and wait until it answers."""
        says = f"{self.folder}/said-{self.port}.txt"
        self.server = forks.start(["serve"], self.environ, mutant, says=says)
        until(lambda: responses(f"{self.url}/livez"))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have its processes stand still for the block, as on a machine that is paused."""
        with stopped([self.server.pid, *forks.children(self.server.pid)]):
            yield

    def timed_report(self, mid: str, **changes: Any) -> Answer:
        """Post a report, and see how long that takes."""
        return _answer(lambda: self.report(mid, **changes))

    def timed_call(self, number: str) -> Answer:
        """Ask for a call, and see how long that takes."""
        return _answer(lambda: self.ask_to_place(number))

    def get(self, path: str) -> Answer:
        """Look something up, with the key."""
        headers = {"Authorization": str(self.session.headers["Authorization"])}
        url = f"{self.url}{path}"
        return _answer(lambda: requests.get(url, headers=headers, timeout=_PATIENCE))


class Pair:
    """Two servers, the provider behind them, and their database."""

    def __init__(self, folder: Path, mutant: str, environ: dict[str, str]) -> None:
        self._open = ExitStack()
        self._data = folder / "data"
        self.database_url = self._open.enter_context(databases.postgres(self._data))
        self.twins = tuple(Twin(folder, self.database_url) for _ in range(2))
        self._mutant = mutant
        self._balancer = Balancer([twin.port for twin in self.twins])
        self._provider: Fork | None = None
        for twin in self.twins:
            twin.provider_port, twin.provider_url = self.twins[0].provider_port, ""
            twin.environ |= {
                "OBDTRACK_LOG_LEVEL": "warning",
                "OBDTRACK_PROVIDER_URL": self.twins[0].environ["OBDTRACK_PROVIDER_URL"],
                **environ,
            }
            twin.sign_in()

    def start(self) -> None:
        """Start the provider, whose reports go to both servers in turn, and the servers."""
        first = self.twins[0]
        command = first.simulator_command("--ring-seconds", "0.2", "--slow-seconds", "4")
        command[command.index("--callback") + 1] = (
            f"http://127.0.0.1:{self._balancer.port}/webhooks/mobtexting"
        )
        self._provider = forks.start(command, first.environ)
        until(lambda: responses(f"http://127.0.0.1:{first.provider_port}/simulator/calls"))
        for twin in self.twins:
            twin.serve(self._mutant)

    def close(self) -> None:
        """End everything that was started."""
        self._balancer.close()
        started = [getattr(twin, "server", None) for twin in self.twins]
        for process in filter(None, (*started, self._provider)):
            process.kill()
        self._open.close()

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def said(self, word: str) -> int:
        """Count the lines of the servers' logs that hold this word."""
        folder = self.twins[0].folder
        logs = (path.read_text() for path in folder.glob("said-*.txt"))
        return sum(word in line for log in logs for line in log.splitlines())

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have the database stand still for the block: its connections stay open."""
        postmaster = int(Path(self._data, "postmaster.pid").read_text().split()[0])
        with stopped([postmaster, *forks.children(postmaster)]):
            yield


@contextmanager
def pair(mutant: str = "sound", **environ: str) -> Iterator[Pair]:
    """Have two servers on one PostgreSQL for the block."""
    with databases.scratch() as folder:
        made = Pair(folder, mutant, environ)
        try:
            made.start()
            yield made
        finally:
            made.close()


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Have these processes stand still for the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _answer(request: Callable[[], requests.Response]) -> Answer:
    began = time.monotonic()
    try:
        response = request()
    except requests.RequestException:
        return Answer(0, time.monotonic() - began)
    seconds = time.monotonic() - began
    is_json = "json" in response.headers.get("Content-Type", "")
    return Answer(response.status_code, seconds, response.json() if is_json else None)


class MixedLoad:
    """Calls placed, reported and looked up at both servers, for as long as the block lasts.

    Every call is reported by the provider, and by threads that know it as soon as it is placed, so
    that polls, early reports and late ones are about the same calls at the same time.
    """

    def __init__(
        self,
        twins: Sequence[Twin],
        threads: int = 4,
        placed: deque[tuple[str, str]] | None = None,
        endings: Sequence[str] = EARLY,
    ) -> None:
        self._twins, self._endings = twins, endings
        self._stop = threading.Event()
        self._turn = threading.Lock()
        self._placed = deque(maxlen=40) if placed is None else placed
        self.codes: Counter[int] = Counter()
        self.slowest: dict[str, float] = {}
        self.acknowledged: set[str] = set()
        work = [(do, n) for do in (self._place, self._report, self._report_unknown)
                for n in range(threads)]  # fmt: skip
        self._threads = [threading.Thread(target=do, args=(n,)) for do, n in work]

    def __enter__(self) -> MixedLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _place(self, thread: int) -> None:
        for count in self._counted():
            number = f"+9188{thread}{count:05}{self._endings[count % len(self._endings)]}"
            answer = self.noted("place", self._twin(count).timed_call(number))
            if mid := str((answer.body or {}).get("provider_id") or "").partition(":")[0]:
                self._placed.append((mid, number))

    def _report(self, thread: int) -> None:
        for count in self._counted():
            if self._placed:
                mid, number = self._placed[(count * 7 + thread) % len(self._placed)]
                duration = str(count % 3)  # some say the same again, some do not
                twin = self._twin(count)
                self.noted("report", twin.timed_report(mid, to=int(number[1:]), duration=duration))

    def _report_unknown(self, thread: int) -> None:
        for count in self._counted():
            mid = f"report-{thread}-{count}"
            if self.noted("report", self._twin(count).timed_report(mid)).code == 200:
                self.acknowledged.add(mid)

    def _counted(self) -> Iterator[int]:
        return takewhile(lambda _: not self._stop.is_set(), itertools.count())

    def _twin(self, count: int) -> Twin:
        return self._twins[count % len(self._twins)]

    def noted(self, what: str, answer: Answer) -> Answer:
        """Count an answer to this kind of request."""
        with self._turn:
            self.codes[answer.code] += 1
            self.slowest[what] = max(self.slowest.get(what, 0), answer.seconds)
        return answer
