"""What each command says of itself, in the list and in full, and what it says of a slip."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from obdtrack.cli import COMMANDS, _group
from obdtrack.cli.output import PROGRAM

FILES = ("list.csv", "list.xlsx", "list.txt", "plan.json")
"""What the examples read."""


def below(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for verb, one in getattr(command, "commands", {}).items():
        yield from below(one, f"{name} {verb}")


def loaded(name: str) -> click.Command:
    _, found, _ = _group.resolve_command(click.Context(_group), [name])
    assert found is not None
    return found


EVERY = dict(pair for name in COMMANDS for pair in below(loaded(name), name))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(_group, arguments, prog_name=PROGRAM)


def examples(name: str) -> list[str]:
    done = run(*name.split(), "-h")
    assert done.exit_code == 0, done.exception
    *_, last = done.output.partition("Examples:")
    return [line.strip() for line in last.splitlines() if line.strip()]


@pytest.mark.parametrize("name", EVERY)
def test_each_has_a_line_in_its_list_and_two_examples_that_can_be_typed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = EVERY[name]
    monkeypatch.setattr(command, "_help_option", None)  # as other tests made it, without -h
    short = command.get_short_help_str(62)
    assert short.endswith(".")
    assert "..." not in short
    assert len(examples(name)) >= 2
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        (tmp_path / file).touch()
    for line in examples(name):
        words = shlex.split(line.removeprefix(f"{PROGRAM} "))
        words = list(takewhile(lambda word: word not in "<>>|", words))
        used, path = command, name.split()
        assert words[: len(path)] == path or name == "demo"
        rest = words[len(path) :]
        while isinstance(used, click.Group):
            used, *rest = used.commands[rest[0]], *rest[1:]
        if "--help" not in rest:
            used.make_context(name, rest, parent=click.Context(_group, **_group.context_settings))


def test_the_list_says_of_each_what_it_says_itself() -> None:
    for name, words in COMMANDS.items():
        assert loaded(name).get_short_help_str(100) == words
    assert "..." not in run("-h").output.partition("Commands:")[2]


@pytest.mark.parametrize("name", EVERY)
def test_what_prints_data_prints_json_as_well(name: str) -> None:
    no_data = ("serve", "worker", "demo", "simulator", "completion", "doctor")
    command = EVERY[name]
    options = {option for parameter in command.params for option in parameter.opts}
    assert isinstance(command, click.Group) or name in no_data or "--json" in options


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["kys"], "keys"), (["keys", "lst"], "list"), (["audit", "--limt"], "--limit")],
)
def test_what_was_meant_is_said(typed: list[str], meant: str) -> None:
    done = run(*typed)
    assert done.exit_code == 2
    assert f"Did you mean '{meant}'?" in done.stderr


def test_help_loads_neither_a_command_nor_what_draws() -> None:
    code = "import sys; from obdtrack.cli import main; sys.argv = ['obdtrack', '--help']; main()"
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True
    )
    assert shown.returncode == 0
    for module in ("rich", "peewee", "flask", "requests", "structlog", "orjson"):
        assert f" {module}\n" not in shown.stderr
