"""What each field of the API means, and what one looks like: fills the API document's gaps.

A name means the same wherever it stands, so that most meanings are told once; `Schema.name` is for
one that means something else there. What a field says of itself comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from obdtrack.domain.facts import FACTS
from obdtrack.domain.status import Status
from obdtrack.web.http.responses import problem_body

Node = dict[str, Any]

_STATES = {
    f"Totals.{status}": f"Calls of it that are `{status}` now." for status in Status
}  # fmt: skip

MEANINGS: dict[str, str] = {
    **_STATES,
    "Totals.ready": "Recipients that will be called once it is started.",
    "Totals.skipped": "Recipients that were not called; opted-out ones too.",
    "at": "When it was checked.",
    "allowed": "What may be done with it now.",
    "at_window_end": "What becomes of those who were not called when the hours end.",
    "attempt": "Which dialling of the call it is about, from 1; null: of none.",
    "attempts": "Each time the phone rang, or was to ring.",
    "audio": "The audio file's id or URL that is played; null: a flow is.",
    "body": "What was sent or returned, as text.",
    "bridge": "The calling number.",
    "budget": "What its calls may cost, as exact decimal text; null: any amount.",
    "by": "Which table: one line for each recipient, attempt or day, or a file of those that were "
    "not called (`unsent`) or not reached (`failed`), which can be imported again.",
    "call_id": "The call it belongs to; null: to none yet.",
    "call_type": "What kind of call it is: the hours in which it may ring depend on it.",
    "calling_window": "Hours of the day in which it calls; null: those the settings allow.",
    "campaign_id": "The campaign that placed it; null: none did.",
    "changed_at": "When a person last changed it.",
    "code": "The error in one word, for programs: it stays the same, `detail` may not.",
    "conflict": "Whether reports of it disagree.",
    "content_type": "Its header Content-Type.",
    "created_after": "Only calls placed then or later.",
    "created_at": "When it was created.",
    "created_before": "Only calls placed before then.",
    "data": "The rows of this page.",
    "datacontenttype": "What `data` is written in.",
    "dataschema": "Where the meaning of `data` is described.",
    "delivered": "Whether the destination took it.",
    "delivery_id": "The request to the callback that told it; null: none did.",
    "delivery_id in the path": "The delivery's id.",
    "destination_id": "The destination's id.",
    "detail": "What is wrong, and what to do, in a sentence for people.",
    "Event.detail": "What else was told, by name.",
    "duplicate": "Rows whose number stands in the list already.",
    "duration_ms": "How long it took, in milliseconds.",
    "empty_rows": "Rows without any cell.",
    "end_at": "When it stops calling, whoever is left; null: when all were called.",
    "ended_at": "When the call ended; null: not known, or not yet.",
    "Campaign.ended_at": "When it ended; null: not yet.",
    "errors": "What is wrong, by field; missing if it is about none.",
    "Recipient.errors": "What is wrong with its row; empty: nothing.",
    "estimated_end_at": "When all would have been called; null: not known.",
    "failure": "Why there was no usable response, in a word; null: there was one.",
    "filter": "Which events are meant; each part that is given must fit.",
    "first_requests": "The first requests to the provider, as they will be sent.",
    "flow_id": "Id of the IVR flow that is played; null: an audio file is.",
    "headers": "Its headers, by name, without those that carry secrets.",
    "http_status": "The status of the response; null: there was none.",
    "id": "Its id, for ever.",
    "identifier": "The call's id, ours or the provider's.",
    "campaign in the path": "The campaign's id, or its name.",
    "import_id": "The import that brought it.",
    "interval": "Minutes between redials of an unanswered call; 0: none.",
    "invalid": "Rows that cannot be called, as something in them is wrong.",
    "kind": "What it is about.",
    "Response.kind": "What was asked: `send` or a look-up.",
    "max_in_flight": "Calls that have not ended, at most.",
    "message": "The provider's own words; null: none.",
    "metadata": "Your own JSON object, as it was given.",
    "method": "Its HTTP method.",
    "name": "Campaign the call belongs to; null: none.",
    "Campaign.name": "Its name, unique among campaigns; all its calls have it.",
    "name in the query": "Only calls of this campaign's name.",
    "next_check_at": "When the provider is asked about it next; null: it is not.",
    "next_cursor": "Pass it as `cursor` for the next page; null: this is the last.",
    "FeedPage.next_cursor": "Pass it as `after` for what happens next; there always is one.",
    "next_try_at": "When it is tried again; null: it is not, by itself.",
    "notification_id": "The notification's id.",
    "number": "Which dialling of the call it was, from 1.",
    "numbers": "How much of phone numbers is sent.",
    "numbers_per_request": "Numbers in one request to the provider.",
    "opted_out": "Recipients on the do-not-call list.",
    "outcome": "What became of it: on a timeline (`matched`, `duplicate`) or why not.",
    "over_budget": "Whether the estimated cost is more than the budget.",
    "path": "Where it is sent, at the provider.",
    "per_minute": "Calls a minute at most.",
    "progress": "How far it is, and what its calls came to.",
    "provider": "Who carries the call.",
    "provider_id": "The provider's id of the call; null: not known.",
    "provider_status": "The provider's own word for how it ended.",
    "query": "What stood after the `?` of its URL.",
    "reason": "Why it stands so, in a word; null: nothing is known beyond the status.",
    "ProblemOfCell.reason": "What is wrong, in a sentence.",
    "ProblemOfRow.reason": "What is wrong, in a sentence.",
    "received_at": "When it arrived, by our clock.",
    "recording_url": "Where the provider has the recording.",
    "reference": "Your own key for it; null: none was given.",
    "reference in the query": "Only calls with exactly this reference.",
    "request_id": "The same as in the header X-Request-Id and in the log: name it when you ask.",
    "answered_at": "When the response had arrived.",
    "requested_at": "When the request was sent.",
    "retries": "Whether and when it calls again by itself; null: never.",
    "row": "Which row of the file it is, as a person sees it: a header is row 1.",
    "rows": "Rows of the file.",
    "ready": "Rows that can be called.",
    "sheets_not_read": "Other sheets of the workbook.",
    "since": "From when on.",
    "source": "How we know: who told it.",
    "FeedEvent.source": "What ids of events are unique within.",
    "specversion": "The version of CloudEvents.",
    "start_at": "When it begins once it was started; null: at once.",
    "started_at": "When the phone began to ring; null: not known.",
    "Campaign.started_at": "When it was started; null: not yet.",
    "state": "Where it stands.",
    "status": "Where it stands.",
    "Problem.status": "The HTTP status.",
    "Event.status": "Where the call stands by it; null: it says nothing of that.",
    "status_as_of": "Since when the status is as it is, by our clock.",
    "status_source": "How we know the status: who told it.",
    "status in the query": "Only those that stand so.",
    "stop_if": "When it pauses by itself; null: never.",
    "submission_id": "The request to the provider that placed it, with others perhaps.",
    "submitted_at": "When the provider said it had accepted the call, by its clock.",
    "time": "When it happened.",
    "title": "The HTTP status in words.",
    "totals": "How many recipients and calls stand where.",
    "tried_at": "When it was last tried; null: not yet.",
    "tries": "How often it was tried.",
    "type": "The kind of event.",
    "Problem.type": "Always `about:blank`: `code` says which error it is.",
    "due_at": "When it is to be called; null: it is not, or any time.",
    "unused_columns": "Columns that nothing is taken from.",
    "url": "Where notifications are posted.",
    "webhook_id": "The provider's webhook that gets the reports; null: the account's.",
}

_CALL, _OTHER = "01a2078b-2c00-747d-b66f-d8899bfdb69b", "01a2078b-2c00-7c11-9a04-5b7f0e6a1d20"
_AT, _ENDED = "2026-11-23T06:27:39Z", "2026-11-23T06:28:14Z"

EXAMPLES: dict[str, Any] = {
    "allowed": ["start", "edit"],
    "answered_percent": None,
    "answered": True,
    "at_window_end": "resume",
    "attempt": 1,
    "behind": 0,
    "billable_seconds": 60,
    "body": '{"status": 200, "message": "1 numbers accepted"}',
    "FirstRequest.body": '{"flow_id": "23", "to": ["+9188•••••001"]}',
    "bridge": "+918068280000",
    "calls": 0,
    "call_id": _CALL,
    "campaign_id": None,
    "Import.campaign_id": _OTHER,
    "charges": "0.5000",
    "charges_of_a_call": "0.5000",
    "estimated_cost": "1.0000",
    "estimated_end_at": _ENDED,
    "changed": {"status": "queued"},
    "code": "invalid",
    "column": "Phone",
    "content_type": "application/json",
    "cost": "0",
    "FeedEvent.data": {"id": _CALL, "to": "+9188•••••001", "status": "completed"},
    "datacontenttype": "application/json",
    "dataschema": "/api/openapi.json#/components/schemas/Call",
    "detail": {"provider_status": "ANSWER"},
    "Problem.detail": "Some fields are invalid.",
    "delivery_id": _OTHER,
    "delivered": True,
    "delivered_at": _ENDED,
    "duration_ms": 84,
    "duration_seconds": 16,
    "empty_cells": {"Order": 1},
    "ended_at": _ENDED,
    "Campaign.ended_at": None,
    "errors": {"to": ["Not a phone number in international form."]},
    "Import.errors": [],
    "Import.duplicates": [],
    "Recipient.errors": [],
    "event_id": _OTHER,
    "failures": [],
    "filter": {"status": ["busy", "no-answer"]},
    "flow_id": "23",
    "headers": {"Content-Type": "application/json"},
    "http_status": 200,
    "id": _CALL,
    "import_id": _OTHER,
    "interval": 0,
    "kind": "report",
    "Response.kind": "send",
    "mapping": {"to": "Phone", "reference": "Order"},
    "message": "1 numbers accepted",
    "metadata": {"ticket": 4711},
    "method": "POST",
    "name": "otp",
    "Campaign.name": "diwali",
    "next_cursor": _CALL,
    "FeedPage.next_cursor": "MjM0.q3Zf0k1yVw",
    "notes": [],
    "number": 1,
    "occurred_at": _ENDED,
    "outcome": "matched",
    "outside_hours": False,
    "path": "voice/dial",
    "per_minute": 60,
    "Progress.per_minute": None,
    "Progress.estimated_end_at": None,
    "provider": "mobtexting",
    "provider_id": "70fa87e0-9df9-4327-bc80-a561c48703d8:1",
    "provider_status": "ANSWER",
    "query": "",
    "Delivery.body": '{"id": "70fa87e0-9df9-4327-bc80-a561c48703d8:1", "status": "ANSWER"}',
    "ProblemOfRow.reason": "Not a phone number in international form.",
    "ProblemOfCell.reason": "Not a phone number in international form.",
    "reference": "order-7",
    "request_id": "01a223dbc1b477c3950a6f34b0b83837",
    "retries": {"on": ["busy", "no-answer"], "times": 2, "wait_minutes": 30},
    "row": 2,
    "rows": 2,
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "skipped": {},
    "Totals.skipped": 0,
    "source": "webhook",
    "FeedEvent.source": "/obdtrack",
    "specversion": "1.0",
    "Campaign.started_at": None,
    "started_at": _AT,
    "state": "active",
    "Campaign.state": "checked",
    "status": "completed",
    "Notification.status": "delivered",
    "Recipient.status": "completed",
    "Problem.status": 422,
    "status_source": "webhook",
    "stop_if": {"failed_percent": 50, "of_last": 20, "minimum": 5},
    "subject": _CALL,
    "submission_id": _OTHER,
    "submitted_at": _AT,
    "times_seen": 1,
    "title": "Unprocessable Entity",
    "to": "+918867135001",
    "type": "call.completed",
    "Problem.type": "about:blank",
    "types": ["call.*"],
    "unused_columns": ["Name"],
    "url": "https://shop.example/obdtrack",
    "value": "12345",
    "variables": ["otp"],
    "settled_at": _AT,
    "status_as_of": _ENDED,
    "recorded_at": _ENDED,
    "received_at": _ENDED,
    "next_check_at": None,
    "opted_out_at": None,
    "next_try_at": None,
    "start_at": None,
    "end_at": None,
    "failing_since": None,
    "old_secret_until": None,
    "Findings.outside_hours": 0,
    "max_in_flight": 30,
    "numbers_per_request": 1,
    "ready": 2,
    "tries": 1,
    "sheets_not_read": [],
    "Totals.ready": 2,
}
"""What a field is like in a response, of one call that was answered and one campaign."""

NEW: dict[str, Any] = {
    **EXAMPLES,
    **{f"Call.{name}": None for name in FACTS},
    "Call.attempts": [],
    "Call.charges": "0.5000",
    "Call.next_check_at": "2026-11-23T06:42:39Z",
    "Call.status": "queued",
    "Call.status_as_of": _AT,
    "Call.status_source": "api",
    "Campaign.checked": None,
    "Campaign.allowed": ["edit", "check"],
    "Campaign.started_at": None,
    "Campaign.state": "draft",
    "Totals.ready": 0,
    "Submission.settled_at": None,
}
"""The same in the response to the request that made it."""

_SAME = {"CheckedCampaign": "Campaign"}
"""Schemas that only add some fields to another."""

_NOT_ALWAYS_THERE = {("Call", "waiting_reports")}

CSV = (
    "row,to,reference,status,reason,calls,answered,call_id,called_at,duration_seconds,charges\r\n"
    f"2,+9188•••••001,order-7,completed,,1,true,{_CALL},2026-11-23T06:27:39+00:00,16,0.5000\r\n"
)

PROBLEMS: dict[HTTPStatus, tuple[str, str, dict[str, list[str]] | None]] = {
    HTTPStatus.BAD_REQUEST: (
        "malformed",
        "Some fields are invalid.",
        {"body": ["The Content-Type is 'missing'; send application/json."]},
    ),
    HTTPStatus.UNAUTHORIZED: (
        "unauthorized",
        "A valid API key is needed: Authorization: Bearer <key>. Make one with: python -m obdtrack "
        "keys create NAME --scope read",
        None,
    ),
    HTTPStatus.FORBIDDEN: (
        "forbidden",
        "This key lacks the scope place that is needed here.",
        None,
    ),
    HTTPStatus.NOT_FOUND: (
        "not-found",
        "There is no call with this id, ours or the provider's.",
        None,
    ),
    HTTPStatus.CONFLICT: (
        "conflict",
        "+9188•••••001 does not want to be called (since 2026-11-23T06:27:39Z). Nothing was sent.",
        {"to": ["On the do-not-call list since 2026-11-23T06:27:39Z."]},
    ),
    HTTPStatus.GONE: (
        "gone",
        "Events behind this cursor have been deleted: they are kept for 30 days. The oldest one is "
        "behind the cursor `oldest`; what happened between is to be looked up call by call.",
        None,
    ),
    HTTPStatus.LENGTH_REQUIRED: (
        "error",
        "State the file's length (Content-Length): its end must be certain.",
        None,
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "too-large",
        "The request is larger than 64 KiB. Send a smaller one.",
        None,
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "error",
        "Send the file as it is, without Content-Encoding gzip.",
        None,
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        "invalid",
        "Some fields are invalid.",
        {"to": ["Missing data for required field."]},
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "rate-limited",
        "The provider was polled for this call just now.",
        None,
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "unavailable",
        "200 calls are being placed; the provider is slow. Nothing was sent.",
        None,
    ),
}
"""What an error of each status is like: its code, a sentence as it is said, and the fields."""


def problem_example(status: HTTPStatus) -> Node:
    """Return the body of an error of this status, or of the usual one."""
    code, detail, fields = PROBLEMS.get(status, ("error", status.phrase, None))
    return problem_body(status, code, detail, fields, EXAMPLES["request_id"])


def complete(document: Node, titles: Mapping[str, str]) -> Node:
    """Fill in what a document lacks: meanings of fields, examples of bodies.

    `titles` are what the schemas are, by name. Changes the document and returns it.
    """
    schemas: Node = document["components"]["schemas"]
    for name, schema in schemas.items():
        if words := titles.get(name):
            schema.setdefault("description", words)
        own = _SAME.get(name, name)
        for field, node in schema["properties"].items():
            _say(node, MEANINGS.get(f"{own}.{field}") or MEANINGS.get(field))
    for path, parameter in _parameters(document["paths"]):
        name, place = parameter["name"], parameter["in"]
        is_campaign = "campaigns" in path and name == "identifier"
        where = f"{'campaign' if is_campaign else name} in the {place}"
        _say(parameter, MEANINGS.get(where) or MEANINGS.get(name))
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                _show(operation, schemas)
    return document


def _say(node: Node, words: str | None) -> None:
    if words and not node.get("description"):
        node["description"] = words


def _parameters(paths: Node) -> Iterator[tuple[str, Node]]:
    for path, operations in paths.items():
        yield from ((path, parameter) for parameter in operations.get("parameters", ()))
        for operation in operations.values():
            if isinstance(operation, dict):
                yield from ((path, parameter) for parameter in operation.get("parameters", ()))


def _show(operation: Node, schemas: Node) -> None:
    """Add an example of each body of an operation."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            content.setdefault("example", request_example(schemas[_name(content["schema"])]))
    for status, response in operation["responses"].items():
        values = NEW if status == "201" else EXAMPLES
        for kind, content in response.get("content", {}).items():
            if kind == "application/json":
                content.setdefault("example", _example(content["schema"], "", "", schemas, values))
            elif kind == "text/csv":
                content.setdefault("example", CSV)


