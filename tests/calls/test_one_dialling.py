"""A call without redials has one attempt, whatever clock each report was written by."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from obdtrack.calls import queries
from obdtrack.calls.polling.check import refresh
from obdtrack.calls.rebuild import rebuild
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import MID, ScriptedProvider, call_log, log_row

ANSWERED = {"start_at": "2026-11-23 12:00:00", "end_at": "2026-11-23 12:00:20"}
NO_RESPONSE = {"status": "NOANSWER", "start_at": "2026-11-23 12:00:01", "end_at": None}
RINGING = {"status": "RINGING", "start_at": "2026-11-23 12:00:00.4", "end_at": None}


def call(caller: Caller) -> Any:
    return caller.get(f"/calls/{MID}:1").json


@pytest.mark.parametrize("order", list(permutations([ANSWERED, NO_RESPONSE, RINGING])))
def test_reports_with_other_starts_are_about_the_one_attempt(
    caller: Caller, services: Services, order: list[dict[str, Any]]
) -> None:
    caller.place()
    for told in order:
        caller.report(**told)
    found = call(caller)
    assert (found["status"], found["conflict"], len(found["attempts"])) == ("completed", True, 1)
    assert found["started_at"] == "2026-11-23T12:00:00Z"
    assert rebuild(services, check=True) == (1, (), 0)


@pytest.mark.parametrize(
    "start", ["2026-11-23 12:00:00", "2026-11-23 11:59:55", "2026-11-23 17:30:00"]
)
@pytest.mark.parametrize("asked_first", [False, True])
def test_a_poll_by_another_clock_is_about_the_one_attempt(
    caller: Caller, services: Services, provider: ScriptedProvider, start: str, asked_first: bool
) -> None:
    caller.place()
    row = log_row(status="NOANSWER", start_at=start, end_at=None)
    provider.on_find = lambda **_: call_log(row)
    steps = [lambda: caller.report(start_at="2026-11-23 12:00:00.4"), lambda: ask(services)]
    for step in reversed(steps) if asked_first else steps:
        step()
    found = call(caller)
    assert (found["status"], found["conflict"], len(found["attempts"])) == ("completed", True, 1)
    assert found["started_at"] == "2026-11-23T12:00:00.400000Z"
    assert rebuild(services, check=True) == (1, (), 0)


def ask(services: Services) -> None:
    row = queries.find(f"{MID}:1")
    assert row is not None
    refresh(row, services)
