"""Serves, stores a report and stops under the Python that runs this, then shows the demo."""

from __future__ import annotations

import os
import platform
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

COMMAND = [sys.executable, "-m", "obdtrack"]
SECRET = "a-secret-long-enough"
PATIENCE = 40
"""Seconds in which each step has to come to its end."""


def main() -> None:
    """Raise AssertionError at the first step that fails."""
    with TemporaryDirectory() as folder:
        environ = settings(Path(folder))
        serve(Path(folder), environ)
        demo(environ)
    print(f"Python {platform.python_version()}: a report was stored, the demo shown")


def settings(folder: Path) -> dict[str, str]:
    """Return an environment for an installation in a folder, on a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {
        "DATABASE_URL": f"sqlite:///{folder}/smoke.db",
        "PROVIDER_TOKEN": SECRET,
        "WEBHOOK_SECRETS": SECRET,
        "SECRET_KEY": SECRET,
        "HOST": "localhost",
        "PORT": str(port),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OBDTRACK_")}
    return kept | {f"OBDTRACK_{name}": value for name, value in own.items()}


def serve(folder: Path, environ: dict[str, str]) -> None:
    """Start the server, have a report stored, and stop it."""
    base = f"http://127.0.0.1:{environ['OBDTRACK_PORT']}"
    subprocess.run([*COMMAND, "migrate"], env=environ, check=True, capture_output=True)
    server = subprocess.Popen([*COMMAND, "serve"], env=environ, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while status(f"{base}/livez") != 200:
            assert server.poll() is None, "the server ended by itself"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)
        assert status(f"{base}/webhooks/mobtexting", b'{"id": "x:1", "status": "BUSY"}') == 200
        with closing(sqlite3.connect(folder / "smoke.db")) as database:
            assert database.execute("SELECT count(*) FROM deliveries").fetchone() == (1,)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
    finally:
        server.kill()


def status(url: str, body: bytes | None = None) -> int:
    """Return the status of an answer, 0 if there is none; with a body it is posted."""
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {SECRET}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def demo(environ: dict[str, str]) -> None:
    """Run the demo until it waits for Ctrl-C, and press that."""
    shown = subprocess.Popen([*COMMAND, "demo"], env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert shown.stdout is not None
        assert any("Stop with Ctrl-C" in line for line in shown.stdout), "the demo ended by itself"
        shown.send_signal(signal.SIGINT)
        assert shown.wait(PATIENCE) == 0
    finally:
        shown.kill()


if __name__ == "__main__":
    main()
