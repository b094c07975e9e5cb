"""How far a campaign is: a bar for a person at a terminal, a line for each news elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console

from obdtrack.access.keys import find_active
from obdtrack.cli.demo import CALLS, _tell_ends, prepared
from obdtrack.cli.demo_campaign import how_far, show_progress
from obdtrack.domain.status import Status
from obdtrack.store.database import Store
from tests import factories

NOBODY = dict.fromkeys(("ready", "scheduled", "sent", "skipped", *map(str, Status)), 0)


def campaign(state: str, **totals: int) -> dict[str, Any]:
    return {"state": state, "totals": {**NOBODY, **totals}}


COURSE = [
    campaign("running", scheduled=3),
    campaign("running", scheduled=1, sent=2, queued=1, completed=1),
    campaign("running", scheduled=1, sent=2, queued=1, completed=1),
    campaign("completed", sent=3, completed=3),
]


def shown(views: Iterable[dict[str, Any]], **options: Any) -> str:
    console = Console(file=io.StringIO(), width=100, **options)
    show_progress(views, console)
    output: Any = console.file
    return str(output.getvalue())


def test_the_demo_can_be_run_again_on_its_database(sqlite_store: Store) -> None:
    settings = factories.settings(database_url=f"sqlite:///{sqlite_store.database}")
    first, second = prepared(settings), prepared(settings)
    assert find_active(first) is None
    assert find_active(second) is not None


def ended(**other: str) -> list[dict[str, Any]]:
    """The demo's calls as the API shows them, each ended as it should, but for this first one."""
    calls = [{"to": number, "status": str(fate.status)} for number, fate in CALLS.items()]
    calls[0] |= other
    return [{**call, "reason": None, "status_source": "webhook"} for call in calls]


def test_once_shows_what_became_of_each_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert _tell_ends(ended()) == 0
    told = capsys.readouterr()
    assert all(f"{number}  {fate.status}" in told.out for number, fate in CALLS.items())
    assert told.err == ""


def test_once_fails_if_a_report_did_not_come(capsys: pytest.CaptureFixture[str]) -> None:
    assert _tell_ends(ended(status="queued")) == 1
    assert capsys.readouterr().err == "+918867135001 is queued, and should be completed.\n"


def test_in_a_pipe_each_news_is_a_line_and_what_stays_the_same_is_none() -> None:
    assert shown(COURSE).splitlines() == [
        "  0 of 3, running: nobody was called yet",
        "  1 of 3, running: 1 queued, 1 completed",
        "  3 of 3, completed: 3 completed",
    ]


def test_in_a_terminal_it_is_a_bar() -> None:
    told = shown(COURSE, force_terminal=True)
    assert "3/3" in told
    assert "━━━" in told
    assert "\x1b[" in told


@pytest.mark.parametrize(
    ("totals", "far"),
    [
        ({"ready": 5}, (0, 5)),
        ({"scheduled": 2, "sent": 3, "submitting": 1, "queued": 1, "unknown": 1}, (1, 5)),
        ({"skipped": 1, "sent": 1, "completed": 1}, (2, 2)),
        ({"scheduled": 1, "sent": 0, "queued": 1}, (0, 1)),  # it is read while it goes on
    ],
)
def test_who_waits_or_whose_call_goes_on_is_not_done_with(
    totals: dict[str, int], far: tuple[int, int]
) -> None:
    assert how_far({**NOBODY, **totals}) == far
