"""The client sends again only under one key, and says when it does not know what came of it."""

from __future__ import annotations

import logging
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from obdtrack_client import (
    Client,
    Conflict,
    Invalid,
    NoResponse,
    OutcomeUnknown,
    Problem,
    RateLimited,
    Unauthorized,
    Unavailable,
)

from obdtrack.cli.ports import free_port
from tests.clients.wires import KEY, Idle, Wire, one_after_another, problem, response

CALL = {"id": "01a2078b", "to": "+918867135001", "status": "queued", "a_new_field": {"x": 1}}
NUMBER = "+918867135001"
LOST = requests.ConnectionError("Connection aborted.")
LATE = requests.exceptions.ReadTimeout("Read timed out.")


def placed() -> requests.Response:
    return response(201, CALL)


@pytest.mark.parametrize(
    "first",
    [
        problem(503, "unavailable", Retry_After="3"),
        problem(429, "rate-limited", Retry_After="3"),
        problem(409, "conflict", Retry_After="2"),
        problem(500, "internal"),
        response(502, b"<html>", "text/html"),
        response(503, b"<html>", "text/html"),
        requests.exceptions.ConnectTimeout("No route."),
        LOST,
        requests.exceptions.ChunkedEncodingError("IncompleteRead"),
    ],
    ids=str,
)
def test_what_is_not_decided_is_sent_again_with_the_same_key_and_body(first: Any) -> None:
    wire, idle = Wire(one_after_another(first, placed())), Idle()
    assert idle.client(wire).place(NUMBER, flow_id="23").status == "queued"
    one, again = wire.seen
    assert one.key == again.key is not None
    assert one.body == again.body
    asked = float(getattr(first, "headers", {}).get("Retry-After", 0))
    assert idle.slept[0] >= max(asked, 0.25)


def test_a_timeout_is_told_at_once_with_the_key_that_finds_out() -> None:
    wire = Wire(one_after_another(LATE, placed()))
    client = Idle().client(wire)
    with pytest.raises(OutcomeUnknown) as told:
        client.place(NUMBER, flow_id="23")
    assert len(wire.seen) == 1
    assert told.value.key == wire.seen[0].key
    assert client.place(NUMBER, flow_id="23", idempotency_key=told.value.key).status == "queued"
    assert wire.seen[0] == wire.seen[1]


@pytest.mark.parametrize("last", [problem(401, "unauthorized"), problem(503, "unavailable"), LATE])
def test_what_was_lost_once_stays_unknown_until_the_server_decides(last: Any) -> None:
    wire = Wire(one_after_another(LOST, last))
    with pytest.raises(OutcomeUnknown) as told:
        Idle().client(wire).submit([NUMBER], flow_id="23")
    assert {seen.key for seen in wire.seen} == {told.value.key}


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (problem(422, "invalid"), Invalid),
        (problem(409, "conflict"), Conflict),
        (problem(409, "conflict", Retry_After="36000"), Conflict),  # outside the calling hours
    ],
)
def test_a_decision_is_told_and_nothing_is_sent_again(refusal: Any, kind: type) -> None:
    wire = Wire(one_after_another(LOST, refusal))
    with pytest.raises(kind):
        Idle().client(wire).place(NUMBER, flow_id="23")
    assert len(wire.seen) == 2


def test_a_first_request_that_runs_for_ever_is_unknown_and_not_refused() -> None:
    wire, idle = Wire(one_after_another(problem(409, "conflict", Retry_After="2"))), Idle()
    with pytest.raises(OutcomeUnknown):
        idle.client(wire, patience=20).place(NUMBER, flow_id="23", idempotency_key="order-7")
    assert {seen.key for seen in wire.seen} == {"order-7"}
    assert 10 < idle.now < 20


def test_who_asks_to_wait_longer_than_the_patience_is_not_asked_again() -> None:
    wire = Wire(one_after_another(problem(429, "rate-limited", Retry_After="61")))
    with pytest.raises(RateLimited) as told:
        Idle().client(wire).place(NUMBER, flow_id="23")
    assert told.value.retry_after == 61
    assert len(wire.seen) == 1


def test_a_date_is_understood_as_a_time_to_wait() -> None:
    past = problem(503, "unavailable", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")
    wire, idle = Wire(one_after_another(past, placed())), Idle()
    idle.client(wire).place(NUMBER, flow_id="23")
    assert idle.now < 1


def test_a_response_that_cannot_be_read_is_unknown_too() -> None:
    wire = Wire(one_after_another(response(201, b"<html>", "text/html")))
    with pytest.raises(OutcomeUnknown):
        Idle().client(wire).place(NUMBER, flow_id="23")


@pytest.mark.parametrize("failure", [LATE, LOST, response(502, b""), response(504, b"")])
def test_a_look_up_is_repeated_whatever_was_lost(failure: Any) -> None:
    wire = Wire(one_after_another(failure, response(200, CALL)))
    assert Idle().client(wire).call("01a2078b").status == "queued"
    assert len(wire.seen) == 2


def test_a_look_up_that_gets_nothing_says_so_after_the_patience() -> None:
    idle = Idle()
    with pytest.raises(NoResponse):
        idle.client(Wire(one_after_another(LATE)), patience=30).call("01a2078b")
    assert 20 < idle.now < 30


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (LOST, OutcomeUnknown),
        (LATE, OutcomeUnknown),
        (response(502, b""), OutcomeUnknown),
        (problem(503, "unavailable", Retry_After="1"), Unavailable),
    ],
)
def test_without_a_key_nothing_is_sent_twice(failure: Any, kind: type) -> None:
    wire = Wire(one_after_another(failure))
    client = Idle().client(wire)
    steps = [
        lambda: client.create_campaign("diwali", flow_id="23"),
        lambda: client.edit_campaign("diwali", per_minute=5),
        lambda: client.add_recipients("diwali", [{"to": NUMBER}]),
        lambda: client.start_campaign("diwali"),
    ]
    for step in steps:
        with pytest.raises(kind):
            step()
    assert len(wire.seen) == len(steps)
    assert {seen.key for seen in wire.seen} == {None}


