"""Upgrades beside a load: the port stays open while one server ends and the next one begins."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.end_to_end.conftest import COMMAND, ROOT, SECRET, Installation, until
from tests.factories import report_body
from tests.torture.clients import CALLBACK

AS_SYSTEMD = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[2], sys.argv[2:])
"""

_UNDONE = (  # what the newest migration of calls did
    "DROP INDEX calls_attention",
    "DROP INDEX calls_conflict",
    "DROP INDEX deliveries_attention",
    "ALTER TABLE calls DROP COLUMN needs_attention",
    "ALTER TABLE deliveries DROP COLUMN reviewed_at",
    "CREATE INDEX calls_attention ON calls (id) WHERE status = 'unresolved'",
    "DELETE FROM schema_migration WHERE name = '0011_attention'",
)


@dataclass
class Answers:
    """What the clients of a load got: the seconds of each 200, and everything else."""

    seconds: list[float] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


class Upgraded:
    """An installation whose port is held open here, as systemd does it from a socket unit."""

    def __init__(self, folder: Path) -> None:
        self.installed = Installation(folder)
        self.installed.prepare()
        self.listener = socket.create_server(("127.0.0.1", self.installed.port), backlog=4096)
        self.answers, self._over = Answers(), threading.Event()
        self.server = self.begin()

    def begin(self) -> subprocess.Popen[bytes]:
        """Start a server that is given the socket."""
        number = self.listener.fileno()
        command = [sys.executable, "-c", AS_SYSTEMD, str(number), *COMMAND, "serve", "--migrate"]
        server = subprocess.Popen(command, env=self.installed.environ, cwd=ROOT, pass_fds=[number])
        self.installed.processes.append(server)
        return server

    def end(self) -> None:
        """Stop the server that runs, as systemd does."""
        self.server.send_signal(signal.SIGTERM)
        assert self.server.wait(timeout=40) == 0

    def restart(self, older: bool = False) -> None:
        """Do what the unit does at a restart.

        `older` has the database one migration back by then, as a former version left it.
        """
        before = len(self.answers.seconds)
        self.end()
        if older:
            with closing(sqlite3.connect(self.installed.folder / "obdtrack.db")) as database:
                for statement in _UNDONE:
                    database.execute(statement)
                database.commit()
        self.server = self.begin()
        until(lambda: len(self.answers.seconds) > before + 50)

    def migrations(self) -> list[tuple[str]]:
        """Return what has been applied."""
        with closing(sqlite3.connect(self.installed.folder / "obdtrack.db")) as database:
            return database.execute("SELECT name FROM schema_migration").fetchall()

    def load(self, clients: int) -> list[threading.Thread]:
        """Start clients, half of which open a connection for each request."""
        threads = [
            threading.Thread(target=self._client, args=(number,)) for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        return threads

    def finish(self, threads: list[threading.Thread]) -> Answers:
        """End the load and return what it got."""
        self._over.set()
        for thread in threads:
            thread.join(timeout=60)
        return self.answers

    def stop(self) -> None:
        self._over.set()
        self.installed.stop()
        self.listener.close()

    def _client(self, number: int) -> None:
        session = requests.Session()
        if number % 2:
            session.headers["Connection"] = "close"
        count = 0
        while not self._over.is_set():
            count += 1
            began = time.monotonic()
            try:
                response = self._ask(session, f"upgrade-{number}-{count}", count)
            except requests.RequestException as error:
                self.answers.other.append(repr(error))
                continue
            if response.status_code == 200:
                self.answers.seconds.append(time.monotonic() - began)
            else:
                self.answers.other.append(response.text)
            self._over.wait(0.02)

    def _ask(self, session: requests.Session, mid: str, count: int) -> requests.Response:
        """Post a report, or look for the calls to a number."""
        if count % 4:
            secret = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
            body = json.dumps(report_body(mid=mid))
            url = f"{self.installed.url}{CALLBACK}"
            return session.post(url, data=body, headers=secret, timeout=30)
        key = {"Authorization": str(self.installed.session.headers["Authorization"])}
        url = f"{self.installed.url}/api/v1/calls?to=918867130000"
        return session.get(url, headers=key, timeout=30)


def upgrade_again_and_again(folder: Path, restarts: int, clients: int = 16) -> Answers:
    """Restart beside a load so many times, and once with a migration."""
    upgraded = Upgraded(folder)
    try:
        threads = upgraded.load(clients)
        until(lambda: len(upgraded.answers.seconds) > clients)
        for _ in range(restarts):
            upgraded.restart()
        upgraded.restart(older=True)
        assert ("0011_attention",) in upgraded.migrations()
        return upgraded.finish(threads)
    finally:
        upgraded.stop()
