"""Bad answers through real sockets: bounded, in doubt where they prove nothing, token at home."""

from __future__ import annotations

import gzip
import logging
import time

import pytest

from obdtrack.domain.submission import PLACEMENT, Failure, Placement
from tests.providers.conftest import (
    IMPATIENT,
    TO,
    TOKEN,
    closes,
    drips,
    http_response,
    resets,
    says,
    stays_silent,
)

LOGIN = b"<html><title>Login</title><form><input type='password'></form></html>"
YES = b'{"status": "OK", "data": [{"id": "a:1", "mobile": "918919525224"}]}'
LONG = http_response(YES + b" " * 500)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNREADABLE = Failure.UNREADABLE_ANSWER

BAD_RESPONSES = {
    "login page": (says(http_response(LOGIN, Content_Type="text/html")), Failure.INVALID_TOKEN),
    "redirect to login": (
        says(http_response(b"", "302 F", Location="/login")),
        Failure.INVALID_TOKEN,
    ),
    "other page": (says(http_response(b"<html>Hi</html>", Content_Type="text/html")), UNREADABLE),
    "list": (says(http_response(b"[" + YES + b"]")), UNREADABLE),
    "null": (says(http_response(b"null")), UNREADABLE),
    "empty": (says(http_response(b"")), UNREADABLE),
    "no content": (says(b"HTTP/1.1 204 No Content\r\n\r\n"), UNREADABLE),
    "10 MB": (says(http_response(YES + b" " * 10_000_000)), Failure.ANSWER_TOO_LARGE),
    "chunks without end": (
        says(CHUNKED + b"ffff\r\n".join([b""] + [b" " * 65_535 + b"\r\n"] * 40)),
        Failure.ANSWER_TOO_LARGE,
    ),
    "chunks that are none": (says(CHUNKED + b"zz\r\n" + YES), Failure.CONNECTION_LOST),
    "gzip": (says(http_response(gzip.compress(YES), Content_Encoding="gzip")), UNREADABLE),
    "gzip bomb": (
        says(http_response(gzip.compress(bytes(100_000_000)), Content_Encoding="gzip")),
        UNREADABLE,
    ),
    "cut headers": (lambda peer: (peer.sendall(LONG[:30]), closes(peer)), UNREADABLE),
    "no HTTP": (says(b"220 smtp ready\r\n"), UNREADABLE),
    "dripping headers": (drips(LONG, after=10), Failure.TIMEOUT),
    "dripping body": (drips(LONG, after=120), Failure.TIMEOUT),
    "silence": (stays_silent, Failure.TIMEOUT),
    "reset": (resets(), Failure.CONNECTION_LOST),
    "reset in the body": (resets(after=LONG[:-5]), Failure.CONNECTION_LOST),
    "closed": (closes, Failure.CONNECTION_LOST),
}


def patience(failure: Failure) -> dict[str, float]:
    return IMPATIENT if failure is Failure.TIMEOUT else {}


@pytest.mark.parametrize(("behaviour", "failure"), BAD_RESPONSES.values(), ids=BAD_RESPONSES)
def test_a_bad_answer_is_bounded_and_the_call_is_asked_for_once(
    loopback, client_of, call, behaviour, failure
):
    server, started = loopback(behaviour), time.monotonic()
    response = client_of(server.url, **patience(failure)).send(call)
    assert time.monotonic() - started < 15 + 5
    assert (response.failure, len(server.requests)) == (failure, 1)
    assert len(response.body or b"") <= 1_000_000


@pytest.mark.parametrize(("behaviour", "failure"), BAD_RESPONSES.values(), ids=BAD_RESPONSES)
def test_a_bad_answer_to_a_question_is_bounded_too(loopback, client_of, behaviour, failure):
    server, started = loopback(behaviour), time.monotonic()
    response = client_of(server.url, **patience(failure)).find(to=TO)
    assert response.failure is failure
    assert time.monotonic() - started < 15 + 5


def test_what_never_left_was_not_placed(client_of, call):
    response = client_of("http://127.0.0.1:1/").send(call)
    assert (response.failure, response.placement) == (Failure.UNREACHABLE, Placement.NOT_PLACED)
    assert (response.http_status, response.body) == (None, None)


@pytest.mark.parametrize("code", ["301 M", "302 F", "303 S", "307 T", "308 P"])
def test_a_redirect_carries_neither_token_nor_call_elsewhere(loopback, client_of, call, code):
    elsewhere = loopback(says(http_response(YES)))
    server = loopback(says(http_response(b"", code, Location=elsewhere.url + "outgoing/send")))
    response = client_of(server.url).send(call)
    assert (elsewhere.connections, len(server.requests)) == (0, 1)
    assert response.message == f"redirects to {elsewhere.url}outgoing/send"
    certain = code[:3] in ("301", "307", "308")
    assert (PLACEMENT[response.failure] is Placement.NOT_PLACED) is certain


@pytest.mark.parametrize("home", ["NETRC", "HOME"])
@pytest.mark.parametrize("trusting", [False, True])
def test_a_netrc_does_not_replace_the_token(
    loopback, client_of, call, tmp_path, monkeypatch, home, trusting
):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mallory password stolen\n")
    monkeypatch.setenv(home, str(tmp_path / ".netrc" if home == "NETRC" else tmp_path))
    server = loopback(says(http_response(YES)))
    client = client_of(server.url)
    client._session.trust_env = trusting
    assert client.send(call).failure is None
    assert f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize(
    "behaviour", [entry[0] for entry in BAD_RESPONSES.values()], ids=BAD_RESPONSES
)
def test_no_word_of_ours_holds_token_or_number(loopback, client_of, call, caplog, capfd, behaviour):
    caplog.set_level(logging.DEBUG)
    client = client_of(loopback(behaviour).url, **IMPATIENT)
    sent, found = client.send(call), client.find(to=TO)
    written = capfd.readouterr()
    assert TOKEN not in f"{client!r} {sent!r} {found!r} {caplog.text} {written}"
    assert TO[1:] not in f"{sent.message} {found.message} {caplog.text} {written}"
