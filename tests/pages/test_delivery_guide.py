"""A delivery's page says how it is read, which setting helps, and lets a person choose its call."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider, accepted
from tests.pages.conftest import Visitor


@pytest.fixture
def call(caller: Caller, provider: ScriptedProvider) -> dict[str, Any]:
    provider.on_send = accepted(mid=None)
    placed: dict[str, Any] = caller.place().json
    return placed


def newest(visitor: Visitor) -> str:
    """The page of the newest delivery."""
    found = re.search(r'href="(/deliveries/[0-9a-f-]{36})"', visitor.open("/deliveries").text)
    assert found
    return found[1]


def composed(call: dict[str, Any]) -> str:
    """A report under keys that nobody knows."""
    return json.dumps({"clogref": call["provider_id"], "who": NUMBER[1:], "disposition": "ANSWER"})


def test_the_setting_that_helps_is_shown_with_the_call_it_would_find(
    visitor: Visitor, caller: Caller, call: dict[str, Any]
) -> None:
    caller.deliver(composed(call))
    page = newest(visitor)
    told = visitor.read(page)
    assert re.search(r"OBDTRACK_WEBHOOK_FIELDS=\S*provider_id=clogref", told)
    assert f"With it, this would be matched to the call to {NUMBER}" in told
    assert f'href="/calls/{call["id"]}"' in visitor.open(page).text
    assert re.search(r"How it is read .* clogref .* not understood", told)


def test_what_is_understood_by_now_is_said_to_be_reprocessed(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider, call: Any
) -> None:
    caller.deliver(composed(call))
    page = newest(visitor)
    provider._reader = replace(provider._reader, fields={"provider_id": "clogref", "to": "who"})
    assert f"this is a report about the call to {NUMBER}" in visitor.read(page)
    visitor.send(f"{page}/replay", on=page)
    told = visitor.read(page)
    assert "Matched" in told
    assert "start obdtrack again, and run rebuild" in told


def test_a_person_chooses_the_call_of_a_report_that_names_none(
    visitor: Visitor, guest: Visitor, caller: Caller, call: dict[str, Any]
) -> None:
    caller.report(mid="nobody's")
    page = newest(visitor)
    told = visitor.read(page)
    assert re.search(r"Calls to this number around \d\d:\d\d", told)
    assert "Give it to this call" not in guest.read(page)
    assert NUMBER[1:] not in guest.open(page).text
    assert "Choose a call." in visitor.read(visitor.send(f"{page}/attach", on=page).location)
    done = visitor.send(f"{page}/attach", on=page, call_id=call["id"], note="asked her")
    assert done.location == f"/calls/{call['id']}"
    told = visitor.read(done.location)
    assert (
        "The report is on the timeline of this call now." in visitor.read("/") or "Answered" in told
    )
    assert "someone said that a report is about this call" in told
    assert "asked her" in told


def test_a_second_tab_is_told_who_gave_it_and_when(
    visitor: Visitor, caller: Caller, call: dict[str, Any]
) -> None:
    caller.report(mid="nobody's")
    page = newest(visitor)
    form = {"call_id": "other", "other": call["provider_id"]}
    assert visitor.send(f"{page}/attach", on=page, **form).location == f"/calls/{call['id']}"
    late = visitor.open(visitor.send(f"{page}/attach", on=page, **form).location).text
    assert re.search(r"Asha gave it to its call at .*; nothing was changed\.", late)


def test_numbers_are_masked_in_what_was_read(guest: Visitor, caller: Caller, call: Any) -> None:
    caller.report(mid="nobody's")
    page = newest(guest)
    assert NUMBER[1:] not in guest.open(page).text
    assert re.search(r"How it is read .* from \S*•", guest.read(page))


def test_a_delivery_that_needs_attention_is_marked_as_seen(
    visitor: Visitor, caller: Caller
) -> None:
    caller.deliver("who are you?")
    page = newest(visitor)
    assert "This delivery needs attention" in visitor.read(page)
    delivery_id = page.rpartition("/")[2]
    form = {"action": "seen", "selected-delivery": delivery_id}
    visitor.send("/attention", on=page, **form)
    assert "This delivery needs attention" not in visitor.read(page)
