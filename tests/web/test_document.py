"""The API document, and the application held against it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, assume, given, settings
from hypothesis.strategies import SearchStrategy
from limits import RateLimitItemPerMinute
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS as REGISTRY
from schemathesis.specs.openapi import checks as of_openapi

from obdtrack.access.keys import create_key
from obdtrack.notifications.reading import Waiters
from obdtrack.services import Services
from tests.conftest import Caller

# A schema cannot say which digits are somebody's number, so that some of what it allows is refused.
NOT_HELD = {of_openapi.positive_data_acceptance.__name__}
NAMES = [name for name in REGISTRY.get_all_names() if name not in NOT_HELD]
CHECKS = [REGISTRY.get_one(name) for name in NAMES]


@pytest.fixture
def documented() -> bool:
    return True


def test_all_checks_are_made_that_there_are() -> None:
    assert {"not_a_server_error", "negative_data_rejection", "ignored_auth"} <= set(NAMES)
    assert len(NAMES) == len(REGISTRY.get_all_names()) - 1 > 12


def test_the_document_is_openapi_3_1_with_examples(caller: Caller) -> None:
    document = caller.client.get("/api/openapi.json", headers=caller.headers).json
    assert document["openapi"] == "3.1.0"
    place = document["components"]["schemas"]["PlaceCall"]["properties"]
    assert place["to"]["examples"] == ["+918867135001"]
    assert "application/problem+json" in str(document["components"]["responses"])


def test_every_operation_tells_its_scope_and_its_refusals(caller: Caller) -> None:
    document = caller.client.get("/api/openapi.json", headers=caller.headers).json
    for operations in document["paths"].values():
        for method in operations.keys() - {"parameters"}:
            assert operations[method]["x-scope"] in {"read", "place", "admin"}
            assert {"401", "403"} <= operations[method]["responses"].keys()


def test_the_document_needs_a_key(caller: Caller) -> None:
    assert caller.client.get("/api/openapi.json").status_code == 401


@pytest.mark.parametrize(
    ("mode", "cases", "each_store"),  # what is wrong is refused before a database could matter
    [
        (GenerationMode.POSITIVE, 4, "sqlite"),
        (GenerationMode.POSITIVE, 12, "postgres"),
        (GenerationMode.NEGATIVE, 12, "postgres"),
    ],
    indirect=["each_store"],
)
def test_the_application_keeps_to_its_document(
    app: Flask,
    services: Services,
    mode: GenerationMode,
    cases: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each operation is tried with a wrong key, all of them within a minute.
    monkeypatch.setattr("obdtrack.limits.FAILURES", RateLimitItemPerMinute(300))
    # Whoever would wait for an event, for half a minute, is told at once that there is none.
    monkeypatch.setattr(Waiters, "_wait", lambda *_: False)
    key = create_key("schemathesis", ["read", "place", "pii", "admin"], services)
    headers = {"Authorization": f"Bearer {key}"}
    document = schemathesis.openapi.from_wsgi("/api/openapi.json", app, headers=headers)
    operations = [found.ok() for found in document.get_all_operations()]
    assert operations
    for operation in operations:
        strategy = _cases(operation, mode)
        if strategy is not None:
            _hold_against_document(strategy, cases, headers)


def _cases(operation: Any, mode: GenerationMode) -> SearchStrategy[Any] | None:
    nothing_to_get_wrong = mode is GenerationMode.NEGATIVE and not (
        operation.body or operation.query
    )
    return None if nothing_to_get_wrong else operation.as_strategy(generation_mode=mode)


def _hold_against_document(
    cases: SearchStrategy[Any], number: int, headers: dict[str, str]
) -> None:
    # The same cases each time: now and then a wrong value is one that no URL can carry, and then
    # the request is right and its acceptance no fault.
    @given(case=cases)
    @settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def hold(case: schemathesis.Case) -> None:
        assume(not any(value in ([], {}) for value in (case.query or {}).values()))  # not carried
        case.call_and_validate(headers=headers, checks=CHECKS)

    hold()
