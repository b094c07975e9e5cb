"""The real server against hostile bodies, slow clients and a flood."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from obdtrack.cli.serve import THREADS
from tests.end_to_end.conftest import SECRET, Installation, until
from tests.factories import report_body
from tests.providers.test_payloads import REQUESTS, names, request_in
from tests.torture.clients import (
    CALLBACK,
    STARTS,
    flood,
    honest_reports,
    post,
    slow_sockets,
)

NESTED = b"[" * 30_000 + b"]" * 30_000

HOSTILE = {
    "deep lists": NESTED,
    "deep objects": b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    "a huge integer": b'{"id": "x", "to": ' + b"9" * 5_000 + b"}",
    "a number beyond 64 bit": b'{"id": "x", "duration": 99999999999999999999}',
    "an infinite number": b'{"id": "x", "duration": 1e400}',
    "not a number": b'{"id": "x", "duration": NaN}',
    "half a character": b'{"id": "\\ud800", "status": "ANSWER"}',
    "NUL in a value": b'{"id": "x\\u0000y", "status": "ANSWER"}',
    "NUL bytes": b"\x00" * 1_000,
    "null": b"null",
    "an empty list": b"[]",
    "a list of lists": b"[[],[]]",
    "a string": b'"hello"',
    "true": b"true",
    "an unclosed brace": b'{"id": "x"',
    "many fields": json.dumps({f"k{n}": n for n in range(3_000)}).encode(),
    "a very long value": json.dumps({"id": "x", "note": "y" * 60_000}).encode(),
    "a very long id": json.dumps({"id": "x" * 60_000}).encode(),
    "duplicate keys": b'{"id": "a", "id": "b"}',
    "not text": bytes(range(256)) * 10,
    "UTF-16": '{"id": "x"}'.encode("utf-16"),
    "a year beyond all years": b'{"id": "x", "start_at": "99999-01-01 00:00:00"}',
    "a date that is none": b'{"id": "x", "start_at": "2026-02-31 25:61:61"}',
    "times beyond the epoch": b'{"id": "x", "unixtime": 99999999999999}',
    "a negative duration": b'{"id": "x", "duration": "-5"}',
    "SQL": b"id=x'); DROP TABLE calls;--&status=ANSWER",
    "a script": b'{"id": "<script>alert(1)</script>", "status": "ANSWER"}',
    "a broken multipart": b"--x\r\nContent-Disposition: form-data; name=\r\n\r\n",
    "percent signs": b"%%%=%zz&id=%",
    "only ampersands": b"&" * 10_000,
    "only equal signs": b"=" * 10_000,
    "a key without a value": b"id",
    "a value without a key": b"=x&=y",
    "3000 form fields": b"&".join(b"k%d=x" % number for number in range(3_000)),
    "NUL in a form": b"id=x%00y&status=ANSWER",
    "half a character in a form": b"id=%ED%A0%80&status=ANSWER",
    "a form that is a list": b"id[]=x&id[]=y&status[a][b]=ANSWER",
    "overlong UTF-8": b"id=\xc0\xaf\xe0\x80\xaf",
    "a byte order mark": b'\xef\xbb\xbf{"id": "x"}',
    "UTF-32": '{"id": "x"}'.encode("utf-32"),
    "two objects": b'{"id": "x"}{"id": "y"}',
    "lines of objects": b'{"id": "x"}\n{"id": "y"}\n',
    "text after an object": b'{"id": "x"} and so on',
    "JSON in JSON in JSON": json.dumps(
        {"payload": json.dumps({"payload": '{"id": "x"}'})}
    ).encode(),
    "a payload that is a list": b'{"payload": [1, 2, 3]}',
    "a payload of null": b'{"payload": null}',
    "a list of a thousand reports": json.dumps([{"id": f"x{n}"} for n in range(1_000)]).encode(),
    "objects for every field": b'{"id": {"a": 1}, "status": {}, "to": {}, "duration": {}}',
    "lists for every field": b'{"id": [1], "status": [], "to": [[]], "start_at": ["x"]}',
    "true for every field": b'{"id": true, "status": true, "to": true, "duration": true}',
    "an empty key": b'{"": "x", "id": "x"}',
    "a key of 60000 letters": json.dumps({"k" * 60_000: "x"}).encode(),
    "keys that differ in case": b'{"ID": "a", "Id": "b", "id": "c", "iD": "d"}',
    "a number as text with spaces": b'{"id": "x", "to": "  +91 88671-35001 \\u200f"}',
    "a number of 400 digits": json.dumps({"id": "x", "to": "9" * 400}).encode(),
    "text from right to left": '{"id": "\u202e1:x", "status": "\u0627\u0644"}'.encode(),
    "digits of other scripts": '{"id": "x", "duration": "\u0661\u0662"}'.encode(),
    "a formula": b'{"id": "=cmd|\'/C calc\'!A0", "status": "@SUM(1)"}',
    "line ends in an id": b'{"id": "x\\r\\nSet-Cookie: a=b", "status": "ANSWER"}',
    "escapes of a terminal": b'{"id": "\\u001b[2J", "status": "\\u0007"}',
    "minus nothing": b'{"id": "x", "duration": -0, "charges": "-0.0"}',
    "money beyond money": b'{"id": "x", "charges": "' + b"9" * 40 + b'.5"}',
    "a template never filled in": b'{"id": "{{id}}", "status": "{{status}}", "to": "{{to}}"}',
    "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><id>&a;</id>",
    "gzip": gzip.compress(b'{"id": "x"}'),
    "a multipart form without an end": b"--x\r\n" * 3_000,
    "a million brackets": b"[]" * 30_000,
    "a comment": b'{/* the id */ "id": "x", // end\n "status": "ANSWER"}',
}
"""Bodies that somebody who knows the secret, or a provider gone wrong, may send."""


@pytest.fixture(scope="module")
def server(each_installation: Installation) -> Iterator[Installation]:
    each_installation.prepare()
    each_installation.start_server()
    yield each_installation
    each_installation.stop()


def newest_delivery(server: Installation) -> str:
    found = server.session.get(f"{server.url}/api/v1/deliveries?limit=1", timeout=10).json()["data"]
    return str(found[0]["id"]) if found else ""


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_stored_and_answered_200(server: Installation, body: bytes) -> None:
    before = newest_delivery(server)
    assert post(server, body).status_code == 200
    assert newest_delivery(server) != before


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "nonsense"]
)
def test_a_content_type_that_lies_changes_nothing(server: Installation, content_type: str) -> None:
    before = newest_delivery(server)
    assert post(server, b'{"id": "x"}', **{"Content-Type": content_type}).status_code == 200
    assert newest_delivery(server) != before


@pytest.mark.parametrize("path", REQUESTS, ids=names)
def test_every_known_payload_is_taken_by_the_real_server(server: Installation, path: Path) -> None:
    raw = request_in(path)
    response = requests.request(
        raw.method,
        f"{server.url}{CALLBACK}?{raw.query}",
        data=raw.body,
        headers={"Authorization": f"Bearer {SECRET}", "Content-Type": raw.content_type},
        timeout=20,
    )
    assert response.status_code == 200


@pytest.mark.parametrize("size", [64 * 1024 + 1, 5_000_000])
def test_a_chunked_body_too_large_is_never_cut_and_acknowledged(
    server: Installation, size: int
) -> None:
    before = newest_delivery(server)
    chunks = (b"x" * 8192 for _ in range(size // 8192 + 1))
    with contextlib.suppress(requests.ConnectionError):  # it may hang up before all was sent
        assert post(server, chunks).status_code == 413
    assert newest_delivery(server) == before


def test_a_chunked_report_is_read_whole(server: Installation) -> None:
    body = json.dumps(report_body(mid="chunked")).encode()
    assert post(server, iter([body[:50], body[50:]])).status_code == 200
    found = server.session.get(f"{server.url}/api/v1/deliveries?limit=1").json()["data"][0]
    assert found["body"] == body.decode()


def head_of(method: str, path: str, authorization: str, *more: str) -> bytes:
    """The head of a request as nobody's library would write it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: {authorization}", *more]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def response_to(server: Installation, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(request)
        return client.recv(200)