def request_example(schema: Node) -> Node:
    """Return a body that will do, of the examples its fields have."""
    return {
        name: field["examples"][0]
        for name, field in schema["properties"].items()
        if field.get("examples")
    }


def _example(node: Node, schema: str, field: str, schemas: Node, values: Node) -> Any:
    """Return a value for a field of a schema, or a whole body, of these values."""
    if f"{schema}.{field}" in values:
        return values[f"{schema}.{field}"]
    if field in values and "$ref" not in node.get("items", ()):
        return values[field]
    if "$ref" in node:
        name = _name(node)
        return {
            one: _example(inner, _SAME.get(name, name), one, schemas, values)
            for one, inner in schemas[name]["properties"].items()
            if (name, one) not in _NOT_ALWAYS_THERE
        }
    if options := [one for one in node.get("anyOf", ()) if "$ref" in one]:
        return _example(options[0], schema, "", schemas, values)
    if "items" in node:
        return [_example(node["items"], schema, "", schemas, values)]
    if node.get("examples"):
        return node["examples"][0]
    types = node.get("type", "object")
    if "null" in types:
        return None
    if "enum" in node:
        return node["enum"][0]
    return {"integer": 0, "boolean": False, "object": {}, "number": 12.5}.get(str(types), "")


def _name(node: Node) -> str:
    return str(node["$ref"].rpartition("/")[2])
