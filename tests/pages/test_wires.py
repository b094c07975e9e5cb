"""What is kept of the provider's answers: all of it but what the variables held."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from obdtrack.access.keys import create_key
from obdtrack.domain.redaction import REMOVED, remove_values
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import ScriptedProvider
from tests.pages.conftest import Visitor


@pytest.mark.parametrize("value", ["1", "42"])
def test_a_short_value_tears_no_text_apart(value: str) -> None:
    page = f"<h{value}>Service unavailable</h{value}>".encode()
    assert remove_values(page, [value]) == page
    message = json.dumps({"message": f"try again in {value} minutes"}).encode()
    assert remove_values(message, [value]) == message


@pytest.mark.parametrize("value", ["1", "42", "123"])
def test_what_is_a_value_and_nothing_else_is_removed(value: str) -> None:
    told = {"otp": value, "deep": [{"n": int(value)}, f" {value} "]}
    assert json.loads(remove_values(json.dumps(told).encode(), [value]) or b"") == {
        "otp": REMOVED, "deep": [{"n": REMOVED}, REMOVED],
    }  # fmt: skip
    assert remove_values(b"<1>", ["<1>"]) == REMOVED.encode()


def test_a_longer_value_is_removed_from_any_text() -> None:
    assert (
        remove_values(b"<h1>otp=123 is wrong</h1>", ["123", "1"])
        == b"<h1>otp=[removed] is wrong</h1>"
    )


def test_the_page_says_what_is_left_out(visitor: Visitor, caller: Caller) -> None:
    call = caller.place(variables={"otp": "1"}).json
    told = visitor.read(f"/calls/{call['id']}")
    assert "Reports are shown as received, without the secret they carry" in told
    assert "values of one or two characters only where they stand alone" in told


def our_request(visitor: Visitor, call: dict[str, Any]) -> str:
    told = visitor.read(f"/calls/{call['id']}")
    return told.partition("POST outgoing/send")[2].partition("}")[0]


def test_our_request_stands_there_as_it_was_sent(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.webhook_id = "hook-1"
    call = caller.place(variables={"otp": "123456"}, interval=5).json
    provider.webhook_id = "hook-2"
    told = our_request(visitor, call)
    sent = json.loads(provider.send_request(replace(provider.sent[0], webhook_id="hook-1")).body)
    shown = json.loads("{" + told.partition("{")[2] + "}")
    assert shown == {**sent, "bridge": shown["bridge"], "variables[otp]": "[removed]"}


def test_a_webhook_that_the_caller_named_is_the_one_that_was_sent(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.webhook_id = "hook-1"
    assert '"webhook_id": "7"' in our_request(visitor, caller.place(webhook_id="7").json)


def test_of_a_call_whose_webhook_was_not_noted_no_default_is_claimed(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    call = caller.place().json
    provider.webhook_id = "hook-2"
    assert "webhook_id" not in our_request(visitor, call)


def test_placed_again_a_call_goes_to_the_webhook_that_is_the_default_then(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    boss = Caller(caller.client, create_key("boss", ["place", "read", "admin"], services))
    provider.webhook_id, provider.on_send = "hook-1", lambda _: SendResponse(Failure.TIMEOUT)
    unknown = boss.place().json
    provider.webhook_id = "hook-2"
    boss.post(f"/calls/{unknown['id']}/resolve", {"action": "place-again"})
    assert provider.completed(provider.sent[-1]).webhook_id == "hook-2"
