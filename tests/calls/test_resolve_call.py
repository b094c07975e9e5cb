"""A person decides about a call whose outcome is unknown: once, and on record."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from obdtrack.access.keys import create_key
from obdtrack.calls import provider_ids, search
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.search import CallFilter
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, Clock, ScriptedProvider, accepted, call_log, log_row

OTHER = "047d8cfc-77d1-4f6c-bfb5-e81f1a1343a7"


@pytest.fixture
def unknown(caller: Caller, provider: ScriptedProvider) -> dict[str, Any]:
    """A call whose answer never came."""
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call: dict[str, Any] = caller.place(variables={"otp": "1"}).json
    return call


@pytest.fixture
def admin(caller: Caller, services: Services) -> Caller:
    return Caller(caller.client, create_key("boss", ["read", "place", "admin"], services))


def look(services: Services, clock: Clock) -> models.Call:
    clock.forward(seconds=40)
    check_due(services, 10, lambda _: None)
    (call,) = search.newest(CallFilter(), 2)
    return call


def test_a_person_attaches_an_id(unknown: dict[str, Any], admin: Caller) -> None:
    admin.report()
    body = {"action": "attach", "provider_id": f"{MID}:1", "note": "seen in the portal"}
    call = admin.post(f"/calls/{unknown['id']}/resolve", body).json
    assert (call["provider_id"], call["status"]) == (f"{MID}:1", "completed")
    events = admin.get(f"/calls/{unknown['id']}/events").json["data"]
    decided = next(event for event in events if event["kind"] == "resolution")
    assert decided["source"] == "person"
    assert decided["detail"] == {
        "by": "boss", "note": "seen in the portal", "provider_id": f"{MID}:1",
    }  # fmt: skip


def test_an_id_that_another_call_has_is_refused(
    caller: Caller, admin: Caller, provider: ScriptedProvider
) -> None:
    caller.place()
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = caller.place().json
    body = {"action": "attach", "provider_id": f"{MID}:1"}
    assert admin.post(f"/calls/{unknown['id']}/resolve", body).status_code == 409


def test_a_person_declares_that_no_phone_rang(unknown: dict[str, Any], admin: Caller) -> None:
    path = f"/calls/{unknown['id']}/resolve"
    call = admin.post(path, {"action": "not-placed"}).json
    assert (call["status"], call["status_source"]) == ("rejected", "person")
    assert call["next_check_at"] is None


def test_a_person_places_again_once_as_a_new_call(
    unknown: dict[str, Any], admin: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted()
    path = f"/calls/{unknown['id']}/resolve"
    new = admin.post(path, {"action": "place-again"}).json
    assert (new["status"], new["metadata"]["replaces"]) == ("queued", unknown["id"])
    assert provider.sent[-1].variables == {"otp": "1"}
    old = admin.get(f"/calls/{unknown['id']}").json
    assert (old["status"], old["reason"]) == ("unresolved", "placed-again")
    assert admin.post(path, {"action": "place-again"}).status_code == 409
    assert len(provider.sent) == 2


@pytest.mark.parametrize("failure", [None, Failure.INSUFFICIENT_BALANCE])
@pytest.mark.parametrize("action", ["not-placed", "place-again", "attach"])
def test_only_an_unknown_call_can_be_resolved(
    admin: Caller, provider: ScriptedProvider, failure: Failure | None, action: str
) -> None:
    provider.on_send = accepted() if failure is None else lambda _: SendResponse(failure)
    call = admin.place().json
    body = {"action": action, **({"provider_id": f"{MID}:1"} if action == "attach" else {})}
    assert admin.post(f"/calls/{call['id']}/resolve", body).status_code == 409
    assert admin.get(f"/calls/{call['id']}").json == call
    assert len(provider.sent) == 1


def test_who_attaches_an_id_to_a_refused_call_is_told_why_not(
    admin: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.INSUFFICIENT_BALANCE)
    path = f"/calls/{admin.place().json['id']}/resolve"
    response = admin.post(path, {"action": "attach", "provider_id": f"{MID}:1"})
    assert "unknown or unresolved can be given its id; it is rejected" in response.json["detail"]


def test_an_unresolved_call_can_still_be_told_its_id_by_a_person(
    unknown: dict[str, Any], admin: Caller, provider: ScriptedProvider
) -> None:
    path = f"/calls/{unknown['id']}/resolve"
    admin.post(path, {"action": "place-again"})
    call = admin.post(path, {"action": "attach", "provider_id": f"{MID}:1"}).json
    assert (call["provider_id"], call["status"]) == (f"{MID}:1", "queued")


def test_what_a_person_decided_while_the_provider_was_asked_stands(
    unknown: dict[str, Any],
    admin: Caller,
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
) -> None:
    def decide_meanwhile(**_: object) -> Any:
        admin.post(f"/calls/{unknown['id']}/resolve", {"action": "not-placed"})
        return call_log(log_row())

    provider.on_find = decide_meanwhile
    call = look(services, clock)
    assert (call.provider_id, call.status) == (None, "rejected")


@pytest.mark.parametrize(
    "body", [{"action": "attach"}, {"action": "not-placed", "provider_id": "x"}, {"action": "?"}]
)
def test_a_decision_that_makes_no_sense_is_refused(
    unknown: dict[str, Any], admin: Caller, body: dict[str, str]
) -> None:
    assert admin.post(f"/calls/{unknown['id']}/resolve", body).status_code == 422


def test_resolving_needs_the_admin_scope(unknown: dict[str, Any], caller: Caller) -> None:
    response = caller.post(f"/calls/{unknown['id']}/resolve", {"action": "not-placed"})
    assert response.status_code == 403


@pytest.mark.parametrize("decision", ["not-placed", "place-again"])
def test_a_decision_that_a_report_refutes_can_be_put_right(
    unknown: dict[str, Any],
    admin: Caller,
    provider: ScriptedProvider,
    services: Services,
    decision: str,
) -> None:
    """The report names an id that nobody told us; its number says whose it may be."""
    path = f"/calls/{unknown['id']}"
    provider.on_send = accepted(OTHER)
    admin.post(f"{path}/resolve", {"action": decision})
    admin.report(mid=None, id=f"{MID}:1", to=8867135001, status="BUSY")
    admin.report(mid=None, id=f"{MID}:2", to=918867135002)
    (waiting,) = admin.get(path).json["waiting_reports"]
    assert waiting["provider_id"] == f"{MID}:1"
    body = {"action": "attach", "provider_id": waiting["provider_id"]}
    call = admin.post(f"{path}/resolve", body).json
    assert (call["status"], call["provider_id"]) == ("busy", f"{MID}:1")
    assert "waiting_reports" not in call
    assert rebuild(services, check=True).different == ()


def test_keeping_a_wrong_decision_for_ever_would_be_noticed(
    unknown: dict[str, Any], admin: Caller
) -> None:
    path = f"/calls/{unknown['id']}"
    admin.post(f"{path}/resolve", {"action": "not-placed"})
    admin.report(mid=None, id=f"{MID}:1")
    with patch.object(provider_ids, "DECLARED", "nothing"):
        body = {"action": "attach", "provider_id": f"{MID}:1"}
        assert admin.post(f"{path}/resolve", body).status_code == 409
        assert "waiting_reports" not in admin.get(path).json


def test_the_id_of_a_waiting_report_is_attached_whatever_its_shape(
    unknown: dict[str, Any], admin: Caller
) -> None:
    path = f"/calls/{unknown['id']}"
    admin.report(mid=None, id="1732363210.77", status="BUSY")
    body = {"action": "attach", "provider_id": "1732363210.78"}
    assert admin.post(f"{path}/resolve", body).status_code == 422
    body["provider_id"] = admin.get(path).json["waiting_reports"][0]["provider_id"]
    assert admin.post(f"{path}/resolve", body).json["status"] == "busy"


def test_a_call_that_has_its_id_shows_no_waiting_reports(caller: Caller) -> None:
    call = caller.place().json
    caller.report(mid=OTHER)
    assert "waiting_reports" not in caller.get(f"/calls/{call['id']}").json
