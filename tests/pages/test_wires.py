"""What is kept of the provider's answers: all of it but what the variables held."""

from __future__ import annotations

import json

import pytest

from obdtrack.workflows.scrub import REMOVED, scrub
from tests.conftest import Caller
from tests.pages.conftest import Visitor


@pytest.mark.parametrize("value", ["1", "42"])
def test_a_short_value_tears_no_text_apart(value: str) -> None:
    page = f"<h{value}>Service unavailable</h{value}>".encode()
    assert scrub(page, [value]) == page
    message = json.dumps({"message": f"try again in {value} minutes"}).encode()
    assert scrub(message, [value]) == message


@pytest.mark.parametrize("value", ["1", "42", "123"])
def test_what_is_a_value_and_nothing_else_is_removed(value: str) -> None:
    told = {"otp": value, "deep": [{"n": int(value)}, f" {value} "]}
    assert json.loads(scrub(json.dumps(told).encode(), [value]) or b"") == {
        "otp": REMOVED, "deep": [{"n": REMOVED}, REMOVED],
    }  # fmt: skip
    assert scrub(b"<1>", ["<1>"]) == REMOVED.encode()


def test_a_longer_value_is_removed_from_any_text() -> None:
    assert scrub(b"<h1>otp=123 is wrong</h1>", ["123", "1"]) == b"<h1>otp=[removed] is wrong</h1>"


def test_the_page_says_what_is_left_out(visitor: Visitor, caller: Caller) -> None:
    call = caller.place(variables={"otp": "1"}).json
    told = visitor.read(f"/calls/{call['id']}")
    assert "Reports stand as they came, without the secret they carry" in told
    assert "those of one or two characters only where they stand alone" in told
