"""A report that was left waiting though its call is known finds it, whatever the fault was."""

from __future__ import annotations

from typing import Any

import pytest

from obdtrack.calls.reports import rejoin as module
from obdtrack.calls.reports.rejoin import left_behind, rejoin
from obdtrack.jobs import run_due
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, ScriptedProvider, accepted
from tests.torture import mutants

STRANGER = "5f1b6d3e-6f0a-4a43-9d39-0ad54b0d2f4b"


def outcomes() -> list[str]:
    return [row.outcome for row in models.Delivery.select().order_by(models.Delivery.id)]


@pytest.fixture
def _left_behind(caller: Caller) -> None:
    """An early report that a fault has left behind, and one of a call that is not ours."""
    caller.report()
    caller.report(mid=STRANGER)
    with mutants.leave_early_reports_alone():
        caller.place()


@pytest.mark.usefixtures("_left_behind")
def test_it_is_joined_by_the_next_sweep_and_counted(
    caller: Caller, reader: Caller, services: Services
) -> None:
    assert outcomes() == ["unmatched", "unmatched"]
    assert run_due("rejoin", services) == 1
    assert outcomes() == ["matched", "unmatched"]
    assert caller.get("/calls").json["data"][0]["status"] == "completed"
    scrape = caller.client.get("/metrics", headers=reader.headers).text
    assert "obdtrack_rejoined_reports_total 1.0" in scrape


@pytest.mark.usefixtures("_left_behind")
def test_afterwards_nothing_is_read_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejoin(services)
    monkeypatch.setattr(module, "open_journal", None)
    assert rejoin(services) == 0


@pytest.mark.usefixtures("_left_behind")
def test_one_that_is_not_about_the_call_stays_where_it_is(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    rejoin(services)
    provider.on_send = accepted(STRANGER)
    with mutants.leave_early_reports_alone():
        caller.place(to="+918867135002")
    assert len(left_behind()) == 1
    assert rejoin(services) == 0
    assert left_behind() == []  # it says now why it is not joined
    assert outcomes() == ["matched", "unmatched"]


@pytest.mark.parametrize("changes", [{"mid": f"{MID}:1"}, {"mid": None, "call_id": f"{MID}:1"}])
def test_it_is_found_by_whichever_of_its_names_it_gives(
    caller: Caller, services: Services, changes: dict[str, Any]
) -> None:
    caller.report(**changes)
    with mutants.leave_early_reports_alone():
        caller.place()
    assert rejoin(services) == 1
