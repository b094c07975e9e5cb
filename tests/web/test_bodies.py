"""What a request brings is taken whole and within bounds, or refused by name; it breaks nothing."""

from __future__ import annotations

import io
import json

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException

from obdtrack.domain.strict_json import MAX_DEPTH, load_json
from obdtrack.store.database import Store
from obdtrack.web.http.request_bodies import MAX_BODY, MAX_FIELDS, read_body, spooled_body
from tests.conftest import FRONTS, Caller
from tests.factories import ScriptedProvider


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """What a request carries is read before a database could matter."""
    return sqlite_store


CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def call_with(member: bytes) -> bytes:
    return b'{"to": "+918867135001", "flow_id": "23", ' + member + b"}"


def nested(depth: int) -> bytes:
    return b'{"a": ' * depth + b"1" + b"}" * depth


HOSTILE = {
    "deep lists": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": call_with(b'"metadata": ' + nested(9_000)),
    "a bit too deep": call_with(b'"metadata": ' + nested(MAX_DEPTH)),
    "an integer of 5000 digits": b'{"to": ' + b"9" * 5_000 + b"}",
    "an integer beyond 64 bit": call_with(b'"metadata": {"a": 9223372036854775808}'),
    "a negative one": call_with(b'"metadata": {"a": -9223372036854775809}'),
    "an infinite number": call_with(b'"interval": 1e400'),
    "NaN": call_with(b'"metadata": {"a": NaN}'),
    "Infinity": call_with(b'"metadata": {"a": -Infinity}'),
    "half a character in a value": call_with(b'"name": "\\ud800"'),
    "half a character in a name": call_with(b'"\\ud800": "x"'),
    "half a character in a variable's name": call_with(b'"variables": {"\\udfff": "x"}'),
    "NUL in a value": call_with(b'"reference": "a\\u0000"'),
    "NUL in a name": call_with(b'"\\u0000": "x"'),
    "NUL in the number": b'{"to": "+91886713\\u00005001", "flow_id": "23"}',
    "a name given twice": b'{"to": "+918867135001", "to": "+918867135002", "flow_id": "23"}',
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "true": b"true",
    "nothing": b"",
    "not UTF-8": b'{"to": "\xff\xfe"}',
    "UTF-16": '{"to": "x"}'.encode("utf-16"),
    "a trailing comma": call_with(b'"name": "x",'),
    "3000 unknown fields": json.dumps({f"k{n}": n for n in range(3_000)}).encode(),
    "too long": call_with(b'"name": "x"') + b" " * MAX_BODY,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused_with_a_reason_and_rings_nobody(
    caller: Caller, provider: ScriptedProvider, body: bytes
) -> None:
    headers = {**caller.headers, "Content-Type": "application/json"}
    response = caller.client.post("/api/v1/calls", data=body, headers=headers)
    assert response.status_code in {400, 413, 422}
    assert response.content_type == "application/problem+json"
    assert response.json.get("errors") or response.status_code == 413
    assert not provider.sent
    assert caller.get("/calls").json["data"] == []


def test_what_lies_just_within_the_bounds_is_taken(caller: Caller) -> None:
    metadata = {"largest": 2**63 - 1, "smallest": 1 - 2**63, "deep": json.loads(nested(28))}
    assert caller.place(metadata=metadata).json["metadata"] == metadata


@FRONTS
@pytest.mark.parametrize("told", [True, False], ids=["length told", "chunked"])
def test_a_long_body_is_never_cut_and_taken_for_a_whole_one(
    caller: Caller, provider: ScriptedProvider, told: bool
) -> None:
    """Cut at the bound it would still be JSON: what is cut off is blank."""
    body = call_with(b'"name": "x"') + b" " * MAX_BODY
    headers = {**caller.headers, "Content-Type": "application/json"}
    options = {"data": body} if told else {"input_stream": io.BytesIO(body)}
    response = caller.client.post(
        "/api/v1/calls", headers=headers, environ_overrides={} if told else CHUNKED, **options
    )
    assert (response.status_code, provider.sent) == (413, [])


@FRONTS
@pytest.mark.parametrize("told", [True, False], ids=["length told", "chunked"])
def test_a_form_that_is_too_long_is_refused_at_the_door(app: Flask, told: bool) -> None:
    body = b"key=obd_x&note=" + b"y" * MAX_BODY
    options = {"data": body} if told else {"input_stream": io.BytesIO(body)}
    response = app.test_client().post(
        "/sign-in", headers=FORM, environ_overrides={} if told else CHUNKED, **options
    )
    assert response.status_code == 413


def test_a_form_of_too_many_parts_is_refused(app: Flask) -> None:
    parts = {f"k{number}": "x" for number in range(MAX_FIELDS + 1)}
    response = app.test_client().post(
        "/sign-in", data=parts, headers={"Content-Type": "multipart/form-data"}
    )
    assert response.status_code == 413


@FRONTS
def test_a_body_that_ends_too_soon_places_nothing(
    caller: Caller, provider: ScriptedProvider
) -> None:
    headers = {**caller.headers, "Content-Type": "application/json"}
    whole = call_with(b'"name": "x"')
    response = caller.client.post(
        "/api/v1/calls",
        input_stream=io.BytesIO(whole),
        headers=headers,
        environ_overrides={"CONTENT_LENGTH": "500"},
    )
    assert (response.status_code, provider.sent) == (400, [])


REPORT = b'{"id": "x:1", "list": [{"a": 1}], "note": ":-] \\" {", "duration": "125"}'
FORM_PARTS = b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\nx:1\r\n--x--\r\n'


def read_in_chunks(body: bytes) -> bytes | None:
    return read_body({"wsgi.input": io.BytesIO(body), **CHUNKED})


@pytest.mark.parametrize("body", [b"", REPORT, b" [" + REPORT + b",] =", FORM_PARTS])
def test_a_chunked_body_that_shows_its_end_is_taken(body: bytes) -> None:
    assert read_in_chunks(body) == body


@pytest.mark.parametrize("length", range(1, len(REPORT)))
def test_a_chunked_body_that_stops_anywhere_is_not_taken_for_a_whole_one(length: int) -> None:
    with pytest.raises(EOFError):
        read_in_chunks(REPORT[:length])


def test_a_chunked_form_is_not_taken_as_nobody_could_tell_its_end() -> None:
    with pytest.raises(EOFError):
        read_in_chunks(b"id=x:1&duration=12")


BROKEN = st.text(st.characters(codec=None), max_size=20)  # with lone surrogates
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | BROKEN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(BROKEN, inner, max_size=4),
    max_leaves=30,
)


