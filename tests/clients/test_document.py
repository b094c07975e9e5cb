"""What the client sends and reads is in the API document, with types that fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, NotRequired, get_args, get_origin, get_type_hints
from urllib.parse import parse_qs

import pytest
from obdtrack_client import Client, ObdtrackError, errors, received, sent

from obdtrack.errors import Code
from obdtrack.web.http.errors import HTTP_STATUS
from tests.clients.wires import Idle, Wire, response
from tests.conftest import Caller
from tests.factories import NUMBER


@pytest.fixture
def documented() -> bool:
    return True


@pytest.fixture
def document(caller: Caller) -> Any:
    return caller.client.get("/api/openapi.json", headers=caller.headers).json


SHOWN = {
    "Attempt": received.Attempt, "Call": received.Call, "CheckedCampaign": received.Campaign,
    "FeedEvent": received.Event, "Findings": received.Findings,
    "FirstRequest": received.FirstRequest,
    "Import": received.Import, "ProblemOfRow": received.RowProblem, "Progress": received.Progress,
    "Recipient": received.Recipient, "Submission": received.Submission,
    "WaitingReport": received.WaitingReport,
}  # fmt: skip
TAKEN = {
    "PlaceCall": (sent.CallOptions, {"to"}),
    "PlaceSubmission": (sent.RequestOptions, {"to", "skip"}),
    "CreateCampaign": (sent.Plan, {"name"}), "EditCampaign": (sent.Plan, {"name"}),
    "Retries": (sent.Retries, set()), "StopIf": (sent.StopIf, set()),
}  # fmt: skip
LEFT_OUT = {"specversion", "datacontenttype"}  # of an event: always the same
PLAIN = {str: "string", int: "integer", bool: "boolean", float: "number"}


def fits(hint: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    """Whether a value that the document describes so is of this type."""
    if get_origin(hint) is NotRequired:
        hint = get_args(hint)[0]
    hints = set(get_args(hint)) if isinstance(hint, UnionType) else {hint}
    if not schema.keys() & {"type", "anyOf", "$ref"}:
        return hint is Any or type(None) in hints  # whatever it may be
    kinds = schema.get("anyOf") or [
        {**schema, "type": kind} if kind else schema
        for kind in (
            schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type")]
        )
    ]
    return all(any(fits_one(one, kind, schemas) for one in hints) for kind in kinds)


def fits_one(hint: Any, kind: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    origin = get_origin(hint) or hint
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        if isinstance(hint, type) and issubclass(hint, received.Received):
            return get_type_hints(hint).keys() >= schemas[name]["properties"].keys()
        if name in TAKEN:
            return hint is TAKEN[name][0]
        return origin is Mapping and schemas[name].get("type", "object") == "object"
    if kind["type"] == "null":
        return hint is type(None)
    if kind["type"] == "array":
        return origin in {tuple, list} or origin.__name__ == "Sequence"
    if kind["type"] == "object":
        return origin is Mapping
    if kind.get("format") == "date-time":
        return hint is datetime
    return PLAIN.get(hint, "string" if hint is Decimal else None) == kind["type"]


def test_what_is_shown_has_the_fields_and_types_of_the_document(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name, kind in SHOWN.items():
        described, hints = schemas[name]["properties"], get_type_hints(kind)
        assert hints.keys() == described.keys() - LEFT_OUT, name
        wrong = [field for field in hints if not fits(hints[field], described[field], schemas)]
        assert wrong == [], name


def test_what_is_sent_has_the_fields_and_types_of_the_document(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name, (options, own) in TAKEN.items():
        described, hints = schemas[name]["properties"], get_type_hints(options)
        assert hints.keys() | own == described.keys(), name
        wrong = [field for field in hints if not fits(hints[field], described[field], schemas)]
        assert wrong == [], name


def test_the_statuses_are_those_of_the_document(document: Any) -> None:
    known = document["components"]["schemas"]["Call"]["properties"]["status"]["enum"]
    assert set(known) == received.FINAL | received.WAITING
    assert received.FINAL.isdisjoint(received.WAITING)


def test_each_code_has_its_exception() -> None:
    for code in Code:
        kind = errors.BY_CODE[code]
        assert errors.BY_STATUS[HTTP_STATUS[code]] is kind


def template_of(path: str, document: Any) -> str:
    """The path of the document that a request's path is an instance of."""
    bare = path.partition("?")[0]
    (found,) = [
        template
        for template in document["paths"]
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), bare)
    ]
    return str(found)


def test_each_operation_and_parameter_is_in_the_document(document: Any) -> None:
    page = {"data": [], "next_cursor": None}
    wire = Wire(lambda seen: response(200, page if seen.method == "GET" else {}))
    client: Client = Idle().client(wire, patience=0)
    listed: list[Any] = [
        client.calls(
            status="busy",
            to=NUMBER,
            name="otp",
            reference="order-7",
            needs_attention=True,
            created_after=datetime.now(UTC),
            created_before=datetime.now(UTC),
        ),
        client.campaigns(),
        client.recipients("x", "sent"),
        client.events(types=["call.*"], call_id="x", campaign_id="x", start="x", follow=False),
    ]
    for pages in listed:
        next(pages, None)
    steps = [
        lambda: client.place(NUMBER),
        lambda: client.submit([NUMBER]),
        lambda: client.call("x"),
        lambda: client.create_campaign("x"),
        lambda: client.edit_campaign("x"),
        lambda: client.campaign("x"),
        lambda: client.add_recipients(
            "x", b"", columns={"to": "Phone"}, default_country="IN", delimiter="tab", header=False
        ),
        lambda: client.check_campaign("x"),
        lambda: client.start_campaign("x"),
        lambda: client.pause_campaign("x", "y"),
        lambda: client.resume_campaign("x"),
        lambda: client.stop_campaign("x"),
        lambda: client.report("x", zone="UTC"),
    ]
    for step in steps:
        with suppress(ObdtrackError):
            step()
    assert len(wire.seen) == 1 + len(listed) + len(steps)  # events are asked for until none come
    for seen in wire.seen:
        told = document["paths"][template_of(seen.path, document)]
        operation = told[seen.method.lower()]
        parameters = {one["name"] for one in operation.get("parameters", [])}
        assert parse_qs(seen.path.partition("?")[2]).keys() <= parameters, seen
        assert ("Idempotency-Key" in parameters) == (seen.key is not None)
        if seen.body:
            kind = seen.headers["Content-Type"]
            assert kind in operation["requestBody"]["content"]
