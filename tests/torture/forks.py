"""Starts obdtrack's commands as forks of a process that has loaded what they need already.

A server that is killed again and again so spends its time serving, not importing. It may be broken
on purpose: then only the libraries are loaded, and its mutants are at work before the command is
imported, so that every module sees them.
The product has no switch for any of this.
"""

from __future__ import annotations

import json
import os
import pkgutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import obdtrack
from tests.torture import mutants

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds in which a command has to come to its end."""

_ONE_AT_A_TIME = threading.Lock()

_LIBRARIES = (
    *("cryptography.fernet", "environs", "flask_bootstrap", "flask_smorest", "flask_wtf"),
    *("granian", "limits", "orjson", "phonenumbers", "playhouse.pool", "prometheus_client"),
    *("psycopg", "pyjson5", "requests", "structlog", "uuid_utils"),
)


class Fork:
    """A command that runs in a process group of its own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def kill(self) -> None:
        """End it and all it has started at once; none of them can finish anything."""
        killed = [self.pid, *children(self.pid)]
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        while any(map(_runs, killed)):
            time.sleep(0.002)

    def terminate(self) -> None:
        """Ask it to end; what it has started is its own affair."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float) -> None:
        """Wait until it has ended."""
        deadline = time.monotonic() + timeout
        while _runs(self.pid):
            assert time.monotonic() < deadline, "it did not end in time"
            time.sleep(0.002)


def children(pid: int) -> list[int]:
    """Return the process ids of what a process has forked."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for listed in found for child in listed.read_text().split()]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return False
    return state not in "ZX" or threads > 1  # the last of them lets go of its sockets


def start(
    command: Sequence[str],
    environ: Mapping[str, str],
    mutant: str = "sound",
    says: str = os.devnull,
) -> Fork:
    """Start a command; `mutant` names one or some, separated by commas.

    What it says is added to the file `says`.
    """
    return _fork(command, environ, mutant.split(","), [os.devnull, says, says, os.devnull])


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    given: str = "",
    patience: float = PATIENCE,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, for so many seconds at most; `given` is what it reads."""
    with TemporaryDirectory(prefix="obdtrack-") as folder:
        ends = [Path(folder, name) for name in ("in", "out", "err", "status")]
        for end in ends:
            end.write_text(given if end.name == "in" else "")
        fork = _fork(command, environ, ["sound"], list(map(str, ends)))
        try:
            fork.wait(timeout=patience)
        except AssertionError:
            fork.kill()
            raise
        _, out, err, status = (end.read_text() for end in ends)
    return subprocess.CompletedProcess(command, int(status), out, err)


def _fork(
    command: Sequence[str], environ: Mapping[str, str], names: list[str], ends: list[str]
) -> Fork:
    with _ONE_AT_A_TIME:
        parent = _parent("all" if names == ["sound"] else "libraries")
    assert parent.stdin
    assert parent.stdout
    job = {"command": command, "environ": dict(environ), "names": names, "ends": ends}
    with _ONE_AT_A_TIME:
        parent.stdin.write(json.dumps(job) + "\n")
        parent.stdin.flush()
        return Fork(int(parent.stdout.readline()))


@cache
def _parent(loads: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.torture.forks", loads]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


def main() -> None:
    """Fork for every line that comes in, and tell the pid of the fork, until there are no more."""
    for name in _LIBRARIES:
        import_module(name)
    if sys.argv[1] == "all":
        for module in pkgutil.walk_packages(obdtrack.__path__, "obdtrack."):
            if module.name != "obdtrack.__main__":
                import_module(module.name)
    for line in sys.stdin:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody needs to wait for them
        if (pid := os.fork()) == 0:
            _become(**json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(
    command: Sequence[str], environ: Mapping[str, str], names: Sequence[str], ends: Sequence[str]
) -> NoReturn:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environ)
    for descriptor, end in enumerate(ends[:3]):
        os.dup2(os.open(end, os.O_RDWR | os.O_APPEND | os.O_CREAT), descriptor)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["obdtrack", *command]
    status = _status_of(names)
    sys.stdout.flush()
    sys.stderr.flush()
    Path(ends[3]).write_text(f"{status}")
    os._exit(0)


def _status_of(names: Sequence[str]) -> int:
    try:
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(getattr(mutants, name)())
            import_module("obdtrack.cli").main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
