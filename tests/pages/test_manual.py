"""The API's page: all that the document holds, and commands that work."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from typing import Any

import pytest

from obdtrack.web.pages.api_reference import Manual, read_document
from tests.pages.conftest import Visitor, text_of


@pytest.fixture
def documented() -> bool:
    return True


@pytest.fixture
def document(visitor: Visitor) -> Any:
    return visitor.open("/api/openapi.json").json


@pytest.fixture
def manual(document: Any) -> Manual:
    return read_document(document, "https://calls.example")


def test_every_operation_and_every_field_of_the_document_is_on_the_page(
    visitor: Visitor, document: Any
) -> None:
    told = text_of(visitor.open("/api/docs").text)
    for path, operations in document["paths"].items():
        for method in operations.keys() - {"parameters"}:
            assert f"{method.upper()} {path}" in told
    for name in ("PlaceCall", "Resolve", "Call", "Event", "Delivery", "Attempt", "Problem"):
        for field in document["components"]["schemas"][name]["properties"]:
            assert f" {field} " in told, (name, field)


def test_every_link_of_the_page_leads_somewhere_on_it(visitor: Visitor) -> None:
    page = visitor.open("/api/docs").text
    targets = set(re.findall(r'href="#([^"]+)"', page)) - set(re.findall(r"#[is]-\w+", page))
    drawn = {target for target in targets if target.startswith(("i-", "s-"))}
    assert targets - drawn <= set(re.findall(r'id="([^"]+)"', page))


def test_the_command_that_places_a_call_places_one(visitor: Visitor, manual: Manual) -> None:
    (place,) = (op for op in manual.operations if op.method == "POST" and op.path.endswith("calls"))
    words = shlex.split(place.curl)
    assert words[:3] == ["curl", "-s", "https://calls.example/api/v1/calls"]
    once = re.search(r'name="once" value="(\w+)"', visitor.open("/place").text)
    body = json.loads(words[-1])
    body["variables"] = "\n".join(f"{k}={v}" for k, v in body["variables"].items())
    response = visitor.send("/place", on="/place", once=once.group(1) if once else "", **body)
    assert response.location.startswith("/calls/")


def test_the_command_that_decides_rings_nobody(manual: Manual) -> None:
    deciding = [op for op in manual.operations if op.path.endswith("resolve")]
    bodies = [json.loads(shlex.split(op.curl)[-1]) for op in deciding]
    assert bodies == [{"action": "not-placed"}] * 2


def test_a_command_is_shown_as_it_is_to_be_typed(visitor: Visitor) -> None:
    commands = re.findall(r"<pre>(curl .*?)</pre>", visitor.open("/api/docs").text)
    assert commands
    for command in commands:
        assert 'Authorization: Bearer $OBDTRACK_KEY"' in unescape(command)


def test_a_kind_is_said_in_words(manual: Manual) -> None:
    (call,) = (shape for shape in manual.shapes if shape.name == "Call")
    kinds = {field.name: field.kind for field in call.fields}
    assert kinds["id"] == "id"
    assert kinds["created_at"] == "time"
    assert kinds["reference"] == "text or null"
    assert kinds["attempts"] == "list of Attempt"
    assert kinds["status"].startswith("one of submitting, unknown")
