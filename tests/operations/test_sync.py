"""A disk that takes writes and fails to keep them: said with 503, nobody dialled, then over.

The C library's fsync and fdatasync of a real server are made to fail while a file exists.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.end_to_end.conftest import ROOT, Installation, responses, until
from tests.factories import report_body
from tests.torture.databases import ask, scratch

SERVE = """
import sys
from contextlib import nullcontext
from tests.torture import mutants
with getattr(mutants, sys.argv[1], nullcontext)():
    from obdtrack.cli import main
    sys.argv = ["obdtrack", "serve"]
    main()
"""

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int broken(void) {
    const char *sign = getenv("SYNC_FAILS_WHILE");
    return sign && access(sign, F_OK) == 0;
}

#define FAILING(name)                                             \
    int name(int file) {                                          \
        if (broken()) { errno = EIO; return -1; }                 \
        return ((int (*)(int))dlsym(RTLD_NEXT, #name))(file);     \
    }

FAILING(fsync)
FAILING(fdatasync)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to make the failing fsync with")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "sync.c", folder / "sync.so"
    source.write_text(SHIM)
    command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


class Disk(Installation):
    """An installation whose server's syncs fail while it is told so."""

    def __init__(self, folder: Path, shim: Path, mutant: str = "sound") -> None:
        super().__init__(folder)
        self.sign = folder / "fail"
        self.prepare()
        self.start_simulator("--ring-seconds", "0.2")
        environ = {
            **self.environ,
            "LD_PRELOAD": str(shim),
            "SYNC_FAILS_WHILE": str(self.sign),
            "OBDTRACK_LOG_LEVEL": "error",
        }
        command = [sys.executable, "-c", SERVE, mutant]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(command, env=environ, cwd=ROOT, **silent))
        until(lambda: responses(f"{self.url}/livez"))

    @contextmanager
    def failing(self) -> Iterator[None]:
        self.sign.touch()
        try:
            yield
        finally:
            self.sign.unlink()

    def report(self, mid: str) -> requests.Response:
        url = f"{self.url}/webhooks/mobtexting"
        headers = {"Authorization": "Bearer a-secret-long-enough"}
        return requests.post(url, json=report_body(mid=mid), headers=headers, timeout=30)

    def order(self, number: str) -> requests.Response:
        body = {"to": number, "flow_id": "23"}
        return self.session.post(f"{self.url}/api/v1/calls", json=body, timeout=30)

    def dialled(self, number: str) -> int:
        calls = requests.get(f"{self.provider_url}/simulator/calls", timeout=10).json()["data"]
        return [f"+{str(call['to']).lstrip('+')}" for call in calls].count(number)

    def stored(self, mid: str) -> int:
        sql = "SELECT count(*) FROM deliveries WHERE instr(CAST(body AS TEXT), ?)"
        return int(ask(self.folder / "obdtrack.db", sql, mid)[0][0])


@contextmanager
def a_disk(shim: Path, mutant: str = "sound") -> Iterator[Disk]:
    with scratch() as folder:
        disk = Disk(folder, shim, mutant)
        try:
            yield disk
        finally:
            disk.stop()


@pytest.fixture(scope="module")
def disk(shim: Path) -> Iterator[Disk]:
    with a_disk(shim) as made:
        yield made


LATER = (503, True)


def test_a_report_that_is_not_on_disk_is_not_acknowledged(disk: Disk):
    with disk.failing():
        response = disk.report("not-synced")
    assert (response.status_code, "Retry-After" in response.headers) == LATER
    assert disk.stored("not-synced") == 0


def test_a_call_whose_intention_is_not_on_disk_is_not_dialled(disk: Disk):
    with disk.failing():
        response = disk.order("+918867100129")
    assert (response.status_code, "Retry-After" in response.headers) == LATER
    assert disk.dialled("+918867100129") == 0


def test_meanwhile_it_says_that_it_is_not_ready(disk: Disk):
    def not_ready() -> dict[str, str] | None:
        response = requests.get(f"{disk.url}/readyz", timeout=10)
        return response.json()["checks"] if response.status_code == 503 else None

    with disk.failing():
        assert until(not_ready)["database"] == "unavailable"


def test_afterwards_all_is_taken_again_without_a_restart(disk: Disk):
    with disk.failing():
        disk.report("before")
    assert disk.report("after").status_code == 200
    assert disk.order("+918867100229").status_code == 201
    assert disk.dialled("+918867100229") == 1
    assert (disk.stored("before"), disk.stored("after")) == (0, 1)
    assert ask(disk.folder / "obdtrack.db", "PRAGMA integrity_check") == [("ok",)]


def test_acknowledging_before_the_sync_would_be_noticed(shim: Path):
    with a_disk(shim, "acknowledge_before_commit") as disk:
        with disk.failing():
            assert disk.report("not-synced").status_code == 200
        assert disk.stored("not-synced") == 0
