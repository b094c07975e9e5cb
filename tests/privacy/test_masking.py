"""Who may not see a number finds no spelling of it in any view, however it is encoded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, unquote

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.access.keys import create_key
from obdtrack.domain import redaction
from obdtrack.domain.redaction import hide, hide_within
from obdtrack.services import Services
from obdtrack.store.database import Store
from tests.conftest import Caller
from tests.factories import NUMBER, SECRET, ScriptedProvider, report_body
from tests.pages.conftest import Visitor

DIGITS, NATIONAL = NUMBER[1:], NUMBER[3:]

SPELLINGS = [
    NUMBER,
    DIGITS,
    NATIONAL,
    f"0{NATIONAL}",
    f"00{DIGITS}",
    "+91 88671 35001",
    "88671 35001",
    "0 88671-35001",
    "91-8867-135-001",
    "(91) 88671.35001",
    "0091/88671/35001",
    "88671\u00a035001",
    "88671\u201135001",
    "88671\u200b35001",
    "८८६७१३५००१",
    f"id{DIGITS}x",
    f"1{DIGITS}20261123115723",
    f"a_{NATIONAL}20261123",
]


def as_entities(text: str) -> str:
    return "".join(f"&#{ord(letter)};" for letter in text)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def percent(text: str) -> str:
    return "".join(f"%{octet:02X}" for octet in text.encode())


ENCODINGS: list[Callable[[str], str]] = [
    str,
    quote,
    percent,
    escaped,
    as_entities,
    lambda text: percent(percent(text)),
    lambda text: json.dumps(json.dumps(escaped(text))),
    lambda text: quote(as_entities(text)),
]


def plain(text: str) -> str:
    """Everything somebody could read out of a text: decoded until nothing changes."""
    while True:
        read = re.sub(r"\\*\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        read = unescape(unquote(read))
        if read == text:
            break
        text = read
    digits = (str(int(letter)) if letter.isdecimal() else letter for letter in text)
    return re.sub(r"[\s\u00a0\u200b\u2010-\u2015().\-/+]", "", "".join(digits))


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """What is shown does not depend on the database."""
    return sqlite_store


@given(
    st.sampled_from(SPELLINGS),
    st.sampled_from(ENCODINGS),
    st.text('abc=&? "{}:,\n', max_size=4),
    st.booleans(),
)
def test_no_spelling_is_left_in_any_encoding(
    spelling: str, encoded: Callable[[str], str], around: str, others: bool
) -> None:
    text = f"{around}{encoded(spelling)}{around}"
    assert NATIONAL in plain(text)
    assert NATIONAL not in plain(hide(text, NUMBER, others=others))
    part = {"a": [{text: text}], text: 7, "n": int(NATIONAL), "f": float(DIGITS)}
    assert NATIONAL not in plain(json.dumps(hide_within(part, NUMBER, others=others)))


@given(st.lists(st.text(" .-()/\u00a0\u2010", max_size=3), min_size=12, max_size=12))
def test_nothing_between_the_digits_keeps_them_from_being_hidden(between: list[str]) -> None:
    text = "".join(digit + gap for digit, gap in zip(DIGITS, between, strict=True))
    assert NATIONAL not in plain(hide(f"to={text}", NUMBER, others=False))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 11:57:23+05:30",
        "23-11-2026 11:57:23",
        "2026-11-23T06:27:39.123456Z",
        "70fa87e0-9df9-4327-bc80-a561c48703d8:1",
        "12345678-1234-4321-8765-872112345491:1",
        "erased-0123456789012345",
        "103.21.244.101, Chrome/120.0.6099.130",
        "\\ud83d\\ude00",
        "100 %25 &amp; more \\u00e9",
        "order 8867135002, 42 of 100",
    ],
)
def test_what_is_not_the_number_stays_as_it_was_written(text: str) -> None:
    others = "8867135002" not in text
    assert hide(text, NUMBER, others=others) == text


def test_digits_without_a_country_are_hidden_as_they_are() -> None:
    assert NATIONAL not in plain(hide("88671 35001 and 0 88671-35001", NATIONAL, others=False))


class Views:
    """Every view of one call that has a spelling of its number wherever one can stand."""

    def __init__(self, app: Flask, caller: Caller, services: Services) -> None:
        self.caller = caller
        self.reader = Caller(caller.client, create_key("reader", ["read"], services))
        self.page = Visitor(app, create_key("guest", ["read"], services))

    def tell(self, provider: ScriptedProvider, spelling: str) -> None:
        """Place a call and report it; what has `spelling` in it reaches each field."""
        fields: dict[str, Any] = {"reference": f"r {spelling}", "metadata": {spelling: [spelling]}}
        if spelling.isascii():
            fields["name"] = spelling
        call = self.caller.place(**fields).json
        body = report_body(
            mid=call["provider_id"].partition(":")[0],
            dtmf=spelling,
            recording_url=f"https://example.com/{quote(spelling)}.mp3",
            status=f"ODD {spelling}",
            **{f"k{spelling}": spelling, "more": {spelling: [spelling]}},
        )
        headers = {
            "Authorization": f"Bearer {SECRET}",
            "X-About": quote(spelling),
            f"X-{quote(spelling, safe='').replace('%', '-')}": "1",
        }
        # Of what cannot be read nobody knows the number; then a longer row of digits may be an id.
        rows = re.findall("[0-9]{16,}", spelling)
        for text in (json.dumps(body), f"what? {spelling}")[: 1 if rows else 2]:
            self.caller.deliver(
                text.encode(),
                headers=headers,
                query_string={"q": spelling, spelling: 1},
                content_type=f"application/json; about={quote(spelling)}",
            )
        self.call_id = call["id"]

    def read(self) -> dict[str, str]:
        api = {
            path: json.dumps(self.reader.get(path).json, ensure_ascii=False)
            for path in (
                "/calls",
                f"/calls/{self.call_id}",
                f"/calls/{self.call_id}/events",
                "/deliveries",
                *(f"/deliveries/{row['id']}" for row in self.deliveries()),
            )
        }
        pages = {
            path: self.page.open(path).text
            for path in (
                "/?period=any",
                "/calls.csv?period=any",
                f"/calls/{self.call_id}",
                "/deliveries",
                *(f"/deliveries/{row['id']}" for row in self.deliveries()),
            )
        }
        return {**api, **{f"page {path}": text for path, text in pages.items()}}

    def deliveries(self) -> list[Any]:
        found: list[Any] = self.reader.get("/deliveries").json["data"]
        return found


@pytest.fixture
def views(app: Flask, caller: Caller, services: Services) -> Views:
    return Views(app, caller, services)


@pytest.mark.parametrize("spelling", [*SPELLINGS, percent(NATIONAL), as_entities(DIGITS)])
def test_no_view_shows_a_spelling_of_the_number(
    views: Views, provider: ScriptedProvider, spelling: str
) -> None:
    views.tell(provider, spelling)
    shown = views.read()
    assert {path: text for path, text in shown.items() if NATIONAL in plain(text)} == {}
    detail = str(
        [row["detail"] for row in views.caller.get(f"/calls/{views.call_id}/events").json["data"]]
    )
    assert all(name in detail for name in ("recording_url", "dtmf", "extra"))


def by_one_spelling(text: str, *numbers: str, others: bool = True) -> str:
    """Mutant: only the number as it was called is hidden."""
    for number in numbers:
        text = text.replace(number.removeprefix("+"), "9188•••••001")
    return text


def without_decoding(text: str) -> str:
    """Mutant: what is encoded is not read."""
    return text


@pytest.mark.parametrize(
    ("name", "mutant", "spelling"),
    [
        ("hide", by_one_spelling, "88671 35001"),
        ("_decoded", without_decoding, as_entities(NATIONAL)),
    ],
)
def test_masking_less_would_be_noticed(
    views: Views, provider: ScriptedProvider, name: str, mutant: Any, spelling: str
) -> None:
    with (
        patch.object(redaction, name, mutant),
        patch("obdtrack.web.pages.http_log.hide", redaction.hide),
    ):
        views.tell(provider, spelling)
        assert any(NATIONAL in plain(text) for text in views.read().values())
