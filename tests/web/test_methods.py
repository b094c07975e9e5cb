"""What is a report at the callback, by its method and its path, and what only looks like one."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from obdtrack.store.database import Store
from tests.conftest import FRONTS, Caller
from tests.factories import SECRET

pytestmark = FRONTS


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """What a request carries is read before a database could matter."""
    return sqlite_store


PATH = "/webhooks/mobtexting"
BEARER = {"Authorization": f"Bearer {SECRET}"}
QUERY = "id=x:1&status=BUSY"


def ask(caller: Caller, method: str, path: str = PATH, **headers: str) -> TestResponse:
    environ = {"PATH_INFO": path}  # the test client would read `//webhooks` as a host's name
    return caller.client.open(
        PATH, method=method, query_string=QUERY, headers=headers, environ_overrides=environ
    )


def kept(caller: Caller) -> list[str]:
    caller.client.application.quarantine.flush()
    return [row["outcome"] for row in caller.get("/deliveries").json["data"]]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_report_comes_by_a_method_a_webhook_can_have(caller: Caller, method: str) -> None:
    assert ask(caller, method, **BEARER).status_code == 200
    assert kept(caller) == ["unmatched"]


@pytest.mark.parametrize(("headers", "status"), [(BEARER, 200), ({}, 401)])
def test_head_tells_whether_the_secret_is_right_and_does_nothing(
    caller: Caller, headers: dict[str, str], status: int
) -> None:
    response = ask(caller, "HEAD", **headers)
    assert (response.status_code, response.data) == (status, b"")
    assert kept(caller) == []


def test_head_with_a_wrong_secret_leaves_nothing(caller: Caller) -> None:
    assert ask(caller, "HEAD", Authorization="Bearer wrong").status_code == 401
    assert kept(caller) == []


@pytest.mark.parametrize("headers", [BEARER, {}, {"Authorization": "Bearer wrong"}])
def test_options_names_the_methods_and_does_nothing(
    caller: Caller, headers: dict[str, str]
) -> None:
    response = ask(caller, "OPTIONS", **headers)
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    assert kept(caller) == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "TRACE", "PROPFIND", "get"])
@pytest.mark.parametrize("headers", [BEARER, {}])
def test_any_other_method_is_refused_with_those_that_are_not(
    caller: Caller, method: str, headers: dict[str, str]
) -> None:
    response = ask(caller, method, **headers) if method != "get" else lower_case(caller, headers)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    assert kept(caller) == []


def lower_case(caller: Caller, headers: dict[str, str]) -> TestResponse:
    """Methods are case-sensitive (RFC 9110, 9.1)."""
    return caller.client.open(PATH, headers=headers, environ_overrides={"REQUEST_METHOD": "get"})


SPELLED = [
    "//webhooks/mobtexting",
    "///webhooks/mobtexting",
    "/webhooks//mobtexting",
    "//webhooks//mobtexting//",
    "/webhooks/mobtexting/",
    "/webhooks/mobtexting ",
    "/Webhooks/MobTexting",
]


@pytest.mark.parametrize("path", SPELLED)
def test_a_path_that_can_only_mean_the_callback_leads_there(caller: Caller, path: str) -> None:
    assert ask(caller, "POST", path, **BEARER).status_code == 200
    assert kept(caller) == ["unmatched"]
    counted = caller.client.application.watch.meter.requests()
    assert counted["callback"].codes == {"200": 1}


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/mobtexting/x", "/x/webhooks/mobtexting"])
def test_another_path_is_not_the_callback(caller: Caller, path: str) -> None:
    assert ask(caller, "POST", path, **BEARER).status_code != 200
    assert kept(caller) == []
