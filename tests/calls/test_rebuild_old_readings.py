"""A database written by an older reading is put right from what is raw in it."""

from __future__ import annotations

from typing import Any

import pytest

from obdtrack.calls.rebuild import rebuild
from obdtrack.domain.status import Kind
from obdtrack.services import Services
from obdtrack.statistics import counters
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import SECRET, ScriptedProvider, accepted

REPORT = models.EventRow.kind == Kind.REPORT
CHARGES_OF_EVERYTHING = (models.Statistic.name == "otp") & (models.Statistic.slot == counters.EVER)


def place_three(caller: Caller, provider: ScriptedProvider) -> list[dict[str, Any]]:
    """Three calls of one campaign, each answered for 30 seconds, 23 of them billable."""
    provider.on_send = accepted(mid=None)
    calls = [caller.place(name="otp").json for _ in range(3)]
    for call in calls:
        told = {"id": call["provider_id"], "status": "ANSWER", "duration": 30, "billing": 23}
        secret = {"Authorization": f"Bearer {SECRET}"}
        caller.client.get("/webhooks/mobtexting", query_string=told, headers=secret)
    return calls


def as_money() -> None:
    """Store the reports as they were read when `billing` was taken for money: calls, figures."""
    for event in models.EventRow.select().where(REPORT):
        detail = {**event.detail, "charges": "23"}
        del detail["billable_seconds"]
        this = (models.EventRow.call == event.call) & (models.EventRow.id == event.id)
        models.EventRow.update(detail=detail).where(this).execute()
    models.Call.update(charges="23", billable_seconds=None).execute()
    counters.recount()


def cost() -> int:
    return sum(row.cost for row in models.Statistic.select().where(CHARGES_OF_EVERYTHING))


def test_seconds_that_were_taken_for_money_are_seconds_again(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    calls = place_three(caller, provider)
    before = [caller.get(f"/calls/{call['id']}").json for call in calls]
    with services.store.write():
        as_money()
    assert cost() == 69 * counters.MILLION
    assert len(rebuild(services, check=True).different) == 3
    assert len(rebuild(services, check=False).different) == 3
    assert rebuild(services, check=True) == (3, (), 0)
    assert cost() == 1_500_000
    assert [caller.get(f"/calls/{call['id']}").json for call in calls] == before
    assert {(call["billable_seconds"], call["charges"]) for call in before} == {(23, "0.5000")}


def as_unknown_key(name: str) -> None:
    """Store the report as a version read it that had no such fact."""
    (event,) = models.EventRow.select().where(REPORT)
    detail = dict(event.detail)
    detail["extra"] = {**detail.get("extra", {}), name: detail.pop(name)}
    models.EventRow.update(detail=detail).where(REPORT).execute()
    call = models.Call.get()
    state = {key: value for key, value in call.state.items() if key != name}
    models.Call.update(state=state).execute()


def test_a_fact_that_is_understood_since_is_filled_in_and_no_difference(
    caller: Caller, services: Services
) -> None:
    caller.place()
    caller.report(hangup_by="callee", circle="KA")
    before = caller.get("/calls").json
    as_unknown_key("hangup_by")
    assert caller.get("/calls").json["data"][0]["hangup_by"] is None
    assert rebuild(services, check=True) == (1, (), 0)
    assert rebuild(services, check=False) == (1, (), 0)
    assert caller.get("/calls").json == before
    assert rebuild(services, check=True) == (1, (), 0)


@pytest.mark.parametrize("changed", [{"hangup_by": "caller"}, {"dtmf": "1"}, {"extra": {}}])
def test_a_fact_that_was_stored_otherwise_is_a_difference(
    caller: Caller, services: Services, changed: dict[str, Any]
) -> None:
    caller.place()
    caller.report(hangup_by="callee", circle="KA")
    before = caller.get("/calls").json
    (event,) = models.EventRow.select().where(REPORT)
    models.EventRow.update(detail={**event.detail, **changed}).where(REPORT).execute()
    assert len(rebuild(services, check=True).different) == 1
    assert len(rebuild(services, check=False).different) == 1
    assert caller.get("/calls").json == before


def test_attempts_that_were_one_dialling_are_one_again(caller: Caller, services: Services) -> None:
    caller.place(name="otp")
    caller.report(start_at="2026-11-23 12:00:00")
    caller.report(start_at="2026-11-23 12:00:01", status="NOANSWER")
    before = caller.get("/calls").json
    with services.store.write():  # as it was stored when each start was an attempt
        models.Call.update(
            status="no-answer", answered=False, conflict=False, attempt_count=2
        ).execute()
        counters.recount()
    assert len(rebuild(services, check=False).different) == 1
    assert rebuild(services, check=True) == (1, (), 0)
    assert caller.get("/calls").json == before
    call = models.Call.get()
    assert (call.status, call.conflict, call.attempt_count) == ("completed", True, 1)