@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_into_what_can_be_stored_or_refused(raw: bytes) -> None:
    try:
        found = load_json(raw)
    except ValueError:
        return
    text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode()) == found


@pytest.mark.parametrize("sent_as", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_is_not_sent_as_json_is_told_how_to_be(
    caller: Caller, provider: ScriptedProvider, sent_as: str | None
) -> None:
    headers = caller.headers if sent_as is None else {**caller.headers, "Content-Type": sent_as}
    response = caller.client.post("/api/v1/calls", data=call_with(b'"name": "x"'), headers=headers)
    assert (response.status_code, provider.sent) == (400, [])
    assert "send application/json" in str(response.json["errors"])


@pytest.mark.parametrize("length", [0, 4])
def test_a_file_is_there_to_its_end(length: int) -> None:
    environ = {"wsgi.input": io.BytesIO(b"list"), "CONTENT_LENGTH": str(length)}
    with spooled_body(environ, most=4) as file:
        file.seek(0)
        assert file.read() == b"list"[:length]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"CONTENT_LENGTH": "5"}, 400),  # the client went away
        ({"CONTENT_LENGTH": "6"}, 413),
        ({"CONTENT_LENGTH": "-1"}, 411),
        (CHUNKED, 411),
        ({"CONTENT_LENGTH": "4", "HTTP_CONTENT_ENCODING": "gzip"}, 415),
    ],
)
def test_a_file_whose_end_is_not_certain_is_refused(said: dict[str, object], code: int) -> None:
    with pytest.raises(HTTPException) as refused:
        spooled_body({"wsgi.input": io.BytesIO(b"list"), **said}, most=5)
    assert refused.value.code == code
