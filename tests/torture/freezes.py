"""Freezes a server that is about to send, decides about its calls at another, and lets it go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import requests

from tests.end_to_end.conftest import until
from tests.torture import databases, forks
from tests.torture.mixed import again_and_again
from tests.torture.mutants import AT_ONCE
from tests.torture.pair import PROMPT, MixedLoad, Twin, pair

DATABASES = ("sqlite", "postgres")
DECISIONS = ("place-again", "not-placed")
_ENVIRON = {"OBDTRACK_PROVIDER_TIMEOUT": "1", "OBDTRACK_LOG_LEVEL": "error"}


class Freezes(NamedTuple):
    """What came of it. `refused` counts decisions that had to wait until nothing could be sent."""

    freezes: int
    decided: int
    refused: int
    wrong_dials: int
    slowest_report: float


def freeze_again_and_again(times: int, database: str, mutant: str = "sound") -> Freezes:
    """Freeze one of two servers so often, with calls it was about to send.

    Half of them are placed again at the other server while it is frozen, of the others a person
    says there that no phone rang. Then it goes on. `database` is `sqlite` or `postgres`.
    """
    expected: dict[str, int] = {}
    refused, slowest = 0, 0.0
    with two_servers(database) as (freezing, other):
        freezing.server.kill()
        freezing.serve(f"stand_still_before_sending,{mutant},short_leases")
        for round_ in range(times):
            numbers = [f"+918867{round_:03}{n}29" for n in range(AT_ONCE)]
            with _placing(freezing, numbers):
                for count, number in enumerate(numbers):
                    call = _unknown(other, number)
                    slowest = max(slowest, other.timed_report(f"report-{number}").seconds)
                    action = DECISIONS[count % 2]
                    refused += _decide(other, call, action)
                    expected[number] = int(action == "place-again")
        dialled = Counter(f"+{str(call['to']).lstrip('+')}" for call in _calls(freezing))
    wrong = sum(abs(dialled[number] - count) for number, count in expected.items())
    return Freezes(times, len(expected), refused, wrong, slowest)


class Held(NamedTuple):
    """What the other server answered while the figures were held, by code, and how slowly."""

    codes: Counter[int]
    slowest: float

    @property
    def refused(self) -> int:
        """Count the requests for which there was an error, though not in vain: try again soon."""
        return self.codes[503]


def freeze_holding_figures(
    times: int, database: str, mutant: str = "sound", seconds: float = 5.5
) -> Held:
    """Freeze one of two servers so often, for so long, where all figures are written, uncommitted.

    Meanwhile the other places calls, receives reports and looks things up. Whoever still waits when
    it goes on has waited for as long as that.
    """
    codes: Counter[int] = Counter()
    slowest = 0.0
    with two_servers(database, mutant) as (freezing, other):
        freezing.server.kill()
        freezing.serve(f"stand_still_holding_figures,{mutant},short_leases")
        for round_ in range(times):
            with (
                MixedLoad([other], 2, endings=PROMPT) as load,
                again_and_again(partial(_note_readiness, load, other)),
                _placing(freezing, [f"+918867{round_:03}029"]),
            ):
                time.sleep(seconds)
            codes += load.codes
            slowest = max(slowest, *load.slowest.values())
    return Held(codes, slowest)


def _note_readiness(load: MixedLoad, server: Twin) -> None:
    load.noted("/readyz", server.get("/readyz"))


@contextmanager
def two_servers(database: str, mutant: str = "sound") -> Iterator[Sequence[Twin]]:
    """Have two servers on one database for the block, their provider, and short leases."""
    mutants = f"{mutant},short_leases"
    if database == "postgres":
        with pair(mutants, **_ENVIRON) as servers:
            yield servers.twins
        return
    with databases.scratch() as folder:
        first = Twin(folder)
        second = Twin(folder, first.database_url)
        first.prepare()
        second.sign_in()
        second.environ["OBDTRACK_PROVIDER_URL"] = first.environ["OBDTRACK_PROVIDER_URL"]
        for twin in (first, second):
            twin.environ |= _ENVIRON
        try:
            first.start_simulator("--ring-seconds", "0.2")
            for twin in (first, second):
                twin.serve(mutants)
            yield first, second
        finally:
            for twin in (first, second):
                twin.server.kill()
            first.stop()


@contextmanager
def _placing(server: Twin, numbers: Sequence[str]) -> Iterator[None]:
    """Have the server stand still with all these calls stored, and none sent, for the block."""
    threads = [threading.Thread(target=server.ask_to_place, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    pid = server.server.pid
    standing = until(lambda: [one for one in (pid, *forks.children(pid)) if _stands(one)])
    yield
    while any(thread.is_alive() for thread in threads):  # one that lost its transaction stops anew
        for one in standing:
            os.kill(one, signal.SIGCONT)
        threads[0].join(0.1)


def _stands(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _unknown(server: Twin, number: str) -> str:
    """Wait until the server has declared the call to this number unknown; returns its id."""

    def found() -> Any:
        calls = server.get(f"/api/v1/calls?to=%2B{number[1:]}&status=unknown").body or {}
        return calls.get("data")

    return str(until(found)[0]["id"])


def _decide(server: Twin, call_id: str, action: str) -> int:
    """Decide about a call as soon as that is possible; returns how often it was refused."""
    headers = {"Authorization": str(server.session.headers["Authorization"])}
    url, refused = f"{server.url}/api/v1/calls/{call_id}/resolve", 0

    def decided() -> bool:
        nonlocal refused
        response = requests.post(url, json={"action": action}, headers=headers, timeout=30)
        refused += response.status_code == 409
        return response.status_code == 200

    until(decided)
    return refused


def _calls(server: Twin) -> Any:
    url = f"http://127.0.0.1:{server.provider_port}/simulator/calls"
    return requests.get(url, timeout=30).json()["data"]
