"""The form that places a call, and the decision about one whose outcome is unknown."""

from __future__ import annotations

import re
from datetime import time
from html import unescape
from typing import Any

import pytest
from flask import Flask

from obdtrack.access.audit import operator
from obdtrack.access.keys import create_key
from obdtrack.calls.polling.check import check_due
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.privacy.opt_outs import suppress
from obdtrack.services import Services
from tests.applications import make_app
from tests.conftest import Caller
from tests.factories import (
    MID,
    NUMBER,
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    log_row,
    with_settings,
)
from tests.pages.conftest import Visitor, text_of
from tests.pages.site import SCOPES, csrf_token

FORM = {"to": NUMBER, "flow_id": "23", "interval": "0", "once": "form-1"}


def fill(visitor: Visitor, rows: dict[str, str] | None = None, **changes: str) -> Any:
    """Send the form, with these rows of variables."""
    token = csrf_token(visitor.open("/place").text)
    pairs = {"variable": list(rows or ()), "value": list((rows or {}).values())}
    data = {"csrf_token": token, **FORM, **changes, **pairs}
    return visitor.client.post("/place", data=data)


def wrong_fields(page: str) -> list[str]:
    return re.findall(r'id="h-(\w+)" class="help">\s*<p class="error">', page)


def test_a_form_places_a_call(visitor: Visitor, provider: ScriptedProvider) -> None:
    rows = {"otp": "123456", "name": "Asha", "": ""}
    response = fill(visitor, rows, metadata='{"order": 7}', name="otp")
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
        ("to", "", "Enter the number to call."),
        (
            "to",
            "88671 3500",
            "This is no number that can be called (there is no such",
        ),
        ("bridge", "1800", "This is no whole number."),
        ("flow_id", "", "Enter what is heard: a flow or a sound, one of the two."),
        ("flow_id", "a b", "The id of a flow has letters, digits and - _ . only."),
        ("audio", "a b", "Enter the id of a sound, or its address with https://."),
        ("name", "x" * 101, "At most 100 characters; this has 101."),
        ("reference", "a\x07b", "It has characters that nobody sees"),
        ("metadata", "{", "Not JSON"),
        ("metadata", "[1]", "Write a JSON object"),
        ("interval", "7", "Choose from the list how soon it is dialed again."),
        ("call_type", "fun", "Choose what the call is for from the list."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    visitor: Visitor, provider: ScriptedProvider, field: str, value: str, message: str
) -> None:
    response = fill(visitor, **{field: value})
    assert response.status_code == 422
    assert wrong_fields(response.text)[-1] in (field, "flow_id")
    assert message in unescape(response.text)
    said = " ".join(re.findall('class="error">(.*?)</p>', response.text, re.DOTALL))
    assert not re.search(r"flow_id|call_type|OBDTRACK|bridge", re.sub("<[^>]*>", "", said))
    assert provider.sent == []


def test_all_that_is_wrong_is_told_at_once_and_the_first_of_it_is_in_focus(
    visitor: Visitor,
) -> None:
    page = fill(visitor, {"otp": ""}, to="", flow_id="", reference="x" * 300).text
    assert wrong_fields(page) == ["to", "flow_id", "reference", "variables"]
    assert re.findall(r'<[^>]* name="(\w+)"[^>]* autofocus', page) == ["to"]


def test_the_first_wrong_field_is_in_focus_wherever_it_is(visitor: Visitor) -> None:
    page = fill(visitor, metadata="{").text
    assert re.findall(r'<[^>]* name="(\w+)"[^>]* autofocus', page) == ["metadata"]
    assert "autofocus" not in visitor.open("/place").text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"": "123"}, "Give the value 123 a name."),
        ({"1st": "a"}, "The name 1st may have letters, digits and _ only, and no digit in front."),
        ({"otp": "x" * 1001}, "The value of otp has 1 to 1000 characters."),
        ({f"v{n}": "x" for n in range(51)}, "There are at most 50 variables."),
        ({"otp": "a\x07"}, "They have characters that nobody sees"),
    ],
)
def test_what_is_wrong_with_a_row_of_variables_is_said(
    visitor: Visitor, rows: dict[str, str], message: str
) -> None:
    page = fill(visitor, rows).text
    assert wrong_fields(page) == ["variables"]
    assert message in unescape(page)