REPORTS = {
    "a slash too many": head_of("POST", f"/{CALLBACK}?id=x:1&status=BUSY", f"Bearer {SECRET}"),
    "an escaped slash": head_of(
        "POST", "/webhooks%2Fmobtexting?id=x:1&status=BUSY", f"Bearer {SECRET}"
    ),
    "the secret alone": head_of("GET", f"{CALLBACK}?id=x:1&status=BUSY", SECRET),
    "letters no header has": head_of("GET", f"{CALLBACK}?id=x:1", "Bearer geheim-für-jeden"),
}


@pytest.mark.parametrize("request_", REPORTS.values(), ids=REPORTS.keys())
def test_no_report_with_a_credential_goes_without_a_trace(
    server: Installation, request_: bytes
) -> None:
    before = newest_delivery(server)
    assert response_to(server, request_)[:12] in (b"HTTP/1.1 200", b"HTTP/1.1 401")
    until(lambda: newest_delivery(server) != before)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE"])
def test_what_is_no_report_has_no_effect(server: Installation, method: str) -> None:
    before = newest_delivery(server)
    status = response_to(server, head_of(method, f"{CALLBACK}?id=x:1", f"Bearer {SECRET}"))[:12]
    assert status == (b"HTTP/1.1 200" if method in ("HEAD", "OPTIONS") else b"HTTP/1.1 405")
    assert newest_delivery(server) == before


UNFINISHED = {
    "a length": "Content-Length: 100\r\n\r\nonly this",
    "a chunk": 'Transfer-Encoding: chunked\r\n\r\n40\r\n{"id": "x:1", "status": "ANS',
    "chunks": "Transfer-Encoding: chunked\r\n\r\na\r\nid=x:1&sta\r\n",
}


@pytest.mark.parametrize("rest", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_a_body_that_ends_too_soon_is_not_stored(server: Installation, rest: str) -> None:
    before = newest_delivery(server)
    head = f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall((head + rest).encode())
        client.shutdown(socket.SHUT_WR)  # it still listens for an answer
        assert b" 200 " not in client.recv(200)
    assert newest_delivery(server) == before


on_sqlite = pytest.mark.parametrize("each_installation", ["sqlite"], indirect=True)
"""What never comes as far as a database."""


@on_sqlite
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_slow_sockets_do_not_keep_honest_reports_out(server: Installation, start: str) -> None:
    with slow_sockets(server, start, THREADS + 50):
        assert honest_reports(server, 5) == [200] * 5


@on_sqlite
def test_a_flood_without_the_secret_writes_nothing_and_keeps_nobody_out(
    server: Installation,
) -> None:
    before = newest_delivery(server)
    with flood(server):
        time.sleep(1.5)
        assert newest_delivery(server) == before
        assert honest_reports(server, 5) == [200] * 5


@on_sqlite
def test_a_flood_with_a_wrong_secret_keeps_nobody_out(server: Installation) -> None:
    with flood(server, Authorization="Bearer wrong-secret-of-somebody") as codes:
        time.sleep(1.5)
        assert honest_reports(server, 5) == [200] * 5
    assert set(codes) == {401}
