"""What an answer means: each refusal told apart, and doubt where nothing is proven."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from obdtrack.domain.submission import PLACEMENT, Failure, Placement
from obdtrack.providers.http.exchange import HttpExchange
from obdtrack.providers.mobtexting.verdicts import judge, presentable

LOGIN = b'<!DOCTYPE html><title>Sign in</title><form><input type="password" name="p"></form>'
PAGE = b"<html><title>Maintenance</title><p>Back soon</p></html>"
UNREADABLE = Failure.UNREADABLE_ANSWER


def response(body: object = b"", status: int = 200, **headers: str) -> HttpExchange:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpExchange(status, CaseInsensitiveDict(fields), data)


def judged(body: object = b"", status: int = 200, **headers: str) -> Failure | None:
    return judge(response(body, status, **headers)).failure


CODES = {
    301: Failure.REDIRECTED, 302: UNREADABLE, 303: UNREADABLE, 304: UNREADABLE,
    307: Failure.REDIRECTED, 308: Failure.REDIRECTED,
    400: Failure.INVALID_REQUEST, 401: Failure.INVALID_TOKEN, 402: Failure.INSUFFICIENT_BALANCE,
    403: Failure.FORBIDDEN, 404: Failure.NOT_FOUND, 405: Failure.REFUSED,
    408: Failure.PROVIDER_ERROR, 409: Failure.CONFLICT, 413: Failure.REFUSED,
    419: Failure.REFUSED, 422: Failure.INVALID_REQUEST, 429: Failure.RATE_LIMITED,
    451: Failure.REFUSED, 500: Failure.PROVIDER_ERROR, 502: Failure.PROVIDER_ERROR,
    503: Failure.PROVIDER_ERROR, 504: Failure.PROVIDER_ERROR, 524: Failure.PROVIDER_ERROR,
    101: UNREADABLE, 600: UNREADABLE, 999: UNREADABLE,
}  # fmt: skip


@pytest.mark.parametrize(("code", "failure"), CODES.items())
@pytest.mark.parametrize("body", [b"", PAGE, b'{"message": "No"}', b"[]", b"null", b"\xff\x00"])
def test_a_code_means_the_same_whatever_the_body(code, failure, body):
    assert judged(body, code) is failure


@pytest.mark.parametrize(("code", "failure"), [(c, f) for c, f in CODES.items() if 400 <= c < 600])
@pytest.mark.parametrize("key", ["code", "status"])
@pytest.mark.parametrize("kind", [int, str])
def test_a_code_in_the_body_of_a_200_counts_as_well(code, failure, key, kind):
    assert judged({"status": "error", "message": "No"} | {key: kind(code)}) is failure


@pytest.mark.parametrize(
    ("words", "failure"),
    [
        ("Unauthenticated.", Failure.INVALID_TOKEN),
        ("Unauthorized", Failure.INVALID_TOKEN),
        ("Invalid access token", Failure.INVALID_TOKEN),
        ("Your token has expired", Failure.INVALID_TOKEN),
        ("Insufficient balance", Failure.INSUFFICIENT_BALANCE),
        ("You do not have enough credits.", Failure.INSUFFICIENT_BALANCE),
        ("Low credit, please recharge", Failure.INSUFFICIENT_BALANCE),
        ("Too Many Attempts.", Failure.RATE_LIMITED),
        ("The variables[balance] must be a string", None),
        ("The variables.credit must be a string", None),
        ("This action is unauthorized.", None),
        ("The flow id is invalid", None),
        ("CSRF token mismatch", None),
    ],
)
def test_words_tell_apart_what_the_code_does_not(words, failure):
    assert judged({"message": words}, 422) is (failure or Failure.INVALID_REQUEST)
    assert judged({"message": words}, 400) is (failure or Failure.INVALID_REQUEST)
    assert judged({"status": "error", "message": words}) is (failure or Failure.REFUSED)
    assert judged({"message": words}, 403) is Failure.FORBIDDEN
    assert judged({"message": words}, 500) is Failure.PROVIDER_ERROR


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error"},
        {"status": "FAILED", "message": "DND number"},
        {"status": 0},
        {"status": False},
        {"success": False},
        {"error": "no"},
        {"error": {"message": "no"}},
        {"errors": {"to": ["no"]}},
        {"status": "error", "code": 200},
        {"status": "blocked", "data": []},
    ],
)
def test_a_no_without_a_code_is_a_refusal(body):
    assert judged(body) is Failure.REFUSED


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"OK", b"null", b"[]", b'"OK"', b"200", b"true", b"{", b"{}", b"\xff\xfe\x00",
        b"[" * 100_000, b'{"status":' * 50_000, b"9" * 100_000, b"1e999999999", PAGE,
        b"<?xml version='1.0'?><status>OK</status>",
        b'{"message": "Calls queued"}', b'{"data": [{"id": "a:1"}]}', b'{"status": null}',
        b'{"status": "queued"}', b'{"status": "success"}', b'{"status": true}', b'{"status": 202}',
        b'{"status": {"a": 1}}', b'{"status": [200]}', b'[{"status": 200}]',
        b'{"status": "error", "data": [{"id": "a:1"}]}',
        b'{"status": 422, "data": {"id": "a:1"}}',
        b'{"status": "OK", "data": [{"id": "a:1"}],}',
    ],
)  # fmt: skip
def test_what_says_neither_yes_nor_no_leaves_us_in_doubt(body):
    assert judged(body) is UNREADABLE


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 422, 429])
@pytest.mark.parametrize("body", [{"status": "OK"}, {"status": "error", "data": [{"id": "a"}]}])
def test_an_answer_that_contradicts_itself_proves_nothing(code, body):
    assert judged(body, code) is UNREADABLE


@pytest.mark.parametrize(
    "page",
    [
        LOGIN,
        b"\xef\xbb\xbf\n" + LOGIN,
        b"<html><title>MobTexting | Login</title><div id=app></div></html>",
        b"<form action=x><INPUT TYPE=password></form>",
    ],
)
def test_a_login_page_with_200_means_the_token_is_bad(page):
    assert judged(page, Content_Type="text/html; charset=UTF-8") is Failure.INVALID_TOKEN
    assert judged(page) is Failure.INVALID_TOKEN


@pytest.mark.parametrize("body", [LOGIN, b'{"status": "OK", "data": [{"id": "a:1"}]}'])
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x-unknown"])
def test_a_packed_answer_proves_nothing_but_its_code(body, encoding):
    assert judged(body, Content_Encoding=encoding) is UNREADABLE
    assert judged(body, 401, Content_Encoding=encoding) is Failure.INVALID_TOKEN


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("target", "login"),
    [
        ("/login", True),
        ("https://portal.test/login?next=/api", True),
        ("//other.test/users/sign_in", True),
        ("/auth/log-in/", True),
        ("https://portal.test/api/v2/outgoing/send", False),
        ("/blogin", False),
        ("/catalogue?from=/login", False),
        ("http://[broken/login", False),
        ("", False),
    ],
)
def test_a_redirect_to_a_login_means_the_token_is_bad(code, target, login):
    expected = Failure.INVALID_TOKEN if login else CODES[code]
    assert judged(b"", code, Location=target) is expected


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            response({"message": "No", "errors": {"to": ["a", "b"], "x": "c"}}),
            "No (to: a; to: b; x: c)",
        ),
        (response({"message": "No", "errors": ["No", "why"]}), "No (why)"),
        (response({"errors": {"data": {"to": ["bad"]}}}), "data: to: bad"),
        (response({"error": "No"}), "No"),
        (response({"error": {"message": "No"}}), "message: No"),
        (response({"message": None}), None),
        (response({"message": ["No"]}), None),
        (response(PAGE, 502), "Maintenance"),
        (response(b"<html><p>Hello"), None),
        (response(b"upstream \x1b[31mfailed\r\n", 502), "upstream [31mfailed"),
        (response(b"", 502), None),
        (
            response(b"packed", Content_Encoding="gzip"),
            "compressed, though a plain response was requested",
        ),
        (response(b"", 302, Location="http://a.test/x?token=1#y"), "redirects to http://a.test/x"),
        (response(b"", 302), "redirects to nowhere"),
    ],
)
def test_the_words_are_kept_readable(found, words):
    assert presentable(judge(found).words, {}) == words


def test_complaints_without_end_are_cut():
    errors = {str(n): ["no " * 50] for n in range(10_000)}
    assert len(presentable(judge(response({"errors": errors})).words, {})) <= 300


def test_what_is_hidden_is_hidden_before_anything_is_cut():
    secret = "s3cret-" * 200
    shown = presentable(f"{secret} {secret} x", {secret: "•••", "s3cret": "?"})
    assert shown == "••• ••• x"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0), ("120", 120), (" 7 ", 7), ("", None), ("-5", None), ("1.5", None), ("soon", None),
     ("9" * 5_000, None), ("٣", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)  # fmt: skip
def test_when_to_come_back_is_read_as_seconds(header, seconds):
    assert judge(response(b"", 429, Retry_After=header)).retry_after == seconds


def test_when_to_come_back_may_be_a_date():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 <= judge(response(b"", 429, Retry_After=date)).retry_after <= 91


HEADERS = ["Content-Type", "Content-Encoding", "Location", "Retry-After"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "code", "message", "error", "errors", "data", "id", "success"]
            ),
            inner,
            max_size=5,
        )
    ),
)


@given(
    st.integers(100, 999),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(HEADERS), st.text()),
)
def test_nothing_breaks_the_judge(status, body, headers):
    verdict = judge(HttpExchange(status, CaseInsensitiveDict(headers), body))
    words = presentable(verdict.words, {})
    (words or "").encode()
    if verdict.failure is None or PLACEMENT[verdict.failure] is Placement.NOT_PLACED:
        assert 200 <= status < 500
