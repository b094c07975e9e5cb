"""What is installed is what was locked: every package by version and hash, none unasked for."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_build import Requirements
from obdtrack.campaigns.recipient_files import FileOptions, read_file
from obdtrack.errors import ObdtrackError
from obdtrack.web.pages.tables import MIMETYPES, TableFile, table_response

ROOT = Path(__file__).resolve().parents[2]
AUDIT = ROOT / ".ci" / "audit.py"


class Locked(NamedTuple):
    """A package of the lock: its version, how many hashes, and where it does not apply."""

    version: Version
    hashes: int
    requirement: Requirement


def wanted() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def locked() -> dict[str, list[Locked]]:
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    found: dict[str, list[Locked]] = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(re.split(r"\s+--hash", line)[0])
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            entry = Locked(Version(pin.version), line.count("--hash=sha256:"), requirement)
            found.setdefault(canonicalize_name(requirement.name), []).append(entry)
    return found


LOCKED = locked()


@pytest.mark.parametrize("requirement", wanted(), ids=lambda wanted: wanted.name)
def test_the_lock_has_what_is_required_in_a_version_that_is_allowed(requirement: Requirement):
    """If this fails: `make lock`, and commit what it changes."""
    entries = LOCKED[canonicalize_name(requirement.name)]
    assert entries
    for entry in entries:
        assert requirement.specifier.contains(entry.version, prereleases=True)


def test_every_package_of_the_lock_has_its_hashes():
    assert len(LOCKED) > 30
    assert [name for name, entries in LOCKED.items() for entry in entries if not entry.hashes] == []


def needed_by(requirement: Requirement) -> list[Requirement]:
    """What a package installed here needs itself, on this machine, with the extras asked for."""
    extras = requirement.extras or {""}
    try:
        found = [Requirement(text) for text in requires(requirement.name) or ()]
    except PackageNotFoundError:
        return []
    return [
        other
        for other in found
        if other.marker is None
        or any(other.marker.evaluate({**default_environment(), "extra": extra}) for extra in extras)
    ]


def as_locked(name: str) -> bool:
    """Whether this package is installed here in its locked version."""
    try:
        installed = Version(version(name))
    except PackageNotFoundError:
        return False
    return installed in {entry.version for entry in LOCKED.get(name, ())}


def test_the_lock_has_everything_that_is_needed_and_nothing_that_nobody_asked_for():
    """What serves here was found by following each package's own word."""
    seen: dict[str, Requirement] = {}
    todo = wanted()
    while todo:
        requirement = todo.pop()
        if seen.setdefault(canonicalize_name(requirement.name), requirement) is requirement:
            todo += needed_by(requirement)
    if not all(as_locked(name) for name in seen):
        pytest.skip("other versions are installed here, which may need other packages")
    environment = default_environment()
    here = {
        name
        for name, entries in LOCKED.items()
        for entry in entries
        if entry.requirement.marker is None or entry.requirement.marker.evaluate(environment)
    }
    assert set(seen) == here


def test_the_postgresql_driver_is_asked_for_in_one_range():
    files = ("hatch_build.py", "requirements-dev.txt", "README.md")
    texts = [(ROOT / name).read_text() for name in files]
    asked = [re.findall(r"psycopg\[binary\][<>=.,\d]+", text) for text in texts]
    assert asked == [["psycopg[binary]>=3.2,<4"]] * 3


def test_the_package_needs_what_is_listed_and_its_extras_the_rest():
    metadata: dict = {}
    Requirements(str(ROOT), {}).update(metadata)
    extras = metadata["optional-dependencies"]
    assert {name: re.match(r"\w+", *needed)[0] for name, needed in extras.items()} == {
        "postgres": "psycopg", "xlsx": "openpyxl",
    }  # fmt: skip
    needed = [*metadata["dependencies"], *extras["xlsx"]]
    assert [Requirement(text) for text in needed] == wanted()


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "use",
    [
        lambda: read_file(io.BytesIO(), MIMETYPES["xlsx"], FileOptions()),
        lambda: table_response(TableFile("calls", [], ZoneInfo("UTC")), [], "xlsx"),
    ],
    ids=["read", "written"],
)
def test_an_excel_file_without_its_extra_says_what_to_install(
    use: Callable[[], object], app: Flask, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with app.test_request_context(), pytest.raises(ObdtrackError) as refused:
        use()
    assert "openpyxl is not installed here: pip install 'obdtrack[xlsx]'" in str(refused.value)


# The audit: what pip-audit found, judged.


def judged(folder: Path, *packages: dict) -> subprocess.CompletedProcess[str]:
    (folder / "found.json").write_text(json.dumps({"dependencies": packages}))
    command = [sys.executable, str(AUDIT), str(folder / "found.json")]
    return subprocess.run(command, capture_output=True, text=True)


SOUND = {"name": "flask", "version": "3.1.0", "vulns": []}
SKIPPED = {"name": "click", "skip_reason": "not found on PyPI"}


def flawed(*fixed: str) -> dict:
    vulns = [{"id": "CVE-2026-1", "fix_versions": list(fixed)}]
    return {"name": "jinja2", "version": "3.0", "vulns": vulns}


def test_sound_packages_pass_the_audit(tmp_path: Path):
    done = judged(tmp_path, SOUND)
    assert (done.returncode, "NOT DONE" in done.stdout) == (0, False)
    assert "1 packages looked up, 0 vulnerabilities" in done.stdout


def test_a_vulnerability_that_is_mended_elsewhere_fails_it(tmp_path: Path):
    done = judged(tmp_path, SOUND, flawed("3.1.6"))
    assert done.returncode == 1
    assert "jinja2 3.0: CVE-2026-1, fixed in 3.1.6" in done.stdout


def test_one_that_nobody_mended_yet_is_told_and_stops_nobody(tmp_path: Path):
    done = judged(tmp_path, flawed())
    assert (done.returncode, "no version yet" in done.stdout) == (0, True)


@pytest.mark.parametrize("packages", [[SKIPPED], []], ids=["none known", "no answer"])
def test_without_network_it_says_that_nothing_was_proved(tmp_path: Path, packages: list[dict]):
    done = judged(tmp_path, *packages)
    assert (done.returncode, "NOT DONE" in done.stdout) == (0, True)


def test_what_could_not_be_looked_up_is_counted(tmp_path: Path):
    assert "1 packages could not be looked up" in judged(tmp_path, SOUND, SKIPPED).stdout


def test_payloads_are_never_converted():
    command = ["git", "check-attr", "text", "--", "tests/payloads/mobtexting/any.http"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if told.returncode:
        pytest.skip("not a checkout of git")
    assert told.stdout.strip().endswith("text: unset")
