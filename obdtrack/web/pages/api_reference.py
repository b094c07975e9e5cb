"""The API document as pages: what holds for all of it, then each group of operations.

Each operation comes with a command and programs to copy, and with what comes back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Blueprint, Response, abort, request

from obdtrack.access.keys import Scope
from obdtrack.calls.polling.check import REFRESH_SECONDS
from obdtrack.campaigns.recipient_files import MOST_BYTES, MOST_ROWS
from obdtrack.domain.content_coding import MAX_BODY
from obdtrack.limits import FAILURES, GUESSES
from obdtrack.web.api.glossary import EXAMPLES, PROBLEMS, problem_example
from obdtrack.web.api.openapi import api_document
from obdtrack.web.api.schemas import MAX_EVENTS, MAX_PAGE
from obdtrack.web.http.auth import needs, services
from obdtrack.web.pages.api_examples import FILES, LANGUAGES, ExampleRequest
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.template_helpers import live

blueprint = Blueprint("pages_docs", __name__)

Node = Mapping[str, Any]

GROUPS: dict[str, tuple[str, str]] = {
    "calls": (
        N_("Calls"),
        N_("Place one, look it up, follow its timeline, decide what is in doubt."),
    ),
    "submissions": (N_("Submissions"), N_("Calls to several numbers by one request.")),
    "campaigns": (N_("Campaigns"), N_("Lists of recipients, called by a plan.")),
    "events": (N_("Events"), N_("What happened, in one order, each once.")),
    "destinations": (N_("Destinations"), N_("URLs of yours that are told what happens.")),
    "deliveries": (N_("Deliveries"), N_("What reached the callback, as it was received.")),
}
"""Parts of the API by the first word of their paths, and what they are for."""

ABOUT = N_(
    "Programs place calls here, and learn what happened to them and how that is known. Times are "
    "RFC 3339 in UTC, money is exact decimal text, and numbers are shown masked unless the key may "
    "see them."
)

RULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "keys": (
        N_("Keys and scopes"),
        (
            N_(
                "Every request carries a key in the header `Authorization: Bearer KEY`. The "
                "examples take it from the environment: `export OBDTRACK_KEY=obd_…`"
            ),
        ),
    ),
    "paging": (
        N_("Lists, page by page"),
        (
            N_(
                "A list returns `limit` rows (50 unless you say otherwise, %(page)s at most; "
                "%(events)s of a timeline or of events) and `next_cursor`. Pass that unchanged as "
                "`cursor` for the next page; where it is null there is none. Rows that come "
                "meanwhile move nothing: no row comes twice and none is left out."
            ),
            N_(
                "Events go on for ever: pass `next_cursor` as `after`, also after an empty page, "
                "and `wait=30` to be told as soon as something happens."
            ),
        ),
    ),
    "repeating": (
        N_("Repeating a request safely"),
        (
            N_(
                "Placing a call twice rings twice. Send your own key for the request in the header "
                "`Idempotency-Key` (1 to 255 characters): the same key and body again return the "
                "stored response with `Idempotent-Replayed: true` and place nothing."
            ),
            N_(
                "Another body under the same key gets 422; while the first request is still "
                "running there is 409 with `Retry-After`. A key is remembered for %(days)s days, "
                "for the caller and not for one API key."
            ),
            N_(
                "201 is also returned when the call is `unknown`: the phone may ring. Do not place "
                "it again; look it up."
            ),
        ),
    ),
    "limits": (
        N_("Limits"),
        (
            N_(
                "Beyond a limit there is 413, 429 or 503; the last two say in `Retry-After` for "
                "how many seconds to wait."
            ),
        ),
    ),
}
"""What holds for all of it, by where it stands on the page: a title and paragraphs."""

ERRORS = N_(
    "An error is a JSON document of the type `application/problem+json` (RFC 9457). `code` is for "
    "programs and stays the same; `detail` is for people; `errors` says what is wrong, by field. "
    "Name the `request_id` when you ask about one: the log has the same."
)

SCOPES: dict[Scope, str] = {
    Scope.READ: N_("Looking everything up, with numbers masked."),
    Scope.PLACE: N_("Placing calls and importing recipients; seeing numbers in full."),
    Scope.PII: N_("Seeing numbers in full; the audit says so."),
    Scope.ADMIN: N_("Deciding, replaying, running campaigns, destinations."),
}

ADVICE: dict[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: N_("The request cannot be read: mend what `errors` names."),
    HTTPStatus.UNAUTHORIZED: N_("There is no key, or it is wrong, expired or revoked."),
    HTTPStatus.FORBIDDEN: N_("Use a key with the scope that is named."),
    HTTPStatus.NOT_FOUND: N_("Check the id; what is older than it is kept is gone, too."),
    HTTPStatus.CONFLICT: N_(
        "It is not allowed now: `detail` says why, and nothing was done. Where there is a "
        "`Retry-After`, it may be allowed then."
    ),
    HTTPStatus.GONE: N_("Go on from the cursor `oldest`, and look up what happened between."),
    HTTPStatus.LENGTH_REQUIRED: N_("Send the header Content-Length."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: N_("Send less at once."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: N_("Send it as the header Content-Type says it may be."),
    HTTPStatus.UNPROCESSABLE_ENTITY: N_("Mend the fields that `errors` names; nothing was done."),
    HTTPStatus.TOO_MANY_REQUESTS: N_("Wait for as many seconds as `Retry-After` says."),
    HTTPStatus.SERVICE_UNAVAILABLE: N_(
        "Try again after `Retry-After`. If placing a call fails like this, nothing was sent."
    ),
}
"""What to do about an error of each status."""

_WAIT = {HTTPStatus.TOO_MANY_REQUESTS: "10", HTTPStatus.SERVICE_UNAVAILABLE: "2"}
_CHALLENGES = {HTTPStatus.UNAUTHORIZED: "invalid_token", HTTPStatus.FORBIDDEN: "insufficient_scope"}

_METHODS = {"get", "post", "put", "patch", "delete"}
_TYPES = {
    "string": N_("text"), "integer": N_("whole number"), "number": N_("number"),
    "boolean": N_("true or false"), "object": N_("JSON"),
}  # fmt: skip
_FORMATS = {"date-time": N_("time"), "uuid": N_("id")}
_ID = re.compile(r"\{(.*?)\}")
_PLACES = (
    ("path", N_("In the path")), ("query", N_("In the query")), ("header", N_("As a header")),
)  # fmt: skip


class DocumentedField(NamedTuple):
    """One thing that is sent or given back."""

    name: str
    kind: str
    needed: bool
    meaning: str
    example: str


class DocumentedResponse(NamedTuple):
    """How an operation may respond; `shape` names the body, if that is one of ours."""

    status: str
    meaning: str
    shape: str | None
    example: str | None


class Operation(NamedTuple):
    """One thing the API does, with what it takes, by place, and examples by language."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    scope: str
    takes: list[tuple[str, list[DocumentedField]]]
    responses: list[DocumentedResponse]
    examples: dict[str, str]


