"""The API document as a page: each operation with a command to copy, then what comes back."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Blueprint, Response, request

from obdtrack.access.keys import Scope
from obdtrack.web.api.openapi import api_document
from obdtrack.web.http.auth import needs
from obdtrack.web.pages.template_helpers import live

blueprint = Blueprint("pages_docs", __name__)

Node = Mapping[str, Any]

_METHODS = {"get", "post", "put", "patch", "delete"}
_TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "JSON"}
_FORMATS = {"date-time": "time", "uuid": "id"}
_ID = re.compile(r"\{.*?\}")
_PLACES = (("path", "In the path"), ("query", "In the query"), ("header", "As a header"))


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


class Operation(NamedTuple):
    """One thing the API does, with what it takes, by place, and a command that does it."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    scope: str
    takes: list[tuple[str, list[DocumentedField]]]
    responses: list[DocumentedResponse]
    curl: str


class DocumentedShape(NamedTuple):
    """A body, or a part of one, that responses consist of."""

    name: str
    meaning: str
    fields: list[DocumentedField]


class Manual(NamedTuple):
    """All there is to read."""

    text: str
    operations: list[Operation]
    shapes: list[DocumentedShape]


@blueprint.get("/api/docs")
@needs(Scope.READ)
def docs() -> Response:
    """Show what the API does, from the API document itself."""
    return live("docs.html", manual=read_document(api_document(), request.url_root.rstrip("/")))


def read_document(document: Node, base: str) -> Manual:
    """Return an OpenAPI document as it is read; `base` is where the API is."""
    operations = [
        _operation(document, base, path, method, item)
        for path, item in document["paths"].items()
        for method in item
        if method in _METHODS
    ]
    return Manual(document["info"]["description"], operations, _shapes(document, operations))


def example_of(schema: Node) -> dict[str, Any]:
    """Return a body that will do, of the examples its fields have."""
    return {
        name: field["examples"][0]
        for name, field in schema["properties"].items()
        if field.get("examples")
    }


def _operation(document: Node, base: str, path: str, method: str, item: Node) -> Operation:
    node: Node = item[method]
    parameters = [*item.get("parameters", ()), *node.get("parameters", ())]
    content = node.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = _resolved(document, content.get("schema"))
    return Operation(
        anchor=f"{method}-{path.removeprefix('/api/v1/').replace('/', '-').translate(_BARE)}",
        method=method.upper(),
        path=path,
        summary=node.get("summary", ""),
        text=node.get("description", ""),
        scope=node["x-scope"],
        takes=_takes(parameters, body),
        responses=_responses(document, node["responses"]),
        curl=_curl(base, method, path, parameters, body),
    )


_BARE = str.maketrans("", "", "{}")


def _takes(
    parameters: Sequence[Node], body: Node | None
) -> list[tuple[str, list[DocumentedField]]]:
    taken = [
        (title, [_field(p["name"], {**p["schema"], **p}, p["required"]) for p in found])
        for place, title in _PLACES
        if (found := [p for p in parameters if p["in"] == place])
    ]
    return [*taken, ("As JSON in the body", _fields(body))] if body else taken


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
    if values := [str(value) for value in node.get("enum", ()) if value is not None]:
        return "one of " + ", ".join(values)
    types = node.get("type", "object")
    names = [types] if isinstance(types, str) else list(types)
    if "array" in names:
        return f"list of {_kind(node['items'])}"
    kinds = [
        _FORMATS.get(node.get("format", ""), _TYPES.get(name, name))
        for name in names
        if name != "null"
    ]
    return " or ".join([*kinds, *(["null"] if "null" in names else [])])


def _responses(document: Node, responses: Node) -> list[DocumentedResponse]:
    by_status = []
    for status, response in sorted(responses.items()):
        node = _resolved(document, response) or {}
        shapes = [_name(kind["schema"]) for kind in node.get("content", {}).values()]
        if status != "default":
            meaning = HTTPStatus(int(status)).phrase
            by_status.append(DocumentedResponse(status, meaning, shapes[0] if shapes else None))
    return by_status


def _curl(base: str, method: str, path: str, parameters: Sequence[Node], body: Node | None) -> str:
    address = base + _ID.sub("$ID", path)
    words = ["curl", "-s", *(["-X", "POST"] if method == "post" and not body else [])]
    words += [f'"{address}"', '-H "Authorization: Bearer $OBDTRACK_KEY"']
    for parameter in parameters:
        if parameter["in"] == "header":
            example = parameter["schema"]["examples"][0]
            words.append(f"-H {shlex.quote(parameter['name'] + ': ' + example)}")
    if body:
        words.append("-H 'Content-Type: application/json'")
        words.append(f"-d {shlex.quote(json.dumps(example_of(body)))}")
    return " ".join(words)


def _shapes(document: Node, operations: Sequence[Operation]) -> list[DocumentedShape]:
    schemas: Node = document["components"]["schemas"]
    returned = (response.shape for each in operations for response in each.responses)
    names = list(dict.fromkeys(filter(None, returned)))
    for name in names:  # it grows while it is walked: what a shape holds is a shape too
        inner = (field.get("items", field) for field in schemas[name]["properties"].values())
        held = dict.fromkeys(_name(field) for field in inner if "$ref" in field)
        names += [one for one in held if one not in names]
    return [
        DocumentedShape(name, schemas[name].get("description", ""), _fields(schemas[name]))
        for name in names
    ]


def _resolved(document: Node, node: Node | None) -> Node | None:
    if node is None or "$ref" not in node:
        return node
    _, kind, name = node["$ref"].removeprefix("#").strip("/").split("/")
    found: Node = document["components"][kind][name]
    return found


def _name(node: Node) -> str:
    return str(node["$ref"].rpartition("/")[2])
