"""The API's document in the order in which it is read: what it does, then what comes back."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

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
    answers: list[DocumentedResponse]
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
    told: Node = item[method]
    parameters = [*item.get("parameters", ()), *told.get("parameters", ())]
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = _resolved(document, content.get("schema"))
    return Operation(
        anchor=f"{method}-{path.removeprefix('/api/v1/').replace('/', '-').translate(_BARE)}",
        method=method.upper(),
        path=path,
        summary=told.get("summary", ""),
        text=told.get("description", ""),
        scope=told["x-scope"],
        takes=_takes(parameters, body),
        answers=_answers(document, told["responses"]),
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
    return [_field(name, told, name in needed) for name, told in schema["properties"].items()]


def _field(name: str, told: Node, needed: bool) -> DocumentedField:
    examples = told.get("examples") or told.get("schema", {}).get("examples") or ()
    example = "" if not examples else examples[0]
    return DocumentedField(
        name=name,
        kind=_kind(told),
        needed=needed,
        meaning=told.get("description", ""),
        example=example if isinstance(example, str) else json.dumps(example),
    )


def _kind(told: Node) -> str:
    if "$ref" in told:
        return _name(told)
    if values := [str(value) for value in told.get("enum", ()) if value is not None]:
        return "one of " + ", ".join(values)
    types = told.get("type", "object")
    names = [types] if isinstance(types, str) else list(types)
    if "array" in names:
        return f"list of {_kind(told['items'])}"
    kinds = [
        _FORMATS.get(told.get("format", ""), _TYPES.get(name, name))
        for name in names
        if name != "null"
    ]
    return " or ".join([*kinds, *(["null"] if "null" in names else [])])


def _answers(document: Node, responses: Node) -> list[DocumentedResponse]:
    answers = []
    for status, response in sorted(responses.items()):
        told = _resolved(document, response) or {}
        shapes = [_name(kind["schema"]) for kind in told.get("content", {}).values()]
        if status != "default":
            meaning = HTTPStatus(int(status)).phrase
            answers.append(DocumentedResponse(status, meaning, shapes[0] if shapes else None))
    return answers


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
    spoken_of = [answer.shape for each in operations for answer in each.answers if answer.shape]
    names = list(dict.fromkeys(spoken_of))
    for name in names:  # it grows while it is walked: what a shape holds is a shape too
        inner = (_resolved_name(field) for field in schemas[name]["properties"].values())
        names += [found for found in inner if found and found not in names]
    return [
        DocumentedShape(name, schemas[name].get("description", ""), _fields(schemas[name]))
        for name in names
    ]


def _resolved_name(told: Node) -> str | None:
    inner: Node = told.get("items", told)
    return _name(inner) if "$ref" in inner else None


def _resolved(document: Node, told: Node | None) -> Node | None:
    if told is None or "$ref" not in told:
        return told
    _, kind, name = told["$ref"].removeprefix("#").strip("/").split("/")
    found: Node = document["components"][kind][name]
    return found


def _name(told: Node) -> str:
    return str(told["$ref"].rpartition("/")[2])