class DocumentedShape(NamedTuple):
    """A body, or a part of one, that responses consist of."""

    name: str
    meaning: str
    fields: list[DocumentedField]


class ApiGroup(NamedTuple):
    """Operations that belong together, and the bodies that they return."""

    name: str
    title: str
    about: str
    operations: list[Operation]
    shapes: list[DocumentedShape]


class DocumentedProblem(NamedTuple):
    """An error, what to do about it, and the response as it is on the wire."""

    status: HTTPStatus
    code: str
    advice: str
    response: str


@blueprint.get("/api/docs")
@needs(Scope.READ)
def docs() -> Response:
    """Show what holds for the whole API, and where each operation is described."""
    document, days = api_document(), services().settings.idempotency_days
    values = {"page": MAX_PAGE, "events": MAX_EVENTS, "days": days}
    return live(
        "docs.html",
        groups=[read_group(document, name, _base()) for name in GROUPS],
        about=_(ABOUT),
        rules=[
            (anchor, _(title), [_(text, **values) for text in said])
            for anchor, (title, said) in RULES.items()
        ],
        tables={
            "keys": [(f"`{scope}`", _(words)) for scope, words in SCOPES.items()],
            "limits": _limits(),
        },
        errors=_(ERRORS),
        problems=list(_problems()),
    )


