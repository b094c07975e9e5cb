"""What a check finds before a campaign starts."""

from __future__ import annotations

import json
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from obdtrack.access.audit import Operator
from obdtrack.access.pseudonym import pseudonym
from obdtrack.calls import opt_outs
from obdtrack.campaigns import campaigns, preflight, totals
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import NOON, ScriptedProvider, accepted, with_settings

RAVI = Operator("ravi")
LIST = "\n".join(
    ["Phone,variables.name", "12345,-", *(f"91886713500{n},N{n}" for n in (1, 1, 2, 3, 4, 5))]
)


@pytest.fixture
def campaign(caller: Caller) -> str:
    body = {"name": "diwali", "flow_id": "23", "variables": {"shop": "Anand"}, "budget": "1.00"}
    made = caller.post("/campaigns", body).json
    headers = {**caller.headers, "Content-Type": "text/csv"}
    sent = caller.client.post(
        "/api/v1/campaigns/diwali/recipients?to=Phone&variables.name=variables.name",
        data=LIST,
        headers=headers,
    )
    assert sent.json["ready"] == 5
    return str(made["id"])


def found(services: Services) -> dict[str, Any]:
    campaign = campaigns.find("diwali")
    assert campaign
    preflight.check(campaign.id, RAVI, services)
    checked: dict[str, Any] = models.Campaign.get().checked
    return checked


def test_it_says_who_would_be_called_and_allows_the_start(caller: Caller, campaign: str) -> None:
    checked = caller.post(f"/campaigns/{campaign}/check")
    assert checked.status_code == 200
    shown = checked.json
    assert (shown["state"], shown["allowed"]) == ("checked", ["edit", "check", "start", "stop"])
    assert shown["checked"] == {
        "at": "2026-11-23T12:00:00Z",
        "ready": 5,
        "invalid": 1,
        "duplicate": 1,
        "opted_out": 0,
        "called_recently": 0,
        "outside_hours": 0,
        "estimated_end_at": "2026-11-23T12:00:05Z",
        "charges_of_a_call": None,
        "estimated_cost": None,
        "over_budget": False,
    }
    assert len(shown["first_requests"]) == 3
    assert json.loads(shown["first_requests"][0]["body"]) == {
        "bridge": "918068280000",
        "to": "918867135001",
        "flow_id": "23",
        "name": "diwali",
        "variables[name]": "N1",
        "variables[shop]": "Anand",
    }
    changed = caller.client.patch(
        f"/api/v1/campaigns/{campaign}", json={"per_minute": 30}, headers=caller.headers
    )
    assert (changed.json["state"], changed.json["checked"]) == ("draft", None)


@pytest.mark.usefixtures("campaign")
def test_numbers_and_values_are_shown_to_those_only_who_may_see_them(services: Services) -> None:
    with services.store.connection_context():
        kept = campaigns.find("diwali")
        assert kept
        (first, *_) = preflight.first_requests(kept, services, in_full=False)
    assert "8867135001" not in first["body"]
    assert not {"N1", "Anand"} & set(json.loads(first["body"]).values())


@pytest.mark.usefixtures("campaign")
def test_those_who_do_not_want_it_and_those_just_called_are_counted_and_stay(
    services: Services, caller: Caller
) -> None:
    guarded = with_settings(services, duplicate_guard_seconds=60, suppression=True)
    caller.place(to="+918867135001")
    caller.place(to="+918867135002", flow_id="24")
    with services.store.connection_context():
        erased = pseudonym("+918867135005", services.encryption)
        for number in ("+918867135003", "8867135004", erased):
            with services.store.write():
                opt_outs.note(number, None, NOON, None, services)
        checked = found(guarded)
        assert (checked["opted_out"], checked["called_recently"], checked["ready"]) == (3, 1, 1)
        shown = totals.totals_of(models.Campaign.get())
        assert (shown["opted_out"], shown["ready"]) == (3, 1)
        assert {row.status for row in models.Recipient.select()} == {
            "scheduled",
            "invalid",
            "duplicate",
        }
        assert found(services)["called_recently"] == 0


@pytest.mark.usefixtures("campaign")
def test_the_cost_is_exact_and_known_from_the_newest_answered_call_alike(
    services: Services, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(None)
    for count, (flow_id, charges) in enumerate((("23", "0.2"), ("23", "0.3"), ("24", "9"))):
        number = f"91886713600{count}"
        placed = caller.place(to=number, flow_id=flow_id).json
        mid = placed["provider_id"].partition(":")[0]
        caller.report(to=int(number), mid=mid, flow_id=int(flow_id), charges=charges)
    with services.store.connection_context():
        checked = found(services)
    assert (checked["charges_of_a_call"], checked["estimated_cost"]) == ("0.3", "1.5")
    assert checked["over_budget"] is True


@pytest.mark.usefixtures("campaign")
def test_who_would_not_be_reached_within_the_hours_is_counted(services: Services) -> None:
    hours = {
        "calling_window": (time(9), time(12, 1)),
        "calling_window_timezone": ZoneInfo("UTC"),
    }
    with services.store.connection_context():
        campaigns.edit(models.Campaign.get().id, {"per_minute": 2}, RAVI, services)
        checked = found(with_settings(services, **hours))
        assert (checked["ready"], checked["outside_hours"]) == (2, 3)
        assert checked["estimated_end_at"] == "2026-11-23T12:01:00Z"


@pytest.mark.usefixtures("campaign")
def test_what_is_changed_meanwhile_must_be_checked_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = preflight._found

    def slowly(campaign: Any, services: Services) -> Any:
        seen = look(campaign, services)
        services.now.forward(seconds=1)  # type: ignore[attr-defined]
        campaigns.edit(campaign.id, {"per_minute": 1}, RAVI, services)
        return seen

    monkeypatch.setattr(preflight, "_found", slowly)
    with services.store.connection_context():
        with pytest.raises(ObdtrackError, match="changed while it was checked"):
            found(services)
        assert models.Campaign.get().state == "draft"


@pytest.mark.usefixtures("campaign")
def test_a_half_imported_list_is_not_checked(services: Services) -> None:
    with services.store.connection_context():
        models.RecipientImport.update(completed_at=None).execute()
        with pytest.raises(ObdtrackError, match="has not come to its end"):
            found(services)
