"""Kills the server and whom it sends events to, and compares what happened with what arrived."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import requests

from obdtrack.cli.ports import free_port
from tests.end_to_end.conftest import until
from tests.torture.forks import ROOT
from tests.torture.served import Served, served

ENDINGS = ("00", "22", "29")
PRIVATE = {"OBDTRACK_DESTINATIONS_PRIVATE": "true"}
SECONDS_UNTIL_SENT = 120.0
SHORT_LEASES = "short_leases"
UNANSWERED = "SELECT count(*) FROM notifications WHERE tries > 0 AND http_status IS NULL"


class Forwarding(NamedTuple):
    """What came of it: figures, and what should not have been.

    Of events that arrived `again` their receiver knows, by their ids.
    """

    server_kills: int
    receiver_kills: int
    events: int
    lost: int
    disordered: int
    again: int

    @property
    def wrong(self) -> int:
        """Count what breaks a promise."""
        return self.lost + self.disordered


class Listening:
    """A receiver in a process of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port, self._path = free_port(), folder / "told.txt"
        self._path.touch()
        self.start()

    def start(self) -> None:
        """Start it, or start it again."""
        command = [sys.executable, "-m", "tests.torture.listener", str(self.port), str(self._path)]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def told(self) -> list[tuple[str, str]]:
        """Return the id and the subject of each event that arrived, in the order of arrival."""
        lines = self._path.read_text().splitlines()
        return [(line.split()[0], line.split()[1]) for line in lines]


def forward_through_kills(
    server_kills: int, receiver_kills: int, mutant: str = "sound", seed: int = 1
) -> Forwarding:
    """Let calls happen while both ends are killed so often; then wait until all has been sent."""
    with served(f"{mutant},{SHORT_LEASES}", **PRIVATE) as server:
        receiver = Listening(server.folder)
        stop = threading.Event()
        threads = [
            threading.Thread(target=_place, args=(server, stop)),
            threading.Thread(
                target=_kill_receiver,
                args=(server, receiver, receiver_kills, random.Random(seed)),
            ),
        ]
        try:
            destination = _add(server, receiver)
            for thread in threads:
                thread.start()
            _kill_server(server, server_kills, random.Random(-seed))
            threads[1].join()
            stop.set()
            threads[0].join()
            until(lambda: not _goes_on(server), SECONDS_UNTIL_SENT)
            place = _until_sent(server, destination)
            return _judge(server, receiver, place, (server_kills, receiver_kills))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            receiver.kill()


def _add(server: Served, receiver: Listening) -> str:
    body = {"url": f"http://127.0.0.1:{receiver.port}/", "numbers": "full"}
    response = server.session.post(f"{server.url}/api/v1/destinations", json=body, timeout=30)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def _place(server: Served, stop: threading.Event) -> None:
    count = 0
    while not stop.wait(0.04):
        number = f"+91886{count:05}{ENDINGS[count % len(ENDINGS)]}"
        with suppress(requests.RequestException):  # it was killed; the same key comes again
            server.ask_to_place(number, key=f"order-{number}")
            count += 1


def _kill_receiver(server: Served, receiver: Listening, kills: int, moment: random.Random) -> None:
    for count in range(kills):
        time.sleep(moment.uniform(0.5, 2.5))
        receiver.kill()
        if count == 0:  # once at least it is away when something is sent
            before = server.ask(UNANSWERED)
            until(lambda before=before: server.ask(UNANSWERED) > before, SECONDS_UNTIL_SENT)
        time.sleep(moment.uniform(0.0, 0.5))
        receiver.start()


def _kill_server(server: Served, kills: int, moment: random.Random) -> None:
    for _ in range(kills):
        time.sleep(moment.uniform(0.5, 5.0))
        server.kill()
        server.serve()


def _goes_on(server: Served) -> bool:
    """Whether something still happens: a call rings whose report is to come."""
    before = server.ask("SELECT count(*) FROM feed")
    time.sleep(1)
    return before != server.ask("SELECT count(*) FROM feed")


def _until_sent(server: Served, destination: str) -> int:
    """Have what failed tried again at once, as a person would, until nothing is left.

    Returns the place in the feed up to which all has been sent.
    """
    url = f"{server.url}/api/v1/destinations/{destination}"

    def nothing_is_left() -> int:
        for action in ("pause", "resume"):
            server.session.post(f"{url}/{action}", timeout=30)
        time.sleep(2)
        place = int(server.ask("SELECT max(position) FROM feed")[0][0])
        shown = server.session.get(url, timeout=30).json()
        return place if shown["behind"] == shown["pending"] == 0 else 0

    return int(until(nothing_is_left, SECONDS_UNTIL_SENT))


def _judge(server: Served, receiver: Listening, place: int, kills: tuple[int, int]) -> Forwarding:
    happened = defaultdict(list)
    rows = server.ask("SELECT id, subject FROM feed WHERE position <= ? ORDER BY position", place)
    for raw, subject in rows:
        happened[str(UUID(bytes=subject))].append(str(UUID(bytes=raw)))
    told = receiver.told()
    arrived = defaultdict(list)
    for event, subject in dict(told).items():  # each where it came first
        arrived[subject].append(event)
    ids = {event for events in happened.values() for event in events}
    return Forwarding(
        server_kills=kills[0],
        receiver_kills=kills[1],
        events=len(ids),
        lost=len(ids - {event for event, _ in told}),
        disordered=sum(
            arrived[subject] != [one for one in events if one in set(arrived[subject])]
            for subject, events in happened.items()
        ),
        again=len(told) - len(dict(told)),
    )