@blueprint.get("/api/docs/<name>")
@needs(Scope.READ)
def group(name: str) -> Response:
    """Show a group of operations, from the API document itself."""
    if name not in GROUPS:
        abort(404)
    groups = {one: _(title) for one, (title, _about) in GROUPS.items()}
    found = read_group(api_document(), name, _base())
    return live("docs_group.html", group=found, groups=groups)


def read_group(document: Node, name: str, base: str) -> ApiGroup:
    """Return a group of an OpenAPI document as it is read; `base` is where the API is."""
    title, about = GROUPS[name]
    operations = [
        _operation(document, base, path, method, item)
        for path, item in document["paths"].items()
        for method in item
        if method in _METHODS and path.split("/")[3] == name
    ]
    return ApiGroup(name, _(title), _(about), operations, _shapes(document, operations))


def _base() -> str:
    return request.url_root.rstrip("/")


def _limits() -> list[tuple[str, str]]:
    """Return what is limited, and to how much."""
    minute, day = (limit.amount for limit in GUESSES)
    return [
        (_("A body"), _("%(size)s KiB", size=MAX_BODY // 1024)),
        (
            _("A list of recipients"),
            _("%(size)s MiB, %(rows)s rows", size=MOST_BYTES // 2**20, rows=f"{MOST_ROWS:,}"),
        ),
        (_("Wrong keys from one address"), _("%(count)s a minute", count=FAILURES.amount)),
        (
            _("Searches for numbers that were never called, with a key that does not see numbers"),
            _("%(minute)s a minute and %(day)s a day", minute=minute, day=day),
        ),
        (
            _("Polling the provider for the same call"),
            _("once in %(seconds)s seconds", seconds=REFRESH_SECONDS),
        ),
        (
            _("Calls being placed, polls and imports at the same time"),
            _("as many as the server can do; the next get 503, and nothing was done"),
        ),
    ]


def _problems() -> Iterator[DocumentedProblem]:
    for status, (code, _detail, _errors) in PROBLEMS.items():
        headers = {"Content-Type": "application/problem+json"}
        if status in _CHALLENGES:
            headers["WWW-Authenticate"] = f'Bearer realm="obdtrack", error="{_CHALLENGES[status]}"'
        if status in _WAIT:
            headers["Retry-After"] = _WAIT[status]
        headers["X-Request-Id"] = EXAMPLES["request_id"]
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        yield DocumentedProblem(
            status, code, _(ADVICE[status]), "\n".join([*lines, "", _json(problem_example(status))])
        )


def _operation(document: Node, base: str, path: str, method: str, item: Node) -> Operation:
    node: Node = item[method]
    parameters = [*item.get("parameters", ()), *node.get("parameters", ())]
    content = node.get("requestBody", {}).get("content", {})
    body = _resolved(document, content.get("application/json", {}).get("schema"))
    responses = _responses(document, node["responses"])
    sent = _request(base, path, method, parameters, content, node["responses"])
    return Operation(
        anchor=f"{method}-{path.removeprefix('/api/v1/').replace('/', '-').translate(_BARE)}",
        method=method.upper(),
        path=path,
        summary=node.get("summary", ""),
        text=node.get("description", ""),
        scope=node["x-scope"],
        takes=_takes(parameters, body),
        responses=responses,
        examples={language: written(sent) for language, written in LANGUAGES.items()},
    )


_BARE = str.maketrans("", "", "{}")


def _request(
    base: str,
    path: str,
    method: str,
    parameters: Sequence[Node],
    content: Node,
    responses: Node,
) -> ExampleRequest:
    """Return the request that the examples of an operation send."""
    json_body, file = content.get("application/json"), next(filter(FILES.get, content), None)
    query = [
        f"{one['name']}={one['schema']['examples'][0]}"
        for one in parameters
        if one["in"] == "query" and one["schema"].get("examples") and (one["required"] or file)
    ]
    rest = f"?{'&'.join(query)}" if query else ""
    own = path.split("/")[3].removesuffix("s").upper()
    named = _ID.sub(lambda found: f"${found[1].upper()}".replace("$IDENTIFIER", f"${own}_ID"), path)
    (kinds,) = (one.get("content", {}) for status, one in responses.items() if status[0] == "2")
    types = list(kinds)
    return ExampleRequest(
        method=method.upper(),
        url=base + _ID.sub(EXAMPLES["id"], path) + rest,
        typed=base + named + rest,
        headers={
            one["name"]: one["schema"]["examples"][0] for one in parameters if one["in"] == "header"
        },
        body=json_body["example"] if json_body else None,
        file=file,
        returns="json" if "application/json" in types else "text" if types else None,
    )


def _takes(
    parameters: Sequence[Node], body: Node | None
) -> list[tuple[str, list[DocumentedField]]]:
    taken = [
        (_(title), [_field(p["name"], {**p["schema"], **p}, p["required"]) for p in found])
        for place, title in _PLACES
        if (found := [p for p in parameters if p["in"] == place])
    ]
    return [*taken, (_("As JSON in the body"), _fields(body))] if body else taken


def _fields(schema: Node) -> list[DocumentedField]:
    needed = schema.get("required", ())
    return [_field(name, node, name in needed) for name, node in schema["properties"].items()]


def _field(name: str, node: Node, needed: bool) -> DocumentedField:
    examples = node.get("examples") or node.get("schema", {}).get("examples") or ()
    example = "" if not examples else examples[0]
    return DocumentedField(
        name=name,
        kind=_kind(node),
        needed=needed,
        meaning=node.get("description", ""),
        example=example if isinstance(example, str) else json.dumps(example),
    )


def _kind(node: Node) -> str:
    if "$ref" in node:
        return _name(node)
    if options := node.get("anyOf"):
        return _either([_kind(option) for option in options])
    if values := [str(value) for value in node.get("enum", ()) if value is not None]:
        return str(_("one of %(values)s", values=", ".join(values)))
    types = node.get("type", "object")
    names = [types] if isinstance(types, str) else list(types)
    if "array" in names:
        return str(_("list of %(kind)s", kind=_kind(node["items"])))
    words = [_FORMATS.get(node.get("format", ""), _TYPES.get(name, name)) for name in names]
    return _either([_(word) for word in words])


def _either(kinds: list[str]) -> str:
    """Return alternatives in words."""
    *first, last = dict.fromkeys(kinds)
    return str(_("%(some)s or %(other)s", some=", ".join(first), other=last)) if first else last


def _responses(document: Node, responses: Node) -> list[DocumentedResponse]:
    by_status = []
    for status, response in sorted(responses.items()):
        node = _resolved(document, response) or {}
        if status == "default":
            continue
        contents = list(node.get("content", {}).values())
        content = contents[0] if contents and status < "300" else {}
        shape = _name(content["schema"]) if "$ref" in content.get("schema", ()) else None
        example = content.get("example")
        by_status.append(
            DocumentedResponse(
                status,
                HTTPStatus(int(status)).phrase,
                shape,
                example if example is None or isinstance(example, str) else _json(example),
            )
        )
    return by_status


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _shapes(document: Node, operations: Sequence[Operation]) -> list[DocumentedShape]:
    schemas: Node = document["components"]["schemas"]
    returned = (response.shape for each in operations for response in each.responses)
    names = list(dict.fromkeys(filter(None, returned)))
    for name in names:  # it grows while it is walked: what a shape holds is a shape too
        held = dict.fromkeys(re.findall(r"#/components/schemas/(\w+)", json.dumps(schemas[name])))
        names += [one for one in held if one not in names]
    return [
        DocumentedShape(name, schemas[name].get("description", ""), _fields(schemas[name]))
        for name in names
    ]


def _resolved(document: Node, node: Node | None) -> Node | None:
    if node is None or "$ref" not in node:
        return node
    _empty, kind, name = node["$ref"].removeprefix("#").strip("/").split("/")
    found: Node = document["components"][kind][name]
    return found


def _name(node: Node) -> str:
    return str(node["$ref"].rpartition("/")[2])
