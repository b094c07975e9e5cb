"""The form that places a call, and the decision about one whose outcome is unknown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from obdtrack.access.keys import create_key
from obdtrack.calls.polling.check import check_due
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import MID, NUMBER, Clock, ScriptedProvider, accepted, call_log, log_row
from tests.pages.conftest import Visitor, text_of

FORM = {"to": NUMBER, "flow_id": "23", "interval": "0", "once": "form-1"}


def fill(visitor: Visitor, **changes: str) -> Any:
    return visitor.send("/place", on="/place", **{**FORM, **changes})


def wrong_fields(page: str) -> list[str]:
    return re.findall(r'id="h-(\w+)" class="help">\s*<p class="error">', page)


def test_a_form_places_a_call(visitor: Visitor, provider: ScriptedProvider) -> None:
    response = fill(visitor, variables="otp=123456\nname=Asha", metadata='{"order": 7}', name="otp")
    assert response.location.startswith("/calls/")
    assert "The provider accepted the call on 23 Nov" in visitor.read(response.location)
    assert dict(provider.sent[0].variables) == {"otp": "123456", "name": "Asha"}


def test_the_same_form_again_rings_nobody(visitor: Visitor, provider: ScriptedProvider) -> None:
    first, second = fill(visitor), fill(visitor)
    assert first.location == second.location
    assert len(provider.sent) == 1


def test_the_same_form_with_other_content_is_asked_about(
    visitor: Visitor, provider: ScriptedProvider
) -> None:
    fill(visitor)
    response = fill(visitor, to="+918867135077")
    assert response.status_code == 422
    assert "This form was sent before" in response.text
    assert len(provider.sent) == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("to", "12", "h-to"),
        ("flow_id", "", "Give exactly one of flow_id and audio."),
        ("variables", "otp", "Write one per line"),
        ("metadata", "{", "Not JSON"),
        ("metadata", "[1]", "h-metadata"),
        ("interval", "7", "Must be one of"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    visitor: Visitor, provider: ScriptedProvider, field: str, value: str, message: str
) -> None:
    response = fill(visitor, **{field: value})
    assert response.status_code == 422
    assert field in wrong_fields(response.text)
    assert message in response.text
    assert provider.sent == []


def test_all_that_is_wrong_is_told_at_once_and_the_first_of_it_is_in_focus(
    visitor: Visitor,
) -> None:
    page = fill(visitor, to="", flow_id="", reference="x" * 300, variables="otp").text
    assert wrong_fields(page) == ["to", "flow_id", "reference", "variables"]
    assert re.findall(r'<[^>]* name="(\w+)"[^>]* autofocus', page) == ["to"]


def test_the_first_wrong_field_is_in_focus_wherever_it_is(visitor: Visitor) -> None:
    page = fill(visitor, metadata="{").text
    assert re.findall(r'<[^>]* name="(\w+)"[^>]* autofocus', page) == ["metadata"]
    assert "autofocus" not in visitor.open("/place").text


def test_a_form_is_kept_as_it_was_typed(visitor: Visitor) -> None:
    response = fill(visitor, to="12", name='"><b>', reference="mine")
    assert 'value="&#34;&gt;&lt;b&gt;"' in response.text
    assert 'value="mine"' in response.text


@pytest.fixture
def unknown(caller: Caller, provider: ScriptedProvider) -> str:
    provider.on_send = lambda _: SendResponse(Failure.PROVIDER_ERROR)
    call = caller.place().json
    provider.on_send = accepted()
    assert call["status"] == "unknown"
    return f"/calls/{call['id']}"


def test_a_person_says_that_no_phone_rang(visitor: Visitor, unknown: str) -> None:
    assert "What happened to this call?" in visitor.read(unknown)
    visitor.send(f"{unknown}/resolve", on=unknown, action="not-placed", note="asked them")
    told = visitor.read(unknown)
    assert "No phone rang: a person said that no phone rang" in told
    assert "asked them" in told
    assert "What happened to this call?" not in told


def test_a_report_shows_that_a_phone_rang_after_all(
    visitor: Visitor, caller: Caller, unknown: str
) -> None:
    visitor.send(f"{unknown}/resolve", on=unknown, action="not-placed")
    caller.report(mid=None, id=f"{MID}:1")
    told = visitor.read(unknown)
    assert "Does the provider have this call after all?" in told
    assert f"ANSWER {MID}:1 It is about this call" in told
    form = {"action": "attach", "provider_id": f"{MID}:1"}
    visitor.send(f"{unknown}/resolve", on=unknown, **form)
    assert "Reports of this number that have no call" not in visitor.read(unknown)
    assert "Answered" in visitor.read(unknown)


def test_a_person_has_it_placed_again(
    visitor: Visitor, unknown: str, provider: ScriptedProvider
) -> None:
    response = visitor.send(f"{unknown}/resolve", on=unknown, action="place-again")
    assert response.location not in (unknown, None)
    assert len(provider.sent) == 2


@pytest.mark.parametrize(
    ("form", "asked"),
    [
        ({}, "Choose what happened."),
        ({"action": "burn"}, "Choose what happened."),
        ({"action": "attach"}, "Enter the provider's id of the call."),
        ({"action": "attach", "provider_id": "nonsense"}, "Not a provider's id"),
        ({"action": "attach", "provider_id": f"{MID}:0"}, "Not a provider's id"),
    ],
)
def test_half_a_decision_is_asked_about_and_the_note_is_kept(
    visitor: Visitor, unknown: str, form: dict[str, str], asked: str
) -> None:
    response = visitor.send(f"{unknown}/resolve", on=unknown, note="seen there", **form)
    assert (response.status_code, asked in text_of(response.text)) == (422, True)
    assert 'value="seen there"' in response.text
    assert "We do not know whether the phone rang" in visitor.read(unknown)


def test_an_id_that_cannot_be_is_told_beside_its_field(visitor: Visitor, unknown: str) -> None:
    form = {"action": "attach", "provider_id": "nonsense"}
    page = visitor.send(f"{unknown}/resolve", on=unknown, **form).text
    assert wrong_fields(page) == ["provider_id"]
    assert 'value="nonsense"' in page
    assert 'value="attach" required checked' in page
    assert "data-live-page" not in page  # it would ask for what was posted


def test_an_id_that_another_call_has_is_told_beside_its_field(
    visitor: Visitor, caller: Caller, unknown: str
) -> None:
    caller.place()
    form = {"action": "attach", "provider_id": f"{MID}:1"}
    response = visitor.send(f"{unknown}/resolve", on=unknown, **form)
    assert response.status_code == 409
    assert f"Another call is {MID}:1 at the provider." in text_of(response.text)


def test_a_call_named_by_a_person_is_not_told_as_accepted_by_the_provider(
    visitor: Visitor, unknown: str
) -> None:
    form = {"action": "attach", "provider_id": f"{MID}:1"}
    visitor.send(f"{unknown}/resolve", on=unknown, **form)
    told = visitor.read(unknown)
    assert f"A person (Asha) recorded on 23 Nov at 12:00:00 that it is the call {MID}:1" in told
    assert "The provider accepted" not in told
    assert "Known from a person (Asha)" in told


def test_a_call_found_in_the_log_is_not_told_as_accepted_either(
    visitor: Visitor, unknown: str, provider: ScriptedProvider
) -> None:
    row = log_row(status="queued", start_at=None, end_at=None)
    provider.on_find = lambda **_: call_log(row)
    visitor.send(f"{unknown}/refresh", on=unknown)
    assert "The provider has the call, as its log showed on 23 Nov" in visitor.read(unknown)


def test_reloading_a_decision_leads_back_to_the_call(visitor: Visitor, unknown: str) -> None:
    assert visitor.open(f"{unknown}/resolve").location == unknown


def test_a_call_that_is_looked_for_no_more_is_left_to_a_person(
    app: Flask, services: Services, unknown: str, clock: Clock
) -> None:
    key = create_key("Asha", ["read"], services)
    assert "obdtrack looks for it in the provider's log by itself" in Visitor(app, key).read(
        unknown
    )
    clock.forward(days=2)
    check_due(services, 9)
    told = Visitor(app, key).read(unknown)
    assert "obdtrack has stopped looking for it" in told
    assert "someone has to decide what happened. The call is never sent again" in told


def test_deciding_is_for_admins(guest: Visitor, unknown: str) -> None:
    assert "needs a key with the scope admin" in guest.read(unknown)
    assert guest.send(f"{unknown}/resolve", on="/", action="not-placed").status_code == 403


def test_asking_now_brings_what_the_provider_knows(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    call = f"/calls/{caller.place().json['id']}"
    visitor.send(f"{call}/refresh", on=call)
    assert len(provider.asked) == 1
    assert "Polled the provider: nothing found" in visitor.read(call)
