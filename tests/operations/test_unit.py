"""The systemd unit in deploy/: systemd finds nothing wrong, and the server lives under its bonds.

It is not started by systemd here: that needs a machine whose first process systemd is.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from obdtrack.cli import COMMANDS
from obdtrack.settings import PREFIX, SETTINGS
from tests.end_to_end.conftest import COMMAND, ROOT, Installation, responses, until
from tests.operations.confined import NUMBERS

PATH = ROOT / "deploy" / "obdtrack.service"
UNIT = PATH.read_text()


def test_the_unit_runs_commands_and_sets_settings_that_exist():
    commands = re.findall(r"-m obdtrack (\S+)", UNIT)
    assert commands
    assert set(commands) <= set(COMMANDS)
    names = re.findall(rf"{PREFIX}([A-Z_]+)=", UNIT)
    assert {name.removesuffix("_FILE").lower() for name in names} <= set(SETTINGS)


@pytest.fixture(scope="module")
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    return found or pytest.skip("systemd-analyze is not installed")


def test_systemd_finds_nothing_wrong_with_the_unit(analyze: str, tmp_path: Path):
    shutil.copy(PATH.with_suffix(".socket"), tmp_path)
    unit = tmp_path / "obdtrack.service"
    unit.write_text(UNIT.replace("/opt/obdtrack/.venv/bin/python", sys.executable))
    done = subprocess.run(
        [analyze, "verify", str(unit), str(unit.with_suffix(".socket"))],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_gives_the_service_few_rights(analyze: str):
    command = [analyze, "security", "--offline=true", str(PATH)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Overall exposure level for obdtrack.service: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip("this systemd cannot judge a unit that is not loaded")
    assert float(found[1]) <= 2.0


CONFINED = [sys.executable, "-m", "tests.operations.confined", str(PATH)]


@pytest.fixture(scope="module")
def confined(analyze: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server that may do no more than the unit allows."""
    if platform.machine() != "x86_64" or not NUMBERS.exists():
        pytest.skip("the numbers of the system calls are not known here")
    if subprocess.run([*CONFINED, "true"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("this kernel does not let a process bind itself")
    installed = Installation(tmp_path_factory.mktemp("confined"))
    installed.prepare()
    installed.start_simulator("--ring-seconds", "0.2")
    command = [*CONFINED, *COMMAND, "serve"]
    installed.processes.append(subprocess.Popen(command, env=installed.environ, cwd=ROOT))
    until(lambda: responses(f"{installed.url}/livez"))
    yield installed
    installed.stop()


def test_under_its_bonds_it_does_its_work_and_stops_cleanly(confined: Installation):
    call = confined.place("+918867135001")
    until(lambda: confined.call(call["id"])["status"] == "completed")
    assert requests.get(f"{confined.url}/readyz", timeout=10).status_code == 200
    server = confined.processes[-1]
    server.terminate()
    assert server.wait(timeout=40) == 0


FORBIDDEN = {
    "a system call": "import os; os.setuid(0)",
    "memory to be written and run": "import mmap; mmap.mmap(-1, 4096, prot=7)",
}


@pytest.mark.parametrize("deed", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_bonds_are_real(confined: Installation, deed: str):
    command = [sys.executable, "-c", deed]
    assert subprocess.run(command, capture_output=True).returncode == 0
    done = subprocess.run([*CONFINED, *command], cwd=ROOT, capture_output=True, text=True)
    assert "PermissionError" in done.stderr
