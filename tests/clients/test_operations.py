"""The client's operations, carried out by the application itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import obdtrack_client
import pytest
from flask import Flask
from obdtrack_client import Client, Conflict, FileCursor, Forbidden, Gone, NotFound, verify

from obdtrack.access.keys import create_key
from obdtrack.notifications.signing import new_secret, signed
from obdtrack.services import Services
from tests.clients.wires import Idle, Wire, of, one_after_another, response
from tests.conftest import Caller
from tests.factories import MID, NUMBER, ScriptedProvider, accepted
from tests.notifications.telling import telling

OTHER = "+918867135002"


@pytest.fixture
def services(services: Services) -> Services:
    return telling(services)


@pytest.fixture
def wire(app: Flask) -> Wire:
    return of(app)


@pytest.fixture
def client(wire: Wire, services: Services) -> Client:
    return Idle().client(wire, create_key("program", ["read", "place"], services))


@pytest.fixture
def provider() -> ScriptedProvider:
    made = ScriptedProvider()
    made.on_send = accepted(None)
    return made


def test_a_call_is_placed_once_and_shown_in_types(
    client: Client, provider: ScriptedProvider, caller: Caller
) -> None:
    provider.on_send = accepted(MID)
    order = {"flow_id": "23", "reference": "order-7", "metadata": {"order": 7}}
    call = client.place(NUMBER, **order, variables={"otp": "123456"}, idempotency_key="order-7")
    again = client.place(NUMBER, **order, variables={"otp": "123456"}, idempotency_key="order-7")
    assert call == again
    assert len(provider.sent) == 1
    caller.report(charge="0.50", start_at="2026-11-23 11:57:23", end_at="2026-11-23 11:57:39")
    call = client.wait(call)
    assert call.is_final
    assert (call.to, call.status, call.variables) == (NUMBER, "completed", ("otp",))
    assert call.metadata == {"order": 7}
    assert call.started_at == datetime(2026, 11, 23, 11, 57, 23, tzinfo=UTC)
    assert call.charges == Decimal("0.50")
    assert [type(one) for one in call.attempts] == [obdtrack_client.Attempt]
    assert client.call(f"{MID}:1") == call


def test_a_list_is_placed_by_one_request(client: Client, provider: ScriptedProvider) -> None:
    listed = [NUMBER, obdtrack_client.Listed(to=OTHER, reference="order-8")]
    submission = client.submit(listed, flow_id="23")
    assert [(call.to, call.reference) for call in submission.calls] == [
        (NUMBER, None),
        (OTHER, "order-8"),
    ]
    assert len(provider.lists) == 1


def test_waiting_ends_with_the_call_as_it_stands(client: Client, wire: Wire) -> None:
    call = client.place(NUMBER, flow_id="23")
    found = client.wait(call, seconds=60)
    assert (found.status, found.is_final) == ("queued", False)
    assert 5 < len(wire.seen) < 15


def test_lists_are_read_page_by_page(
    client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obdtrack_client.client, "PAGE", 2)
    placed = [client.place(NUMBER, flow_id="23", reference=f"order-{n}").id for n in range(5)]
    wire.seen.clear()
    assert [call.id for call in client.calls(to=NUMBER, status=["queued", "busy"])] == placed[::-1]
    assert len(wire.seen) == 3
    since = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert len(list(client.calls(created_after=since, needs_attention=True))) == 0
    assert next(client.calls(reference="order-3")).id == placed[3]
    with pytest.raises(ValueError, match="zone"):
        next(client.calls(created_after=datetime(2026, 11, 23)))


def test_a_campaign_from_its_plan_to_its_report(client: Client, tmp_path: Path) -> None:
    campaign = client.create_campaign(
        "diwali 50%",
        flow_id="23",
        budget=Decimal("1500.00"),
        retries={"on": ["busy"], "times": 1},
        end_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert (campaign.state, campaign.budget) == ("draft", Decimal("1500.00"))
    assert client.edit_campaign("diwali 50%", per_minute=120).per_minute == 120
    path = tmp_path / "list.csv"
    path.write_text(f"Phone,Order\n{NUMBER},order-7\n12,order-8\n")
    with path.open("rb") as file:
        columns = {"to": "Phone", "reference": "Order"}
        taken = client.add_recipients(campaign, file, columns=columns, header=True)
    assert (taken.ready, taken.invalid) == (1, 1)
    assert [(row.row, row.column) for row in taken.errors] == [(3, "Phone")]
    assert client.add_recipients(campaign, [{"to": OTHER, "reference": "order-9"}]).ready == 1
    assert {one.reference for one in client.recipients(campaign, "scheduled")} == {
        "order-7",
        "order-9",
    }
    campaign = client.check_campaign(campaign)
    assert campaign.checked is not None
    assert campaign.checked.ready == 2
    assert campaign.first_requests[0].method == "POST"
    assert client.start_campaign(campaign, why="agreed").state == "running"
    with pytest.raises(Conflict) as told:
        client.resume_campaign(campaign)
    assert "running" in told.value.detail
    assert client.pause_campaign(campaign).state in {"pausing", "paused"}
    assert client.stop_campaign(campaign).state in {"stopping", "stopped"}
    assert [one.id for one in client.campaigns()] == [campaign.id]
    assert client.report(campaign, by="recipient", zone="Asia/Kolkata").count("order-") == 3


def test_problems_are_exceptions_by_their_code(
    client: Client, wire: Wire, services: Services
) -> None:
    with pytest.raises(NotFound) as missing:
        client.call("01a2078b-2c00-747d-b66f-d8899bfdb69b")
    assert missing.value.detail == "There is no call with this id, ours or the provider's."
    assert missing.value.request_id
    with pytest.raises(obdtrack_client.Invalid) as invalid:
        client.place("12", flow_id="23")
    assert list(invalid.value.errors) == ["to"]
    with pytest.raises(Forbidden):
        Idle().client(wire, create_key("reader", ["read"], services)).place(NUMBER, flow_id="23")


# Events.


def test_events_go_on_from_the_saved_cursor_and_a_page_comes_again_after_a_crash(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obdtrack_client.client, "EVENTS", 2)
    for _ in range(2):
        client.place(NUMBER, flow_id="23")
    cursor = FileCursor(tmp_path / "cursor")
    reading = client.events(cursor, types=["call.*"], follow=False)
    first = [next(reading) for _ in range(3)]
    reading.close()  # the program ends in the midst of the second page
    again = list(client.events(FileCursor(tmp_path / "cursor"), types=["call.*"], follow=False))
    assert [event.type for event in first[:2] + again] == ["call.placed", "call.queued"] * 2
    assert again[0] == first[2]
    assert list(client.events(cursor, follow=False)) == []
    assert again[0].call is not None
    assert again[0].call.to == NUMBER
    assert (again[1].changed or {})["status"] == "submitting"
    assert not (tmp_path / "cursor.new").exists()


def test_who_follows_waits_at_the_server_and_again_when_it_is_full(client: Client) -> None:
    event = {"id": "1", "type": "call.placed", "time": "2026-11-23T11:57:41Z", "data": None}
    empty = {"data": [], "next_cursor": "b"}
    pages = [
        response(200, {"data": [event], "next_cursor": "a"}),
        response(200, empty, Retry_After="1"),
        response(200, {"data": [event], "next_cursor": "c"}),
    ]
    wire, idle = Wire(one_after_another(*pages)), Idle()
    following = idle.client(wire).events(start="latest")
    assert [next(following).type for _ in range(2)] == ["call.placed"] * 2
    assert idle.slept == [1.0]
    asked = [seen.path.partition("?")[2] for seen in wire.seen]
    assert asked == [f"limit=100&wait=25&after={after}" for after in ("latest", "a", "b")]


def test_events_that_were_deleted_are_told_and_not_left_out(tmp_path: Path) -> None:
    cursor = FileCursor(tmp_path / "cursor")
    cursor.save("old")
    gone = response(
        410, {"code": "gone", "detail": "Deleted.", "oldest": "x"}, "application/problem+json"
    )
    with pytest.raises(Gone) as told:
        next(Idle().client(Wire(one_after_another(gone))).events(cursor))
    assert (told.value.oldest, cursor.load()) == ("x", "old")


# Notifications; tests/notifications/test_verifiers.py has every case.


def test_an_event_that_is_sent_is_verified_and_typed(client: Client) -> None:
    secret, call = new_secret(), client.place(NUMBER, flow_id="23")
    told = {"id": call.id, "to": "+9188•••••001", "status": "busy", "changed": {"status": "queued"}}
    body = json.dumps(
        {
            "id": "7",
            "type": "call.busy",
            "time": "2026-11-23T11:57:41Z",
            "dataschema": "urn:obdtrack:call:1",
            "data": told,
        }
    ).encode()
    headers = {
        name.title(): value
        for name, value in signed("7", datetime.now(UTC), body, [secret]).items()
    }
    event = verify(headers, body, secret)
    assert event.call is not None
    assert (event.call.status, event.changed) == ("busy", {"status": "queued"})
