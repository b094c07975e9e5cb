"""Simulator and server, each started by its command, talking over real sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from obdtrack.access.keys import create_key
from obdtrack.application import make_services
from obdtrack.cli.ports import free_port
from tests.conftest import emptied
from tests.factories import report_body, settings
from tests.torture import databases, forks

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-long-enough"
COMMAND = [sys.executable, "-m", "obdtrack"]


class Installation:
    """An obdtrack with its provider, as somebody would run it on one machine."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.database_url = database_url or f"sqlite:///{folder}/obdtrack.db"
        self.port, self.provider_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.provider_url = f"http://127.0.0.1:{self.provider_port}"
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OBDTRACK_")},
            "OBDTRACK_DATABASE_URL": self.database_url,
            "OBDTRACK_PROVIDER_URL": f"{self.provider_url}/api/v2/",
            "OBDTRACK_PROVIDER_TOKEN": "the-provider-token",
            "OBDTRACK_PROVIDER_TIMEOUT": "3",
            "OBDTRACK_WEBHOOK_SECRETS": SECRET,
            "OBDTRACK_SECRET_KEY": "a-secret-key-long-enough",
            "OBDTRACK_BRIDGE": "+918068280000",
            "OBDTRACK_PORT": str(self.port),
        }
        self.processes: list[subprocess.Popen[Any] | forks.Fork] = []
        self.session = requests.Session()

    def outcome(
        self, *arguments: str, given: str = "", patience: float = forks.PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever it is; `given` is what it reads."""
        return forks.run(arguments, self.environ, given, patience)

    def run(self, *arguments: str) -> str:
        """Run a command that succeeds and give what it printed."""
        done = self.outcome(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, *arguments: str, ready: str) -> None:
        """Start a command that stays, and wait until `ready` answers."""
        says = f"{self.folder}/said.txt"  # for who wonders why a test failed
        self.processes.append(forks.start(arguments, self.environ, says=says))
        self.wait_for(ready)

    def wait_for(self, ready: str) -> None:
        """Wait until `ready` answers; if it never does, nothing that was started goes on."""
        try:
            until(lambda: responses(ready))
        except AssertionError:
            self.stop()
            raise

    def simulator_command(self, *options: str) -> list[str]:
        return [
            *("simulator", "--port", str(self.provider_port), "--token", "the-provider-token"),
            *("--callback", f"{self.url}/webhooks/mobtexting", *options),
        ]

    def start_simulator(self, *options: str) -> None:
        ready = f"{self.provider_url}/simulator/calls"
        self.start(*self.simulator_command(*options), ready=ready)

    def start_server(self) -> None:
        self.start("serve", ready=f"{self.url}/livez")

    def launch(self, *arguments: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a command as an operator does, with an interpreter of its own."""
        process = subprocess.Popen([*COMMAND, *arguments], env=self.environ, cwd=ROOT, **options)
        self.processes.append(process)
        return process

    def launch_server(self) -> subprocess.Popen[Any]:
        server = self.launch("serve")
        self.wait_for(f"{self.url}/livez")
        return server

    def prepare(self) -> None:
        """Make the database and a key, in less time than the commands for it need to start."""
        if self.database_url.startswith("sqlite:"):
            databases.new_database(self.folder)
        else:
            emptied(self.database_url).close_all()
        self.sign_in()

    def sign_in(self) -> None:
        """Make a key and use it; there may be one already."""
        services = make_services(settings(database_url=self.database_url))
        key = create_key(f"tests {uuid4()}", ["read", "place", "admin"], services)
        services.store.close_all()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def place(self, number: str, **body: Any) -> Any:
        body = {"to": number, "flow_id": "23", **body}
        response = self.session.post(f"{self.url}/api/v1/calls", json=body, timeout=30)
        assert response.status_code == 201, response.text
        return response.json()

    def ask_to_place(self, number: str, key: str | None = None) -> requests.Response:
        """Ask for a call, whatever the answer."""
        headers = {"Authorization": str(self.session.headers["Authorization"])}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = {"to": number, "flow_id": "23"}
        return requests.post(f"{self.url}/api/v1/calls", json=body, headers=headers, timeout=30)

    def report(self, mid: str, **changes: Any) -> requests.Response:
        """Post a report as the provider does."""
        body = json.dumps(report_body(mid=mid, **changes))
        headers = {"Authorization": f"Bearer {SECRET}"}
        url = f"{self.url}/webhooks/mobtexting"
        return requests.post(url, data=body, headers=headers, timeout=30)

    def call(self, call_id: str) -> Any:
        return self.session.get(f"{self.url}/api/v1/calls/{call_id}", timeout=10).json()

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=40)


def until(holds: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for something to hold, and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)
    return result


def responses(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code < 500
    except requests.RequestException:
        return False


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def each_installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """The same on both databases; nothing of it is started yet."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    return Installation(tmp_path_factory.mktemp("installation"), url)


@pytest.fixture(scope="module")
def installation(each_installation: Installation) -> Iterator[Installation]:
    installed = each_installation
    installed.prepare()
    installed.start_simulator("--ring-seconds", "0.3", "--slow-seconds", "4")
    installed.start_server()
    yield installed
    installed.stop()
