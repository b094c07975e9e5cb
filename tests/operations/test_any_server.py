"""The application on a server that is not ours: the same log, and an identity for each process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from obdtrack.application import create_app
from obdtrack.services import Services
from tests.end_to_end.conftest import ROOT, SECRET, Installation, responses, until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the application writes on Flask's own server, where a report ended too soon."""
    installed = Installation(tmp_path)
    installed.prepare()
    command = [sys.executable, "-m", "flask", "--app", "app:app", "run", "-p", str(installed.port)]
    said = tmp_path / "said"
    with said.open("wb") as output:
        server = subprocess.Popen(
            command, env=installed.environ, cwd=ROOT, stdout=output, stderr=output
        )
    installed.processes.append(server)
    until(lambda: responses(f"{installed.url}/livez"))
    head = f"POST /webhooks/mobtexting HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n"
    with socket.create_connection(("127.0.0.1", installed.port)) as client:
        client.sendall(f"{head}Content-Length: 100\r\n\r\nhalf of it".encode())
        client.shutdown(socket.SHUT_WR)
        assert b" 503 " in client.recv(200)
    installed.stop()
    return said


def test_on_any_server_the_log_is_json_without_secrets(log: Path) -> None:
    text = log.read_text()
    assert SECRET not in text
    assert "half of it" not in text
    events = [json.loads(line)["event"] for line in text.splitlines() if line.startswith("{")]
    assert "delivery_not_stored" in events


def test_no_connection_is_left_for_a_fork_to_share(services: Services) -> None:
    create_app(services).quarantine.close()
    assert not services.store._connections


def test_a_process_that_was_forked_off_is_another(services: Services) -> None:
    parent = services.process_id
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, services.process_id.bytes)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 16) != parent.bytes == services.process_id.bytes
    os.close(read), os.close(write)
