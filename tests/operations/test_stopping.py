"""A server that is told to stop finishes what it works on, and waits for nobody else."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from obdtrack.cli.serve import STOP_SECONDS
from tests.end_to_end.conftest import SECRET, Installation, until
from tests.factories import report_body
from tests.torture.clients import CALLBACK


class Running:
    """A server, and the provider that it places calls with."""

    def __init__(self, folder: Path) -> None:
        self.installed = Installation(folder)
        self.installed.prepare()
        self.installed.start_simulator("--ring-seconds", "0.3", "--slow-seconds", "1")
        self.process = self.installed.launch_server()

    def open(self, start: str) -> socket.socket:
        """Send the beginning of a request, and keep the connection."""
        client = socket.create_connection(("127.0.0.1", self.installed.port), timeout=60)
        client.sendall(start.encode())
        return client


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    server = Running(tmp_path)
    yield server
    server.installed.stop()


HEAD = f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\n"
TRUSTED = f"{HEAD}Authorization: Bearer {SECRET}\r\n"
HALVES = {
    "nothing": "",
    "half a head": HEAD,
    "half a body": f"{TRUSTED}Content-Length: 100\r\n\r\nhalf",
    "half a chunk": f"{TRUSTED}Transfer-Encoding: chunked\r\n\r\n40\r\nhalf",
}


def test_it_serves_and_stops_though_strangers_and_friends_keep_it_waiting(running: Running) -> None:
    """The slowest head may take 30 s, and nothing ends a slow body: that is waited for in vain."""
    headers = {"Authorization": f"Bearer {SECRET}"}
    url = f"{running.installed.url}{CALLBACK}"
    assert requests.post(url, json=report_body(), headers=headers, timeout=10).status_code == 200
    assert requests.get(f"{running.installed.url}/sign-in", timeout=10).status_code == 200
    clients = [running.open(start) for start in HALVES.values()]
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=STOP_SECONDS / 2) == 0
    for client in clients:
        client.close()


def test_what_is_worked_on_is_finished_while_half_a_request_is_not_waited_for(
    running: Running,
) -> None:
    client = running.open(HALVES["half a body"])
    with ThreadPoolExecutor() as pool:
        placing = pool.submit(running.installed.place, "+918867135031")
        calls = f"{running.installed.provider_url}/simulator/calls"
        until(lambda: requests.get(calls, timeout=5).json()["data"])
        for again in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            running.process.send_signal(again)
        assert placing.result()["status"] == "queued"
    assert running.process.wait(timeout=STOP_SECONDS / 2) == 0
    client.close()
