"""A server that is told to stop finishes what it works on, and waits for nobody who sends nothing.

However Python starts the server's worker: the usual way changed with 3.14.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pytest
import requests
from werkzeug.wsgi import ClosingIterator

from obdtrack.cli.serve import STOP_SECONDS
from obdtrack.cli.stopping import InFlight
from obdtrack.web.http.request_bodies import RECEIVING
from tests.end_to_end.conftest import ROOT, SECRET, Installation, responses, until
from tests.factories import report_body
from tests.torture.clients import CALLBACK

SERVE = """
import multiprocessing, sys
from obdtrack.cli import main
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv.pop(1))
    main()
"""
METHODS = multiprocessing.get_all_start_methods()


class Running:
    """A server whose worker was started in one of Python's ways, and what it says."""

    def __init__(self, folder: Path, method: str) -> None:
        self.installed = Installation(folder)
        self.installed.prepare()
        self.installed.start_simulator("--ring-seconds", "0.3", "--slow-seconds", "1")
        program, self.said = folder / "serve.py", folder / "said"
        program.write_text(SERVE)
        environ = {**self.installed.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(program), method, "serve"]
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(command, env=environ, cwd=ROOT, stderr=said)
        self.installed.processes.append(self.process)
        self.installed.wait_for(f"{self.installed.url}/livez")

    def open(self, start: str) -> socket.socket:
        """Send the beginning of a request, and keep the connection."""
        client = socket.create_connection(("127.0.0.1", self.installed.port), timeout=60)
        client.sendall(start.encode())
        return client

    def is_left(self) -> bool:
        return not responses(f"{self.installed.url}/livez")


@pytest.fixture(params=METHODS)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    server = Running(tmp_path, request.param)
    yield server
    server.installed.stop()


usually = pytest.mark.parametrize("running", [multiprocessing.get_start_method()], indirect=True)

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


@usually
def test_what_is_worked_on_is_finished_while_half_a_request_is_not_waited_for(
    running: Running,
) -> None:
    client = running.open(HALVES["half a body"])
    with ThreadPoolExecutor() as pool:
        placing = pool.submit(running.installed.place, "+918867135031")
        calls = f"{running.installed.provider_url}/simulator/calls"
        until(lambda: requests.get(calls, timeout=5).json()["data"])
        running.process.send_signal(signal.SIGTERM)
        assert placing.result()["status"] == "queued"
    assert running.process.wait(timeout=STOP_SECONDS / 2) == 0
    client.close()


def test_a_worker_ends_with_its_parent(running: Running) -> None:
    client = running.open(HALVES["half a head"])
    running.process.kill()
    until(running.is_left)
    client.close()


@usually
def test_what_the_server_itself_says_is_json_too(running: Running) -> None:
    """A worker that is gone is the server's own affair, and ends it."""
    worker = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    for child in worker.read_text().split():
        os.kill(int(child), signal.SIGKILL)
    assert running.process.wait(timeout=STOP_SECONDS) == 1
    lines = running.said.read_text().splitlines()
    told = [json.loads(line) for line in lines if not line.startswith("obdtrack listens on ")]
    assert [line["logger"] for line in told if line["level"] == "error"] == ["_granian"]


def in_flight(body: object, **environ: object) -> tuple[InFlight, list[bool], object]:
    """An application asked for `body` once; whether it was idle meanwhile; its response."""
    seen: list[bool] = []

    def answer(*_: object) -> object:
        seen.append(app.idle_seconds() > 0)
        return body

    # What is asked here is less than WSGI's types: no body is written, no header read.
    app = InFlight(answer)  # type: ignore[arg-type]  # as above
    return app, seen, app({**environ}, lambda *_: None)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(("receiving", "idle"), [(True, True), (False, False)])
def test_a_body_that_is_waited_for_keeps_nobody(receiving: bool, idle: bool) -> None:
    app, seen, _ = in_flight([b"whole"], **{RECEIVING: receiving})
    assert seen == [idle]
    assert app.idle_seconds() > 0


def test_a_part_of_a_response_that_is_made_keeps_the_server_and_one_unread_keeps_nobody() -> None:
    seen: list[bool] = []

    def parts() -> Iterator[bytes]:
        for part in (b"a", b"b"):
            seen.append(app.idle_seconds() > 0)
            yield part

    app, _, response = in_flight(parts())
    for part in response:  # type: ignore[attr-defined]
        assert app.idle_seconds() > 0, part
    assert seen == [False, False]


def test_a_response_is_closed_though_nobody_read_it() -> None:
    body = ClosingIterator([b"unread"], closed := Mock())
    in_flight(body)[2].close()  # type: ignore[attr-defined]
    assert closed.called


def test_an_application_that_raises_keeps_nobody() -> None:
    def broken(*_: object) -> list[bytes]:
        raise RuntimeError

    app = InFlight(broken)
    with pytest.raises(RuntimeError):
        app({}, lambda *_: None)
    assert app.idle_seconds() > 0
