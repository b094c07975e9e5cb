"""The page of what needs attention: decided for several at once, the next one, and one number."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from obdtrack.access.keys import create_key
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor, text_of
from tests.pages.site import SCOPES

FOURTEEN = [f"+9188671350{place:02}" for place in range(14)]


@pytest.fixture
def outage(caller: Caller, provider: ScriptedProvider) -> list[Any]:
    """Fourteen calls whose response never came."""
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    calls = [caller.place(to=number).json for number in FOURTEEN]
    provider.on_send = accepted()
    return calls


def decide(visitor: Visitor, calls: list[Any], **form: Any) -> str:
    """Send the page's form, and say what the page says then."""
    ids = {"listed-call": [call["id"] for call in calls]}
    page = visitor.send("/attention", on="/attention", **ids, **form)
    assert page.status_code == 303
    return visitor.read(page.location)


def in_header(visitor: Visitor) -> list[str]:
    return re.findall(r'class="mark">([^<]+)<', visitor.open("/deliveries").text)


def test_an_outage_is_decided_for_all_its_calls_at_once(
    visitor: Visitor, outage: list[Any], provider: ScriptedProvider
) -> None:
    assert in_header(visitor) == ["14"]
    assert "14 calls and 0 deliveries wait for a person." in visitor.read("/attention")
    told = decide(visitor, outage, action="not-placed", note="the provider was down", all="yes")
    assert "Saved for 14 of them." in told
    assert "Nothing waits for a person." in told
    assert in_header(visitor) == []
    assert "the provider was down" in visitor.read(f"/calls/{outage[0]['id']}")
    assert len(provider.sent) == 14


def test_beyond_a_bound_nobody_counts(
    visitor: Visitor, outage: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obdtrack.web.pages.attention.MOST_COUNTED", 10)
    assert in_header(visitor) == ["9+"]


def test_only_the_selected_ones_are_decided(visitor: Visitor, outage: list[Any]) -> None:
    two = {"selected-call": [call["id"] for call in outage[:2]]}
    assert "Saved for 2 of them." in decide(visitor, outage, action="seen", **two)
    assert in_header(visitor) == ["12"]


@pytest.mark.parametrize(
    ("form", "said"),
    [({"all": "yes"}, "Choose what happened."), ({"action": "seen"}, "Select at least one.")],
)
def test_what_is_missing_is_said(
    visitor: Visitor, outage: list[Any], form: dict[str, str], said: str
) -> None:
    assert said in decide(visitor, outage, **form)
    assert in_header(visitor) == ["14"]


def test_one_that_somebody_decided_meanwhile_costs_the_others_nothing(
    visitor: Visitor, outage: list[Any], app: Flask, services: Services, clock: Clock
) -> None:
    other = Visitor(app, create_key("Ravi", SCOPES, services))
    first = f"/calls/{outage[0]['id']}"
    other.send(f"{first}/resolve", on=first, action="not-placed")
    told = decide(visitor, outage, action="place-again", all="yes")
    assert "Saved for 13 of them." in told
    when = f"{clock.now.day} {clock.now:%b} {clock.now:%H:%M:%S}"
    recorded = f"Ravi recorded at {when} that no phone rang; nothing was changed."
    assert f"1 was not changed: {recorded}" in told
    late = visitor.send(f"{first}/resolve", on=first, action="not-placed")
    assert recorded in text_of(late.text)


def test_after_a_decision_the_next_one_is_a_link_away(visitor: Visitor, outage: list[Any]) -> None:
    *_, before, last = (f"/calls/{call['id']}" for call in outage)
    decided = visitor.send(f"{last}/resolve", on=last, action="seen")
    page = visitor.open(decided.location).text
    assert re.search(rf'Your decision was saved\. <a href="{before}">Next that needs', page)


def test_calls_are_listed_by_why_they_need_it(visitor: Visitor, outage: list[Any]) -> None:
    assert visitor.open("/attention?why=unknown").text.count('name="selected-call"') == 14
    assert visitor.open("/attention?why=conflict").text.count('name="selected-call"') == 0


def test_who_may_only_read_decides_nothing(guest: Visitor, outage: list[Any]) -> None:
    page = guest.open("/attention").text
    assert "selected-call" not in page
    assert "<button" not in page.partition("<main")[2]


def test_an_id_that_is_none_is_refused(visitor: Visitor, outage: list[Any]) -> None:
    form = {"action": "seen", "selected-call": "nonsense"}
    assert visitor.send("/attention", on="/attention", **form).status_code == 422


def test_a_delivery_is_marked_as_seen(visitor: Visitor, caller: Caller, clock: Clock) -> None:
    caller.report(mid="nobody's")
    clock.forward(minutes=11)
    assert "0 calls and 1 delivery wait for a person." in visitor.read("/attention")
    ids = {"listed-delivery": caller.only_delivery()["id"]}
    assert "Saved for 1." in decide(visitor, [], action="seen", all="yes", **ids)
    assert in_header(visitor) == []
