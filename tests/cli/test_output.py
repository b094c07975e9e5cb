"""What commands print: to people a table and a bar, to programs plain text or JSON alone."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from obdtrack.cli import output
from obdtrack.cli.opening import read_settings
from obdtrack.domain.progress import WorkDone, unwatched
from obdtrack.providers.registry import misspelt

ROWS = [
    {"id": UUID(int=7), "name": "otp", "at": datetime(2026, 11, 23, 6, 27, 39, tzinfo=UTC)},
    {"id": UUID(int=8), "name": "steer\x1b[2J[red]", "at": None},
]
NONE = "There is none."


def test_in_a_pipe_a_table_is_aligned_and_nothing_but_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.show(ROWS, ("name", "at"), as_json=False, none=NONE)
    assert capsys.readouterr().out.splitlines() == [
        "name            at",
        "otp             2026-11-23T06:27:39Z",
        "steer\ufffd[2J[red]  -",
    ]


def test_on_a_terminal_it_has_a_heading_and_is_as_wide_as_that(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "90")
    rows = [{**row, "note": None} for row in ROWS]
    output.show(rows, ("id", "name", "at", "note"), as_json=False, none=NONE)
    said = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)
    assert "─" in said
    assert str(UUID(int=8)) in said
    assert "steer\ufffd[2J[red]" in said
    assert "2026-11-23 06:27:39Z" in said
    assert "note" not in said  # nothing stands there
    assert max(map(len, said.splitlines())) <= 90


@pytest.mark.parametrize("as_lines", [False, True])
def test_json_has_all_there_is_and_nothing_else(
    capsys: pytest.CaptureFixture[str], as_lines: bool
) -> None:
    output.show(ROWS, ("name",), as_json=True, none=NONE, as_lines=as_lines)
    said = capsys.readouterr().out
    rows = list(map(json.loads, said.splitlines())) if as_lines else json.loads(said)
    assert rows[0] == {"id": str(UUID(int=7)), "name": "otp", "at": "2026-11-23T06:27:39Z"}
    assert rows[1]["at"] is None


def test_what_was_not_found_is_said_beside_an_empty_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.show([], ("name",), as_json=False, none=NONE)
    assert capsys.readouterr() == ("", f"{NONE}\n")
    output.show([], ("name",), as_json=True, none=NONE)
    assert capsys.readouterr() == ("[]\n", "")


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=True)


def shown(terminal: Console) -> str:
    written: Any = terminal.file
    return str(written.getvalue())


def test_what_lasts_shows_how_far_each_part_is(terminal: Console) -> None:
    with output.progress(lambda: terminal, after=0) as watch:
        watch(WorkDone("calls", 40, 100))
        watch(WorkDone("calls", 100, 100))
        watch(WorkDone("figures"))
        deadline = time.monotonic() + 10
        while "figures" not in shown(terminal) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "100/100" in shown(terminal)
    assert "figures" in shown(terminal)


def test_what_is_done_at_once_shows_nothing(terminal: Console) -> None:
    with output.progress(lambda: terminal, after=60) as watch:
        watch(WorkDone("calls", 100, 100))
    assert shown(terminal) == ""


def test_where_nobody_looks_nothing_is_drawn() -> None:
    with output.progress() as watch:
        assert watch is unwatched


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("OBDTRACK_WEBHOOK_SECRET", "did you mean OBDTRACK_WEBHOOK_SECRETS?"),
        ("OBDTRACK_SECRET_KEYS_FILE", "did you mean OBDTRACK_SECRET_KEY?"),
        ("OBDTRACK_ZZZZZZ", "OBDTRACK_ZZZZZZ is no setting and has no effect."),
    ],
)
def test_a_misspelt_setting_is_named_with_the_nearest_and_stops_nothing(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "x")
    assert read_settings().port
    assert said in capsys.readouterr().err


def test_settings_and_what_examples_use_are_not_misspelt() -> None:
    assert misspelt(["OBDTRACK_PORT", "OBDTRACK_SECRET_KEY_FILE", "OBDTRACK_KEY", "PATH"]) == []