def test_a_redirection_is_not_followed() -> None:
    moved = response(301, b"", "text/html", Location="https://obdtrack.test/")
    wire = Wire(one_after_another(moved))
    with pytest.raises(Problem) as told:
        Idle().client(wire).place(NUMBER, flow_id="23")
    assert (told.value.status, len(wire.seen)) == (301, 1)


@contextmanager
def listening(respond: bytes, *, hangs_up: bool = True) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request, sends this, and hangs up or says nothing more."""
    heard: list[bytes] = []
    released = threading.Event()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                heard.append(connection.recv(65_536))
                connection.sendall(respond)
                if not hangs_up:
                    released.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heard
        released.set()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_nobody_listens() -> None:
    idle = Idle()
    url = f"http://127.0.0.1:{free_port()}"
    client = Client(url, KEY, sleep=idle.sleep, clock=lambda: idle.now, patience=5)
    with pytest.raises(NoResponse, match="nothing was sent"):
        client.place(NUMBER, flow_id="23")
    assert len(idle.slept) > 2


@pytest.mark.parametrize("began", [b"", b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"])
def test_a_server_that_hangs_up_is_asked_again_and_then_in_doubt(began: bytes) -> None:
    idle = Idle()
    with listening(began) as (url, heard):
        client = Client(url, KEY, sleep=idle.sleep, clock=lambda: idle.now, patience=3)
        with pytest.raises(OutcomeUnknown):
            client.place(NUMBER, flow_id="23", idempotency_key="order-7")
    assert len(heard) > 1
    assert all(b"Idempotency-Key: order-7\r\n" in request for request in heard)


@pytest.mark.parametrize("began", [b"", b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"])
def test_a_server_that_says_nothing_more_in_time(began: bytes) -> None:
    with listening(began, hangs_up=False) as (url, heard):
        with pytest.raises(OutcomeUnknown, match="did not respond in time"):
            Client(url, KEY, timeout=0.2).place(NUMBER, flow_id="23")
        assert len(heard) == 1


def test_what_netrc_says_does_not_replace_the_key(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine obdtrack.test login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    wire = Wire(one_after_another(placed()))
    Idle().client(wire).place(NUMBER, flow_id="23")
    assert wire.seen[0].headers["Authorization"] == f"Bearer {KEY}"


def test_no_text_has_a_key_or_a_number(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    client = Client(f"http://127.0.0.1:{free_port()}", f"{KEY}\n", patience=0)
    told: list[object] = [client]
    for step in (lambda: client.place(NUMBER), lambda: next(client.calls(to=NUMBER))):
        with pytest.raises(NoResponse) as raised:
            step()
        told.append(raised.value)
        assert raised.value.__cause__ is None
    with pytest.raises(OutcomeUnknown) as unknown:
        Idle().client(Wire(one_after_another(LATE))).place(NUMBER, idempotency_key=NUMBER)
    call = Idle().client(Wire(one_after_another(placed()))).place(NUMBER)
    texts = "".join(f"{one} {one!r}" for one in (*told, unknown.value, call, [call])) + caplog.text
    assert "8867135001" not in texts
    assert KEY not in texts
    assert "Call(id='01a2078b', status='queued')" in texts


def test_no_line_of_the_log_has_the_number_that_is_searched_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("urllib3.connectionpool")
    for name in ("disabled", "propagate"):  # whatever a command in another test has set up
        monkeypatch.setattr(logger, name, name == "propagate")
    caplog.set_level("DEBUG", logger.name)
    page = b'HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"data": [], "next_cursor": null}'
    with listening(page) as (url, heard):
        assert list(Client(url, KEY).calls(to=NUMBER)) == []
    assert b"8867135001" in heard[0]
    assert "/api/v1/calls?…" in caplog.text
    assert "8867135001" not in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("key", ["obd_secret\nX: y", "obd_sécret", ""])
def test_a_key_that_is_none_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(ValueError) as told:
        Client("http://127.0.0.1", key)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "url", ["calls.example", "ftp://calls.example", "http://a:b@calls.example"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url, KEY)


def test_errors_survive_being_handed_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(OutcomeUnknown("Not known.", "order-7")))
    assert (error.key, str(error)) == ("order-7", "Not known.")
    told = {"code": "unauthorized", "detail": "No.", "errors": {"key": ["Wrong."]}}
    refused = pickle.loads(pickle.dumps(Unauthorized(401, told, None)))
    assert (refused.code, str(refused)) == ("unauthorized", "No. key: Wrong.")
