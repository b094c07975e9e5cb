"""Clients that mean no good: slow ones that never finish, and floods of forged posts."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import requests

from tests.end_to_end.conftest import SECRET, Installation
from tests.factories import report_body
from tests.torture.forks import children
from tests.torture.served import Served, served

CALLBACK = "/webhooks/mobtexting"
STARTS = {
    "header": f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\n",
    "callback body": f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nslow",
    "callback body with the secret": f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\n"
    f"Authorization: Bearer {SECRET}\r\nContent-Length: 900\r\n\r\nslow",
    "chunks with the secret": f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\n"
    f"Authorization: Bearer {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nslow\r\n",
    "wrong secret": f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\n"
    "Authorization: Bearer wrong-secret-of-somebody\r\nContent-Length: 900\r\n\r\nslow",
    "API body": "POST /api/v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nslow",
    "sign-in body": "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\nslow",
    "idle": "",
}
"""What a slow client has sent when it stops."""

HONEST_EACH = 20
PATIENCE = 20
"""Seconds an honest client waits for its answer."""

FLOODERS = 4


def post(server: Installation, body: bytes | Iterable[bytes], **headers: str) -> requests.Response:
    """Post to the callback with the secret."""
    trusted = {"Authorization": f"Bearer {SECRET}", **headers}
    return requests.post(f"{server.url}{CALLBACK}", data=body, headers=trusted, timeout=PATIENCE)


def honest_reports(server: Installation, count: int) -> list[int]:
    """Post some reports, one after the other, and give the codes of the answers (0: none came)."""
    return [_honest_report(server, f"honest-{number}") for number in range(count)]


def _honest_report(server: Installation, mid: str) -> int:
    try:
        return post(server, json.dumps(report_body(mid=mid)).encode()).status_code
    except requests.RequestException:
        return 0


@contextmanager
def slow_sockets(server: Installation, start: str, count: int) -> Iterator[None]:
    """Keep so many clients for the block that have sent the start of a request."""
    with ExitStack() as sockets:
        for _ in range(count):
            slow = sockets.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            slow.sendall(start.encode())
        yield


@contextmanager
def flood(server: Installation, **headers: str) -> Iterator[list[int]]:
    """Post without our secret, all the time, for the block; returns the codes of the answers."""
    stop, codes = threading.Event(), list[int]()

    def post_on() -> None:
        session = requests.Session()
        while not stop.is_set():
            with suppress(requests.RequestException):
                url = f"{server.url}{CALLBACK}"
                response = session.post(url, data=b"x" * 300, headers=headers, timeout=5)
                codes.append(response.status_code)

    threads = [threading.Thread(target=post_on) for _ in range(FLOODERS)]
    for thread in threads:
        thread.start()
    try:
        yield codes
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def meet_slow_clients(count: int) -> list[int]:
    """Keep so many slow clients of each kind, in turn; give what honest reports are answered."""
    with served() as server:
        return [code for start in STARTS.values() for code in _beside(server, start, count)]


def _beside(server: Served, start: str, count: int) -> list[int]:
    with slow_sockets(server, start, count):
        return honest_reports(server, HONEST_EACH)


class Flood(NamedTuple):
    """What came of it: answers to the flood and to honest reports, rows, memory in megabytes."""

    posts: int
    honest: list[int]
    rows: int
    before: float
    after: float


def stand_a_flood(seconds: float, mutant: str = "sound") -> Flood:
    """Post without the secret for so long, and honestly now and then."""
    with served(mutant) as server:
        honest_reports(server, HONEST_EACH)  # what is loaded with the first of them is in `before`
        before, stored, honest = _megabytes(server), _deliveries(server), list[int]()
        end = time.monotonic() + seconds
        with flood(server) as codes:
            while time.monotonic() < end:
                honest += honest_reports(server, 1)
                time.sleep(0.1)
        rows = _deliveries(server) - stored - len(honest)
        return Flood(len(codes), honest, rows, before, _megabytes(server))


def _deliveries(server: Served) -> int:
    return int(server.ask("SELECT count(*) FROM deliveries")[0][0])


def _megabytes(server: Served) -> float:
    """Return what the server's processes hold of the machine's memory."""
    assert server.server is not None
    pids = [server.server.pid, *children(server.server.pid)]
    told = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    found = [re.search(r"VmRSS:\s+(\d+) kB", words) for words in told]
    return sum(int(one.group(1)) for one in found if one) / 1024
