"""docs/operations.md names what the code has: events, figures, commands, and steps that work."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from obdtrack.cli import COMMANDS
from obdtrack.operations.backup import back_up
from obdtrack.settings import PREFIX, SETTINGS
from obdtrack.store import models
from obdtrack.store.database import Store, open_database
from tests.conftest import Caller
from tests.operations.conftest import Account

ROOT = Path(__file__).resolve().parents[2]
MANUAL = (ROOT / "docs" / "operations.md").read_text()
LEVEL_OF = {"exception": "error"}


def part(name: str) -> str:
    return MANUAL.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0]


def rows(name: str) -> list[list[str]]:
    lines = [line for line in part(name).splitlines() if line.startswith("| `")]
    return [line.strip("| ").split(" | ") for line in lines]


def logged() -> Iterator[tuple[str, str]]:
    """Every (event, level) that our code writes."""
    for path in (ROOT / "obdtrack").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
                and isinstance(node.args[0], ast.Constant)
            ):
                yield node.args[0].value, LEVEL_OF.get(node.func.attr, node.func.attr)


def test_every_event_of_the_log_is_told_with_its_level_and_no_other():
    told = {
        (event, row[1]) for row in rows("events") for event in re.findall(r"`([a-z_]+)`", row[0])
    }
    assert told == set(logged())


@pytest.fixture
def figures(account: Account, reader: Caller) -> set[str]:
    """The names of all metrics of ours, once there is something for each to tell."""
    account.reported_calls(1)
    account.place()
    account.clock.forward(minutes=20)
    text = reader.client.get("/metrics", headers=reader.headers).text
    return set(re.findall(r"^# TYPE (obdtrack_\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
def test_every_figure_is_told_and_no_other(figures: set[str]):
    assert set(re.findall(r"^\| `(\w+)", part("metrics"), re.MULTILINE)) == figures


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
def test_every_alarm_looks_at_a_figure_there_is(figures: set[str]):
    named = {name.removesuffix("_bucket") for name in re.findall(r"obdtrack_\w+", part("alarms"))}
    assert len(named) > 8
    assert named <= figures


def test_only_settings_and_commands_are_named_that_there_are():
    named = {name.removesuffix("_FILE") for name in re.findall(rf"{PREFIX}([A-Z_]+)", MANUAL)}
    assert named <= {name.upper() for name in SETTINGS}
    assert set(re.findall(r"python -m obdtrack (\S+)", MANUAL)) <= set(COMMANDS)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)", MANUAL)) <= set(targets)


def test_a_copy_is_restored_as_the_steps_say(sqlite_store: Store, tmp_path: Path):
    """Also over a database whose log still holds what came after the copy."""
    models.Counter.insert(name="before", value=1).execute()
    copy = back_up(sqlite_store, tmp_path / "copy.db").path
    models.Counter.insert(name="after", value=1).execute()
    assert Path(f"{sqlite_store.database}-wal").stat().st_size > 0
    database, old = Path(sqlite_store.database), tmp_path / "old"
    old.mkdir()
    for path in tmp_path.glob("obdtrack.db*"):
        path.rename(old / path.name)
    database.write_bytes(copy.read_bytes())
    restored = open_database(f"sqlite:///{database}")
    with restored.connection_context():
        assert [counter.name for counter in models.Counter.select()] == ["before"]
    restored.close_all()
    with closing(sqlite3.connect(database)) as checked:
        assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
