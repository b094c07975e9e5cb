"""Who may do what: every route against every kind of key."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from obdtrack.access.keys import create_key
from obdtrack.services import Services, new_id
from obdtrack.web.http.auth import PUBLIC_ENDPOINTS, needed_scope
from tests.conftest import Caller

ROLES: dict[str, list[str]] = {
    "nobody": [],
    "reader": ["read"],
    "placer": ["place"],
    "seer": ["pii"],
    "admin": ["admin"],
}


@pytest.fixture
def documented() -> bool:
    return True


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Every (endpoint, method, path) of the application, its arguments filled in."""
    return [
        (rule.endpoint, method, re.sub(r"<[^>]+>", str(new_id()), rule.rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_route_names_its_scope_or_is_public_or_closed(app: Flask) -> None:
    without = {endpoint for endpoint, _, _ in routes(app) if not needed_scope(app, endpoint)}
    # Bootstrap-Flask brings a route of its own; nobody passes there.
    assert without == PUBLIC_ENDPOINTS | {"bootstrap.static"}


def test_what_is_public_is_no_more_than_this() -> None:
    assert {
        "health.livez",
        "health.readyz",
        "pages_sign_in.sign_in",
        "pages_sign_in.asset",
    } == PUBLIC_ENDPOINTS


@pytest.mark.parametrize("role", ROLES)
def test_each_route_opens_for_its_scope_only(app: Flask, services: Services, role: str) -> None:
    key = create_key(role, ROLES[role], services) if ROLES[role] else None
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    client = app.test_client()
    for endpoint, method, path in routes(app):
        if endpoint in PUBLIC_ENDPOINTS:
            continue
        status = client.open(path, method=method, headers=headers).status_code
        if needed_scope(app, endpoint) in ROLES[role]:
            assert status not in {401, 403, 500}, (method, path, status)
        else:
            refused = {403} if key else {401} if path.startswith("/api/v1/") else {302, 303, 401}
            assert status in refused, (method, path, status)


def test_refusals_say_what_is_missing(reader: Caller, services: Services) -> None:
    response = reader.place()
    assert response.status_code == 403
    assert "place" in response.json["detail"]
    assert (
        response.headers["WWW-Authenticate"]
        == 'Bearer realm="obdtrack", error="insufficient_scope"'
    )


def test_no_credentials_and_wrong_ones_are_told_apart(caller: Caller) -> None:
    caller.headers = {}
    assert caller.get("/calls").headers["WWW-Authenticate"] == 'Bearer realm="obdtrack"'
    caller.headers = {"Authorization": "Bearer nonsense"}
    assert "invalid_token" in caller.get("/calls").headers["WWW-Authenticate"]


def test_an_address_that_keeps_trying_is_slowed_down_but_a_right_key_passes(
    caller: Caller,
) -> None:
    right, wrong = caller.headers, {"Authorization": "Bearer nonsense"}
    caller.headers = wrong
    statuses = [caller.get("/calls").status_code for _ in range(32)]
    assert (statuses[29], statuses[30], statuses[31]) == (401, 429, 429)
    assert caller.get("/calls").headers["Retry-After"] == "60"
    caller.headers = right
    assert caller.get("/calls").status_code == 200


def test_a_forwarded_address_is_not_believed(caller: Caller) -> None:
    for number in range(31):
        caller.headers = {"Authorization": "Bearer x", "X-Forwarded-For": f"10.0.0.{number}"}
        status = caller.get("/calls").status_code
    assert status == 429
