"""Whoever stands in a campaign's list has the same rights as whoever was called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from obdtrack.access.audit import operator
from obdtrack.campaigns import campaigns
from obdtrack.privacy.erasure import erase
from obdtrack.privacy.export import export
from obdtrack.privacy.retention import delete_expired
from obdtrack.services import Services
from obdtrack.store import models
from tests.campaigns.running import checked, listening, pass_time, started, statuses
from tests.conftest import Caller
from tests.factories import NUMBER, Clock, ScriptedProvider, time_passes
from tests.privacy.told import OTHER, everything

LIST = f"""Phone,variables.name
{NUMBER},Asha Patil
8867135001,no country
{OTHER},Ravi
+91 88671 35001,again
"""


@pytest.fixture
def campaign(caller: Caller) -> Any:
    made = caller.post("/campaigns", {"name": "diwali", "flow_id": "23"}).json
    sent = caller.client.post(
        "/api/v1/campaigns/diwali/recipients",
        data=LIST,
        headers={**caller.headers, "Content-Type": "text/csv"},
    )
    assert [sent.json[name] for name in ("ready", "invalid", "duplicate")] == [2, 1, 1]
    return made


@pytest.mark.usefixtures("campaign")
def test_an_erased_number_is_in_no_list_and_is_not_called(
    caller: Caller, services: Services
) -> None:
    name = erase(NUMBER, operator(), services).name
    assert b"8867135001" not in everything(services.store)
    shown = caller.get("/campaigns/diwali/recipients").json["data"]
    assert [(row["row"], row["status"], row["reason"], row["to"]) for row in shown] == [
        (5, "duplicate", None, name),
        (3, "invalid", None, None),
        (4, "scheduled", None, OTHER),
        (2, "skipped", "number-erased", name),
    ]
    totals = caller.get("/campaigns/diwali").json["totals"]
    assert (totals["ready"], totals["skipped"]) == (1, 1)
    with services.store.connection_context():
        sealed = {row.row: row.variables_encrypted for row in models.Recipient.select()}
        assert [row for row, values in sealed.items() if values] == [4]


def test_a_running_campaign_leaves_out_whoever_is_erased(
    services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    services = listening(services)
    campaign_id = started(services, 3, per_minute=60)
    second = models.Recipient.select().where(models.Recipient.row == 3).get().to_number
    erase(second, operator(), services)
    pass_time(services, clock, 5)
    assert ("skipped", "number-erased") in statuses(campaign_id)
    assert second not in [request.to for request in provider.sent]
    assert len(provider.sent) == 2


@pytest.mark.usefixtures("campaign")
def test_whoever_asks_is_given_the_rows_that_are_theirs(services: Services) -> None:
    data = json.loads(json.dumps(export(NUMBER, operator(), services)))
    assert [(row["row"], row["status"], row["to"]) for row in data["recipients"]] == [
        (2, "scheduled", NUMBER),
        (5, "duplicate", NUMBER),
    ]
    assert [row["table"] for row in data["elsewhere"]] == ["recipients"]  # of the invalid row
    assert OTHER not in json.dumps(data)
    assert "Asha" not in json.dumps(data)


def kept() -> list[int]:
    tables = (models.Campaign, models.RecipientImport, models.Recipient, models.CampaignTotal)
    return [table.select().count() for table in tables]


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize(
    ("state", "goes"),
    [("draft", True), ("stopped", True), ("completed", True), ("paused", False)],
)
def test_lists_of_campaigns_that_ended_go_when_their_calls_do(
    services: Services, clock: Clock, state: str, goes: bool
) -> None:
    ended_at = clock.now if state in ("stopped", "completed") else None
    with services.store.connection_context():
        models.Campaign.update(state=state, ended_at=ended_at).execute()
        other = checked(services, 2, name="holi")
        models.Campaign.update(state="running").where(models.Campaign.id == other).execute()
    time_passes(clock, services, days=399)
    delete_expired(services, sleep=lambda _: None)
    with services.store.connection_context():
        assert kept() == [2, 2, 6, 4]
    time_passes(clock, services, days=2)
    delete_expired(services, sleep=lambda _: None)
    with services.store.connection_context():
        assert kept() == ([1, 1, 2, 1] if goes else [2, 2, 6, 4])
        assert (campaigns.find("diwali") is None) is goes
