"""The API document explains itself: a meaning for each field, an example of each body, as it is."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import jsonschema_rs
import pytest

from obdtrack.access.keys import create_key
from obdtrack.services import Services
from obdtrack.web.api.glossary import problem_example
from tests.conftest import Caller

# What is asked of the database has tests of its own, on both kinds.
pytestmark = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)


@pytest.fixture
def documented() -> bool:
    return True


@pytest.fixture
def document(caller: Caller) -> Any:
    return caller.client.get("/api/openapi.json", headers=caller.headers).json


def parameters(document: Any) -> Iterator[tuple[str, Any]]:
    for path, operations in document["paths"].items():
        for told in (operations, *operations.values()):
            for parameter in told.get("parameters", ()) if isinstance(told, dict) else ():
                yield path, parameter


def bodies(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Every body of the document: where it is, its type, and what is said of it."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            said = {**operation["responses"], "taken": operation.get("requestBody", {})}
            for status, response in said.items():
                for kind, content in response.get("content", {}).items():
                    yield f"{method} {path} {status}", kind, content
    for name, response in document["components"]["responses"].items():
        for kind, content in response["content"].items():
            yield name, kind, content


def test_each_schema_field_and_parameter_has_a_meaning(document: Any) -> None:
    schemas = document["components"]["schemas"]
    dumb = [name for name, schema in schemas.items() if not schema.get("description")]
    dumb += [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, node in schema["properties"].items()
        if not node.get("description")
    ]
    dumb += [
        f"{path} {one['name']}" for path, one in parameters(document) if not one["description"]
    ]
    assert dumb == []


def test_each_body_has_an_example_that_fits_its_schema(document: Any) -> None:
    files = ("text/csv", "application/x-ndjson", "application/vnd.openxml")
    checked = 0
    for where, kind, content in bodies(document):
        if kind.startswith(files) and "example" not in content:
            assert where.endswith("taken")
            continue
        schema = {**content.get("schema", {}), "components": document["components"]}
        wrong = [
            str(error)
            for error in jsonschema_rs.validator_for(schema).iter_errors(content["example"])
        ]
        assert wrong == [], where
        checked += 1
    assert checked > 50


def test_problems_are_shown_as_they_are(document: Any, caller: Caller, services: Services) -> None:
    weak = {"Authorization": f"Bearer {create_key('weak', ['read'], services)}"}
    client, keyed = caller.client, caller.headers
    met = {
        "BAD_REQUEST": client.post("/api/v1/calls", headers=keyed, data="{"),
        "UNAUTHORIZED": client.get("/api/v1/calls"),
        "FORBIDDEN": client.post("/api/v1/calls", headers=weak, json={}),
        "NOT_FOUND": client.get("/api/v1/calls/nothing", headers=keyed),
        "UNPROCESSABLE_ENTITY": client.post("/api/v1/calls", headers=keyed, json={}),
    }
    for name, response in met.items():
        assert response.content_type == "application/problem+json"
        shown = problem_example(HTTPStatus[name])
        assert {**shown, "request_id": ""} == {**response.json, "request_id": ""}
    (content,) = document["components"]["responses"]["FORBIDDEN"]["content"].values()
    assert content["example"] == problem_example(HTTPStatus.FORBIDDEN)
