"""The form that places a call, and the decision about one whose outcome is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from obdtrack.domain.submission import Failure, SendAnswer
from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider, accepted
from tests.pages.conftest import Visitor

FORM = {"to": NUMBER, "flow_id": "23", "interval": "0", "once": "form-1"}


def fill(visitor: Visitor, **changes: str) -> Any:
    return visitor.send("/place", on="/place", **{**FORM, **changes})


def test_a_form_places_a_call(visitor: Visitor, provider: ScriptedProvider) -> None:
    answer = fill(visitor, variables="otp=123456\nname=Asha", metadata='{"order": 7}', name="otp")
    assert answer.location.startswith("/calls/")
    assert "The provider accepted the call on 23 Nov" in visitor.read(answer.location)
    assert dict(provider.sent[0].variables) == {"otp": "123456", "name": "Asha"}


def test_the_same_form_again_rings_nobody(visitor: Visitor, provider: ScriptedProvider) -> None:
    first, second = fill(visitor), fill(visitor)
    assert first.location == second.location
    assert len(provider.sent) == 1


def test_the_same_form_with_other_content_is_asked_about(
    visitor: Visitor, provider: ScriptedProvider
) -> None:
    fill(visitor)
    answer = fill(visitor, to="+918867135077")
    assert answer.status_code == 422
    assert "This form was sent before" in answer.text
    assert len(provider.sent) == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("to", "12", "h-to"),
        ("flow_id", "", "Give exactly one of flow_id and audio."),
        ("variables", "otp", "Write one to a line"),
        ("metadata", "{", "Not JSON"),
        ("metadata", "[1]", "h-metadata"),
        ("interval", "7", "Must be one of"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    visitor: Visitor, provider: ScriptedProvider, field: str, value: str, message: str
) -> None:
    answer = fill(visitor, **{field: value})
    assert answer.status_code == 422
    assert f'id="h-{field}" class="help"><p class="error">' in answer.text
    assert message in answer.text
    assert provider.sent == []


def test_a_form_is_kept_as_it_was_typed(visitor: Visitor) -> None:
    answer = fill(visitor, to="12", name='"><b>', reference="mine")
    assert 'value="&#34;&gt;&lt;b&gt;"' in answer.text
    assert 'value="mine"' in answer.text


@pytest.fixture
def unknown(caller: Caller, provider: ScriptedProvider) -> str:
    provider.on_send = lambda _: SendAnswer(Failure.PROVIDER_ERROR)
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


def test_a_person_has_it_placed_again(
    visitor: Visitor, unknown: str, provider: ScriptedProvider
) -> None:
    answer = visitor.send(f"{unknown}/resolve", on=unknown, action="place-again")
    assert answer.location not in (unknown, None)
    assert len(provider.sent) == 2


@pytest.mark.parametrize("form", [{}, {"action": "attach"}, {"action": "burn"}])
def test_half_a_decision_is_asked_about(
    visitor: Visitor, unknown: str, form: dict[str, str]
) -> None:
    visitor.send(f"{unknown}/resolve", on=unknown, **form)
    assert "Choose what happened" in visitor.read(unknown)


def test_deciding_is_for_admins(guest: Visitor, unknown: str) -> None:
    assert "needs a key with the scope admin" in guest.read(unknown)
    assert guest.send(f"{unknown}/resolve", on="/", action="not-placed").status_code == 403


def test_asking_now_brings_what_the_provider_knows(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    call = f"/calls/{caller.place().json['id']}"
    visitor.send(f"{call}/refresh", on=call)
    assert len(provider.asked) == 1
    assert "Asked the provider: nothing found" in visitor.read(call)
