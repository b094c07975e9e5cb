"""Kills the server under load, again and again, and compares what was said with what is there."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import NamedTuple

import requests

from tests.end_to_end.conftest import until
from tests.torture.served import Served, served

POSTERS = 4
PLACERS = 3
SLOW = "31"  # rings, and is answered when nobody waits any more: surely in flight at the kill
ENDINGS = ("00", "22", "29", SLOW)
SECONDS_UNTIL_UNKNOWN = 40.0


class Kills(NamedTuple):
    """What came of it: figures, and what should not have been."""

    kills: int
    acknowledged: int
    lost: int
    dialled: int
    twice: int
    interrupted: int
    left_submitting: int
    forgotten: int

    @property
    def wrong(self) -> int:
        """Count what breaks a promise."""
        return self.lost + self.twice + self.left_submitting + self.forgotten


class Load:
    """Threads that report and place, and remember what they were told."""

    def __init__(self, server: Served) -> None:
        self._server = server
        self.acknowledged: set[str] = set()
        self.placed: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._report, args=(n,)) for n in range(POSTERS)]
        self._threads += [threading.Thread(target=self._place, args=(n,)) for n in range(PLACERS)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is under way is finished."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _report(self, thread: int) -> None:
        count = 0
        while not self._stop.is_set():
            mid = f"report-{thread}-{count}"
            try:
                if self._server.report(mid).status_code == 200:
                    self.acknowledged.add(mid)
                count += 1
            except requests.RequestException:
                self._stop.wait(0.02)  # it was killed; the same report comes again

    def _place(self, thread: int) -> None:
        count = 0
        while not self._stop.is_set():
            number = f"+9188{thread}{count:05}{ENDINGS[count % len(ENDINGS)]}"
            try:
                response = self._server.ask_to_place(number, key=f"order-{number}")
            except requests.RequestException:
                self._stop.wait(0.02)  # it was killed; the same key comes again
                continue
            if response.status_code in (200, 201):
                self.placed.add(response.json()["id"])
            count += 1
            self._stop.wait(0.05)


def kill_again_and_again(kills: int, mutant: str = "sound", seed: int = 1) -> Kills:
    """Kill the loaded server so many times, then see what became of all that was promised."""
    moment = random.Random(seed)
    with served(mutant) as server:
        load = Load(server)
        load.start()
        try:
            _until_somebody_waits(server)
            for _ in range(kills):
                time.sleep(moment.uniform(0.1, 0.9))
                server.kill()
                server.serve()
        finally:
            load.stop()
        return _judge(server, load, kills)


def _until_somebody_waits(server: Served) -> None:
    """Wait until a call rings whose answer takes long, so that there is something to interrupt."""
    until(lambda: any(number.endswith(SLOW) for number in server.dialled()))


def _judge(server: Served, load: Load, kills: int) -> Kills:
    deadline = time.monotonic() + SECONDS_UNTIL_UNKNOWN
    while (left := _submitting(server)) and not _twice(server) and time.monotonic() < deadline:
        time.sleep(0.2)
    stored = _stored_reports(server)
    known = {_hex(row[0]) for row in server.ask("SELECT id FROM calls")}
    interrupted = server.ask("SELECT count(*) FROM events WHERE kind = 'interruption'")[0][0]
    return Kills(
        kills=kills,
        acknowledged=len(load.acknowledged),
        lost=len(load.acknowledged - stored),
        dialled=len(set(server.dialled())),
        twice=_twice(server),
        interrupted=interrupted,
        left_submitting=left,
        forgotten=len({_hex(call_id) for call_id in load.placed} - known),
    )


def _twice(server: Served) -> int:
    return sum(count > 1 for count in Counter(server.dialled()).values())


def _submitting(server: Served) -> int:
    return int(server.ask("SELECT count(*) FROM calls WHERE status = 'submitting'")[0][0])


def _stored_reports(server: Served) -> set[str]:
    rows = server.ask("SELECT body FROM deliveries")
    bodies = (body.decode() if isinstance(body, bytes) else body for (body,) in rows)
    return {part for body in bodies for part in body.split('"') if part.startswith("report-")}


def _hex(call_id: object) -> str:
    return call_id.hex() if isinstance(call_id, bytes) else str(call_id).replace("-", "")
