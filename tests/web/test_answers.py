"""What every answer carries, whoever asked, whatever became of it: challenges and safe headers."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import peewee
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from obdtrack.access.keys import create_key
from obdtrack.application import create_app
from obdtrack.calls.reports import deliveries
from obdtrack.limits import FORMS_OF_ONE_ADDRESS
from obdtrack.services import Services
from obdtrack.settings import load_settings
from obdtrack.web.http.auth import PUBLIC_ENDPOINTS, needed_scope
from obdtrack.web.http.request_bodies import MAX_BODY
from tests.conftest import IN_THREADS, Caller
from tests.end_to_end.conftest import until
from tests.factories import SECRET
from tests.pages.conftest import Visitor
from tests.web.test_access import routes

ON_EVERYTHING = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "",
}
CALLBACK = "/webhooks/mobtexting"
TRUSTED = {"Authorization": f"Bearer {SECRET}"}
BROWSER = {"Accept": "text/html"}
FORM = "application/x-www-form-urlencoded"

ANSWERS: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "list": (200, "GET", "/api/v1/calls", {}),
    "no key": (401, "GET", "/api/v1/calls", {"headers": {}}),
    "no scope": (403, "GET", "/audit", {}),
    "no call": (404, "GET", "/api/v1/calls/none", {}),
    "no such path": (404, "GET", "/nothing", {}),
    "no such method": (405, "DELETE", "/api/v1/calls", {}),
    "too large": (413, "POST", "/api/v1/calls", {"json": {"a": "x" * MAX_BODY}}),
    "wrong fields": (422, "POST", "/api/v1/calls", {"json": {}}),
    "the door": (200, "GET", "/sign-in", {"headers": BROWSER}),
    "to the door": (303, "GET", "/", {"headers": BROWSER}),
    "livez": (200, "GET", "/livez", {"headers": {}}),
    "figures": (200, "GET", "/metrics", {}),
    "report": (200, "POST", CALLBACK, {"headers": TRUSTED, "data": b"{}"}),
    "report without secret": (401, "POST", CALLBACK, {"headers": {}, "data": b"{}"}),
    "report too large": (
        413,
        "POST",
        CALLBACK,
        {"headers": TRUSTED, "data": b"x" * (MAX_BODY + 1)},
    ),
}


def check_headers(response: TestResponse) -> None:
    for name, value in ON_EVERYTHING.items():
        assert response.headers[name].startswith(value), (name, response.headers.get(name))
    assert "Server" not in response.headers


@pytest.mark.parametrize(("status", "method", "path", "options"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer_carries_its_security_headers(
    caller: Caller, status: int, method: str, path: str, options: dict[str, Any]
) -> None:
    response = caller.client.open(path, method=method, **{"headers": caller.headers, **options})
    assert response.status_code == status
    check_headers(response)


def test_also_when_something_breaks(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("obdtrack.web.api.routes.search.newest", broken)
    response = caller.get("/calls")
    assert response.status_code == 500
    check_headers(response)


def test_also_when_a_report_could_not_be_stored(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise peewee.OperationalError("disk I/O error")

    monkeypatch.setattr(deliveries, "add", full)
    response = caller.report()
    assert response.status_code == 503
    check_headers(response)


# Who is asked for a key, and how (RFC 9110, 11.6.1; RFC 6750, 3).

CHALLENGE = 'Bearer realm="obdtrack"'
INVALID = f'{CHALLENGE}, error="invalid_token"'


def closed_routes(app: Flask) -> Iterator[tuple[str, str]]:
    for endpoint, method, path in routes(app):
        if endpoint not in PUBLIC_ENDPOINTS and needed_scope(app, endpoint):
            yield method, path


def test_every_closed_route_asks_for_a_key_in_due_form(app: Flask) -> None:
    client, seen = app.test_client(), 0
    for method, path in closed_routes(app):
        response = client.open(path, method=method, headers={"Authorization": "Basic eDp5"})
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, CHALLENGE), (
            path
        )
        seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("given", "challenge"),
    [(None, CHALLENGE), ("Basic eDp5", CHALLENGE), ("Bearer nonsense", INVALID)],
    ids=["nothing", "another scheme", "a wrong token"],
)
@pytest.mark.parametrize("path", ["/api/v1/calls", CALLBACK])
def test_an_error_code_is_told_only_to_who_gave_a_token(
    app: Flask, path: str, given: str | None, challenge: str
) -> None:
    headers = {"Authorization": given} if given else {}
    response = app.test_client().get(path, headers=headers)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, challenge)


def test_what_is_not_there_is_told_to_key_holders_only(app: Flask, reader: Caller) -> None:
    assert app.test_client().get("/api/v1/nothing").status_code == 401
    assert reader.get("/nothing").status_code == 404


def test_the_door_says_401_with_a_challenge_and_403_for_a_scope_that_is_missing(
    app: Flask, services: Services
) -> None:
    wrong = Visitor(app, "").send("/sign-in", key="obd_wrong")
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    narrow = create_key("dialer", ["place"], services)
    assert Visitor(app, "").send("/sign-in", key=narrow).status_code == 403


def test_trying_keys_at_the_door_is_slowed_down_by_address(app: Flask, services: Services) -> None:
    visitor = Visitor(app, "obd_wrong")
    codes = [visitor.send("/sign-in", key=f"obd_{number}").status_code for number in range(31)]
    assert (codes[0], codes[-1]) == (401, 429)
    key = create_key("Asha", ["read"], services)
    assert visitor.send("/sign-in", key=key).status_code == 303


class Held(io.BytesIO):
    """A body that does not come before it is let go."""

    def __init__(self, go: threading.Event) -> None:
        super().__init__(b"key=x")
        self.go = go

    def read(self, *size: int) -> bytes:
        self.go.wait(10)
        return super().read(*size)


@IN_THREADS
def test_slow_forms_from_one_address_keep_no_other_out(app: Flask, services: Services) -> None:
    go = threading.Event()

    def knock(address: str, stream: io.BytesIO) -> int:
        options = {"content_type": FORM, "content_length": 5, "input_stream": stream}
        from_there = {"REMOTE_ADDR": address}
        client = app.test_client()
        return client.post("/sign-in", environ_overrides=from_there, **options).status_code

    with ThreadPoolExecutor(FORMS_OF_ONE_ADDRESS) as pool:
        slow = [pool.submit(knock, "203.0.113.7", Held(go)) for _ in range(FORMS_OF_ONE_ADDRESS)]
        until(lambda: services.limits.forms.held("203.0.113.7") == FORMS_OF_ONE_ADDRESS)
        assert knock("203.0.113.7", io.BytesIO(b"key=x")) == 503
        assert knock("203.0.113.8", io.BytesIO(b"key=x")) == 400
        go.set()
    assert {one.result() for one in slow} == {400}


# Forms.


def test_no_form_is_taken_without_its_token(app: Flask, services: Services) -> None:
    visitor = Visitor(app, create_key("Asha", ["read", "place", "pii", "admin"], services))
    forms = [
        (method, path)
        for endpoint, method, path in routes(app)
        if endpoint.startswith("pages_") and method != "GET"
    ]
    assert len(forms) > 5
    for method, path in forms:
        assert method == "POST", path  # the only other method that is checked
        response = visitor.client.post(path, data={"key": "x", "csrf_token": "forged"})
        assert (response.status_code, "another site" in response.text) == (400, True), path
    assert visitor.open("/").status_code == 200


# Behind a proxy.


@contextmanager
def app_with(services: Services, **settings: Any) -> Iterator[Flask]:
    made = create_app(replace(services, settings=replace(services.settings, **settings)))
    yield made
    made.quarantine.close()


def test_only_trusted_hosts_are_served(services: Services) -> None:
    with app_with(services, trusted_hosts=("calls.example.com",)) as app:
        client = app.test_client()
        assert client.get("/livez", base_url="https://calls.example.com").status_code == 200
        assert client.get("/livez", base_url="https://evil.example").status_code == 400


@pytest.mark.parametrize(
    "host",
    [
        "CALLS.example.com",
        "calls.example.com.",
        "Calls.Example.Com.:8000",
        "calls.example.com:8000",
    ],
)
@pytest.mark.parametrize("setting", ["calls.example.com", "Calls.Example.com."])
def test_hosts_are_compared_as_names_are(
    services: Services, monkeypatch: pytest.MonkeyPatch, host: str, setting: str
) -> None:
    monkeypatch.setenv("OBDTRACK_TRUSTED_HOSTS", setting)
    with app_with(services, trusted_hosts=load_settings().trusted_hosts) as app:
        client = app.test_client()
        assert client.get("/livez", headers={"Host": host}).status_code == 200
        assert client.get("/livez", headers={"Host": "calls.example.org"}).status_code == 400


def tries(app: Flask, forwarded: str) -> int:
    headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": forwarded}
    return app.test_client().get("/api/v1/calls", headers=headers).status_code


def test_with_a_proxy_in_front_wrong_keys_are_counted_by_the_address_it_saw(
    services: Services,
) -> None:
    with app_with(services, proxy_hops=1) as app:
        assert [tries(app, "192.0.2.1") for _ in range(31)][-1] == 429
        assert tries(app, "192.0.2.2") == 401


def test_what_a_client_puts_before_the_proxys_word_is_not_believed(services: Services) -> None:
    with app_with(services, proxy_hops=1) as app:
        codes = [tries(app, f"198.51.100.{number}, 192.0.2.1") for number in range(31)]
        assert codes[-1] == 429


@pytest.mark.parametrize(("hops", "status"), [(0, 400), (1, 200)])
def test_a_forwarded_host_counts_only_behind_a_proxy(
    services: Services, hops: int, status: int
) -> None:
    headers = {"Host": "10.0.0.7", "X-Forwarded-Host": "calls.example.com"}
    with app_with(services, proxy_hops=hops, trusted_hosts=("calls.example.com",)) as app:
        assert app.test_client().get("/livez", headers=headers).status_code == status
