"""The API's pages: all that the document holds, and examples that work."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from obdtrack.access.keys import create_key
from obdtrack.services import Services
from obdtrack.web.pages.api_reference import GROUPS, ApiGroup, Operation, read_group
from tests.pages.conftest import Visitor, text_of


@pytest.fixture
def documented() -> bool:
    return True


@pytest.fixture
def document(visitor: Visitor) -> Any:
    return visitor.open("/api/openapi.json").json


def read(app: Flask, document: Any, base: str) -> dict[str, ApiGroup]:
    with app.test_request_context():
        return {name: read_group(document, name, base) for name in GROUPS}


@pytest.fixture
def groups(app: Flask, document: Any) -> dict[str, ApiGroup]:
    return read(app, document, "https://calls.example")


@pytest.fixture
def operations(groups: dict[str, ApiGroup]) -> list[Operation]:
    return [operation for group in groups.values() for operation in group.operations]


def test_every_operation_and_every_field_of_the_document_is_on_a_page(
    visitor: Visitor, document: Any
) -> None:
    told = " ".join(text_of(visitor.open(f"/api/docs/{name}").text) for name in GROUPS)
    index = text_of(visitor.open("/api/docs").text)
    for path, operations in document["paths"].items():
        for method in operations.keys() - {"parameters"}:
            assert f"{method.upper()} {path}" in told
            assert f"{method.upper()} {path}" in index
    for name in ("PlaceCall", "Resolve", "Call", "Event", "Delivery", "Attempt", "Findings"):
        for field in document["components"]["schemas"][name]["properties"]:
            assert f" {field} " in told, (name, field)


def test_an_operation_is_one_click_from_the_index_and_every_link_leads_somewhere(
    visitor: Visitor,
) -> None:
    pages = {path: visitor.open(path).text for path in
             ("/api/docs", *(f"/api/docs/{name}" for name in GROUPS))}  # fmt: skip
    followed = 0
    for here, page in pages.items():
        for path, anchor in re.findall(r'href="([^"#]*)#([^"]+)"', page):
            if not anchor.startswith(("i-", "s-")):  # those are drawings
                assert f'id="{anchor}"' in pages[path or here], (here, path, anchor)
                followed += 1
    assert followed > 200
    assert visitor.open("/api/docs/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/api/docs", *(f"/api/docs/{name}" for name in GROUPS)])
def test_no_page_is_large(visitor: Visitor, path: str) -> None:
    sent = visitor.open(path, headers={"Accept-Encoding": "gzip"})
    assert len(sent.data) < 25_000  # beside styles and script


def test_problems_and_limits_are_told_as_they_are(visitor: Visitor) -> None:
    told = visitor.read("/api/docs")
    for words in (
        "HTTP/1.1 429 Too Many Requests Content-Type: application/problem+json Retry-After: 10",
        '"code": "conflict"', "64 KiB", "30 a minute", "Idempotency-Key", "next_cursor",
    ):  # fmt: skip
        assert words in told


@pytest.fixture
def served_app(app: Flask, document: Any) -> Iterator[str]:
    """The application on a port of its own; returns its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_examples_that_place_a_call_place_one(
    app: Flask, document: Any, served_app: str, services: Services, visitor: Visitor
) -> None:
    (place, *_) = read(app, document, served_app)["calls"].operations
    ran = {"Python": [sys.executable, "-c"], "curl": ["bash", "-c"]}
    if shutil.which("node"):
        ran["Node"] = ["node", "--input-type=module", "-e"]
    seen = set()
    for language, command in ran.items():
        if language == "curl" and not shutil.which("curl"):
            continue
        key = create_key(language, ["place"], services)  # another caller, or it would be a repeat
        environ = {**os.environ, "OBDTRACK_KEY": key}
        done = subprocess.run(
            [*command, place.examples[language]], env=environ, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        (found,) = re.findall(r"id['\"]?: ?['\"]([0-9a-f-]{36})['\"]", done.stdout)[:1]
        seen.add(found)
        assert "+918867135001" in visitor.read(f"/calls/{found}").replace(" ", "")
    assert len(seen) >= 1


def test_what_is_read_needs_no_body_and_a_file_is_sent_as_one(operations: list[Operation]) -> None:
    by_anchor = {operation.anchor: operation.examples for operation in operations}
    listed = by_anchor["get-calls"]
    assert "requests.get(" in listed["Python"]
    assert not any(word in listed["Node"] for word in ("body", "Content-Type"))
    imported = by_anchor["post-campaigns-identifier-recipients"]
    assert "--data-binary @list.csv" in imported["curl"]
    assert "$CAMPAIGN_ID/recipients?to=Phone" in imported["curl"]
    assert 'data=open("list.csv", "rb").read(),' in imported["Python"]
    assert 'await readFile("list.csv")' in imported["Node"]
    assert "-X DELETE" in by_anchor["delete-destinations-destination_id"]["curl"]
    for examples in by_anchor.values():
        compile(examples["Python"], "example", "exec")
        shlex.split(examples["curl"])


def test_the_command_that_decides_rings_nobody(operations: list[Operation]) -> None:
    deciding = [op for op in operations if op.path.endswith("resolve")]
    bodies = [json.loads(shlex.split(op.examples["curl"])[-1]) for op in deciding]
    assert bodies == [{"action": "not-placed"}] * 2


def test_a_command_is_shown_as_it_is_to_be_typed(visitor: Visitor) -> None:
    commands = re.findall(r"<pre>(curl .*?)</pre>", visitor.open("/api/docs/calls").text)
    assert commands
    for command in commands:
        assert 'Authorization: Bearer $OBDTRACK_KEY"' in unescape(command)


def test_a_kind_is_said_in_words(groups: dict[str, ApiGroup]) -> None:
    (call,) = (shape for shape in groups["calls"].shapes if shape.name == "Call")
    kinds = {field.name: field.kind for field in call.fields}
    assert kinds["id"] == "id"
    assert kinds["created_at"] == "time"
    assert kinds["reference"] == "text or null"
    assert kinds["attempts"] == "list of Attempt"
    assert kinds["status"].startswith("one of submitting, unknown")
