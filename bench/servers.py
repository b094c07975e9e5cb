"""Starts a server for one measurement, watches its processor time and memory, and stops it."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import psutil

from bench.product import ROOT

START_SECONDS = 30
STOP_SECONDS = 20
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied)


class Server:
    """A running server: its whole process tree. Use `running` to have one."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def tree(self) -> list[psutil.Process]:
        """List the processes, the first one first."""
        with suppress(*_GONE):
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        return []

    def cpu_seconds(self) -> float:
        """Return the processor time used so far, in user and in kernel mode."""
        used = 0.0
        for process in self.tree():
            with suppress(*_GONE):
                times = process.cpu_times()
                used += times.user + times.system
        return used

    def resident(self) -> int:
        """Return the resident bytes of all processes; what they share is counted in each."""
        total = 0
        for process in self.tree():
            with suppress(*_GONE):
                total += process.memory_info().rss
        return total

    def wait_until_ready(self, path: str) -> float:
        """Wait for any answer at `path`; returns the seconds it took from now."""
        begun = time.monotonic()
        while not _responses(self.port, path):
            if self.process.poll() is not None or time.monotonic() - begun > START_SECONDS:
                words = self.log.read_text(errors="replace")[-2000:]
                raise click.ClickException(f"{self.process.args!r} did not start:\n{words}")
            time.sleep(0.01)
        return time.monotonic() - begun

    def stop(self) -> None:
        """End the process and everything it started."""
        tree = self.tree()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for process in psutil.wait_procs(tree, timeout=2)[1]:
            with suppress(*_GONE):
                process.kill()


class Watch:
    """Samples servers' memory until it is told to stop; `peak` is the most seen, in bytes."""

    def __init__(self, *servers: Server, every: float = 0.25) -> None:
        self.peak = 0
        self._servers, self._every = servers, every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self.peak = max(self.peak, sum(server.resident() for server in self._servers))
            if self._end.wait(self._every):
                return


@contextmanager
def running(
    command: list[str], environ: Mapping[str, str], port: int, folder: Path, ready: str = "/livez"
) -> Iterator[Server]:
    """Have a server for the block, ready to answer; what it says goes to a file in `folder`."""
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=output, stderr=output)
    server = Server(process, port, log)
    try:
        server.wait_until_ready(ready)
        yield server
    finally:
        server.stop()


def _responses(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
