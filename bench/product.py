"""The product as its users see it, so that any commit can be driven: commands, settings, HTTP."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import click
import psutil
import requests

HERE = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "obdtrack")
SERVE = (*COMMAND, "serve")
MAKE_KEY = ("keys", "create", "benchmark", "--scope", "place,read")
SECRET, PATIENCE_SECONDS, THREADS = "a-secret-of-the-benchmark", 30, 256


def wsgi(name: str, threads: int = THREADS) -> tuple[str, ...]:
    """Return the command that serves one of the baselines as the product is served."""
    options = f"--interface wsgi --no-ws --log-level error --blocking-threads {threads} --port PORT"
    return (sys.executable, "-m", "granian", *options.split(), f"bench.baselines.{name}")


# Providers that accept every call, at once and after two seconds.
PROMPT, SLOW = wsgi("bare:prompt"), wsgi("bare:slow")


def environ(database_url: str, port: int = 8000, provider: int = 9) -> dict[str, str]:
    """Return the environment of one installation; no other OBDTRACK_ setting is in it."""
    return {key: value for key, value in os.environ.items() if not key.startswith("OBDTRACK_")} | {
        "OBDTRACK_DATABASE_URL": database_url,
        "OBDTRACK_PORT": str(port),
        "OBDTRACK_PROVIDER_URL": f"http://127.0.0.1:{provider}/api/v2/",
        "OBDTRACK_PROVIDER_TOKEN": "the-provider-token",
        "OBDTRACK_WEBHOOK_SECRETS": SECRET,
        "OBDTRACK_SECRET_KEY": "a-secret-key-of-the-benchmark",
        "OBDTRACK_BRIDGE": "+918068280000",
        "OBDTRACK_POLL_SCHEDULE": "7d",  # polling about the many calls filled in is not measured
    }


def run(database_url: str, *arguments: str, checkout: Path = HERE) -> str:
    """Return what a command of the product prints; raises CalledProcessError if it fails."""
    command, env = (*COMMAND, *arguments), environ(database_url)
    return subprocess.check_output(command, cwd=checkout, env=env, text=True).strip()


def differences(database_url: str, checkout: Path = HERE) -> str:
    """Return what `rebuild --check` finds stored otherwise than it was received; "" if nothing."""
    command, env = (*COMMAND, "rebuild", "--check"), environ(database_url)
    done = subprocess.run(command, cwd=checkout, env=env, text=True, capture_output=True)
    return f"{done.stdout[-500:]}{done.stderr[-500:]}" if done.returncode else ""


def post(port: int, path: str, secret: str, body: str) -> None:
    """Send JSON to a server; raises HTTPError unless it is accepted."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{port}{path}"
    requests.post(url, data=body, headers=headers, timeout=PATIENCE_SECONDS).raise_for_status()


def get(port: int, path: str, secret: str) -> requests.Response:
    """Return what a server responds; raises HTTPError unless it is what was asked for."""
    headers = {"Authorization": f"Bearer {secret}"}
    url = f"http://127.0.0.1:{port}{path}"
    response = requests.get(url, headers=headers, timeout=PATIENCE_SECONDS)
    response.raise_for_status()
    return response


class Server(NamedTuple):
    """A running server: its first process, and its port on 127.0.0.1."""

    process: psutil.Popen
    port: int

    def tree(self) -> list[psutil.Process]:
        """Return all its processes."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu(self) -> float:
        """Return the processor's seconds so far, in user and in kernel mode."""
        return sum(sum(process.cpu_times()[:2]) for process in self.tree())


@contextmanager
def serving(
    database_url: str, checkout: Path = HERE, command: Sequence[str] = SERVE, provider: int = 9
) -> Iterator[Server]:
    """Have a server for the block, ready to answer; `PORT` in its command is where."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [str(port) if argument == "PORT" else argument for argument in command]
    end, env = time.monotonic() + PATIENCE_SECONDS, environ(database_url, port, provider)
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen(arguments, env=env, cwd=checkout, stdout=log, stderr=log)
        server, ready = Server(process, port), False
        try:
            while not ready:
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise click.ClickException(f"{arguments} did not start: {log.read()[-2000:]!r}")
                time.sleep(0.01)
                with suppress(requests.RequestException):
                    ready = (
                        requests.get(f"http://127.0.0.1:{port}/livez", timeout=2).status_code < 500
                    )
            yield server
        finally:
            with suppress(psutil.NoSuchProcess):
                tree = server.tree()
                process.terminate()
                for left in psutil.wait_procs(tree, PATIENCE_SECONDS)[1]:
                    left.kill()