def test_two_values_of_one_name_are_asked_about(visitor: Visitor) -> None:
    form = {**FORM, "variable": ["otp", "otp"], "value": ["1", "2"]}
    form["csrf_token"] = csrf_token(visitor.open("/place").text)
    assert "There are two values for otp." in visitor.client.post("/place", data=form).text


def test_a_row_is_added_without_a_script_and_nothing_is_lost(
    visitor: Visitor, provider: ScriptedProvider
) -> None:
    response = fill(visitor, {"otp": "1"}, add="1", to="12")
    names = re.findall(r'name="variable" value="(\w*)"', response.text)
    assert (response.status_code, names, provider.sent) == (200, ["otp", ""], [])
    assert 'value="12"' in response.text
    assert re.findall(r'<[^>]* name="(\w+)"[^>]* autofocus', response.text) == ["variable"]


def test_a_number_without_its_country_is_shown_with_it_before_anybody_is_called(
    visitor: Visitor, provider: ScriptedProvider
) -> None:
    assert "or as it is dialed in India" in visitor.read("/place")
    response = fill(visitor, to="088671 35001")
    assert (response.status_code, provider.sent) == (200, [])
    said = text_of(response.text)
    assert "It will call +91 88671 35001: without a country code it is taken" in said
    assert re.search(rf'name="to" type="tel"\s+value="{re.escape(NUMBER)}"', response.text)
    assert fill(visitor).location.startswith("/calls/")
    assert [request.to for request in provider.sent] == [NUMBER]


def test_a_check_says_what_stands_against_the_call_and_sends_nothing(
    visitor: Visitor, services: Services, provider: ScriptedProvider
) -> None:
    said = text_of(fill(visitor, check="1").text)
    assert "Nothing was sent yet, and nothing stands against it" in said
    assert "It will call +91 88671 35001 (India)." in said
    assert "The number has not opted out of calls." in said
    assert "No calling hours are set: calls may ring at any time." in said
    suppress(NUMBER, operator(), services)
    for pressed in ({"check": "1"}, {}):
        response = fill(visitor, None, **pressed)
        assert response.status_code == 409
        assert "The number does not want calls, since 23 Nov 2026." in text_of(response.text)
    assert provider.sent == []


def test_the_hours_are_said_before_anybody_presses(
    services: Services,
) -> None:
    shut = with_settings(services, calling_window=(time(9), time(17)))
    visitor = Visitor(make_app(shut, documented=False), create_key("Asha", SCOPES, services))
    hint = "It is 17:30 there (Asia/Kolkata); calls are allowed from 09:00 to 17:00."
    assert hint in visitor.read("/place")
    response = fill(visitor)
    assert response.status_code == 409
    assert f"{hint} It can be placed from 24 Nov 09:00 there." in text_of(response.text)


def test_redials_that_would_ring_too_late_are_said(services: Services) -> None:
    shut = with_settings(services, calling_window=(time(9), time(18)))
    visitor = Visitor(make_app(shut, documented=False), create_key("Asha", SCOPES, services))
    said = text_of(fill(visitor, interval="30").text)
    assert (
        "Dialed again every 30 minutes it might ring at 18:30: do not dial again, or wait." in said
    )


def test_flows_and_sounds_used_before_are_offered_once_each(
    visitor: Visitor, caller: Caller
) -> None:
    for flow in ("23", "24", "23"):
        caller.place(flow_id=flow)
    caller.post("/calls", {"to": NUMBER, "audio": "hello"})
    page = visitor.open("/place").text
    offered = {
        name: re.findall('option value="([^"]*)"', options)
        for name, options in re.findall(r'<datalist id="(\w+)">(.*?)</datalist>', page)
    }
    assert offered == {"flows": ["23", "24"], "sounds": ["hello"]}


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
    assert (
        f"A person (Asha) recorded on 23 Nov 2026 at 12:00:00 UTC that it is the call {MID}:1"
        in told
    )
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
