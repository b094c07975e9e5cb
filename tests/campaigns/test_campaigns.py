"""Campaigns as they are stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from obdtrack.access import audit
from obdtrack.access.audit import Operator
from obdtrack.campaigns import campaigns, totals
from obdtrack.domain.campaign import CampaignAction, CampaignPlan, CampaignState, Retries
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import NOON, call_request

ON_SQLITE = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
"""For what is refused whichever the database is."""
RAVI = Operator("ravi")
PLAN = CampaignPlan(
    bridge="+918068280000",
    flow_id="23",
    variables={"shop": "Anand Stores"},
    retries=Retries(("busy", "no-answer"), 2, 30),
    start_at=NOON,
    end_at=NOON + timedelta(days=1),
    calling_window=(time(10), time(18, 30)),
    budget=Decimal("1500.50"),
)


def created(services: Services, name: str = "diwali", **changes: Any) -> models.Campaign:
    campaign_id = campaigns.create(name, replace(PLAN, **changes), RAVI, services)
    found = campaigns.find(str(campaign_id))
    assert found
    return found


def stand(campaign: models.Campaign, state: CampaignState) -> None:
    models.Campaign.update(state=state).where(models.Campaign.id == campaign.id).execute()


def test_a_plan_is_stored_as_it_is_and_the_values_of_variables_are_not_readable(
    services: Services,
) -> None:
    with services.store.connection_context():
        found = created(services)
        assert campaigns.plan_of(found, services.encryption) == PLAN
        assert "Anand" not in repr(found.__data__)
        assert (found.state, found.name) == ("draft", "diwali")
        assert campaigns.find("diwali") == found


def test_a_name_means_one_campaign_and_no_other_calls(services: Services, caller: Caller) -> None:
    assert caller.place(name="otp").status_code == 201
    with services.store.connection_context():
        created(services)
        for taken in ("diwali", "otp"):
            with pytest.raises(ObdtrackError) as refused:
                created(services, taken)
            assert list(refused.value.fields) == ["name"]
    refusal = caller.place(name="diwali")
    assert refusal.status_code == 422
    assert list(refusal.json["errors"]) == ["name"]
    assert len(services.provider.sent) == 1  # type: ignore[attr-defined]


def test_a_wrong_plan_is_not_stored(services: Services) -> None:
    with services.store.connection_context():
        with pytest.raises(ObdtrackError) as refused:
            created(services, per_minute=0, interval=1)
        assert set(refused.value.fields) == {"per_minute", "interval"}
        assert campaigns.newest(10) == []


def test_who_changed_what_and_when_is_audited(services: Services) -> None:
    with services.store.connection_context():
        found = created(services)
        campaigns.edit(found.id, {"per_minute": 30}, RAVI, services, name="holi")
        changed, made = audit.newest(2, subject=str(found.id))
        assert (made.action, made.actor, made.recorded_at) == ("campaign-created", "ravi", NOON)
        assert changed.detail == {
            "action": "edit",
            "before": "draft",
            "after": "draft",
            "reason": None,
            "per_minute": 30,
            "name": "holi",
        }
        edited = campaigns.find("holi")
        assert edited
        assert campaigns.plan_of(edited, services.encryption) == replace(PLAN, per_minute=30)


@ON_SQLITE
@pytest.mark.parametrize("state", list(CampaignState))
def test_it_is_edited_only_while_it_stands_still(services: Services, state: CampaignState) -> None:
    with services.store.connection_context():
        found = created(services)
        stand(found, state)
        if state in ("draft", "checked", "paused"):
            campaigns.edit(found.id, {"per_minute": 30}, RAVI, services)
            found = models.Campaign.get()
            assert found.state == ("draft" if state == "checked" else state)
            return
        with pytest.raises(ObdtrackError) as refused:
            campaigns.edit(found.id, {"per_minute": 30}, RAVI, services)
        assert refused.value.code is Code.CONFLICT
        assert state in refused.value.message
        assert models.Campaign.get().plan["per_minute"] == 60


def test_a_change_that_is_not_allowed_names_those_that_are(services: Services) -> None:
    with services.store.connection_context():
        found = created(services)
        stand(found, CampaignState.RUNNING)
        with services.store.write():
            running = campaigns.locked(found.id)
            with pytest.raises(ObdtrackError) as refused:
                campaigns.change(running, CampaignAction.START, RAVI, services)
        assert "running" in refused.value.message
        assert "pause, stop" in refused.value.message


def test_totals_are_of_rows_then_of_calls(services: Services) -> None:
    with services.store.connection_context():
        found = created(services)
        with services.store.write():
            skipped = totals.key_of("skipped", "opted-out")
            totals.count(found.id, {"scheduled": 5, "invalid": 2, skipped: 1})
            totals.count(found.id, {"scheduled": -1, totals.key_of("skipped", "budget"): 1})
        shown = totals.totals_of(found)
        told = {name: number for name, number in shown.items() if number}
        assert told == {"ready": 4, "invalid": 2, "skipped": 2, "opted_out": 1}
        stand(found, CampaignState.RUNNING)
        shown = totals.totals_of(models.Campaign.get())
        assert (shown["ready"], shown["scheduled"], shown["unknown"]) == (0, 4, 0)


def test_calls_without_a_name_are_no_campaigns(services: Services) -> None:
    with services.store.connection_context():
        campaigns.refuse_name_of_campaign(call_request().name)
        campaigns.refuse_name_of_campaign("nobody's")
