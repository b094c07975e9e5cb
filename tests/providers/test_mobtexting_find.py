"""Asking what became of a call: the question, the entries, and none that is no failure."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from werkzeug import Response

from obdtrack.domain.status import Status
from obdtrack.domain.submission import Failure
from tests.providers.conftest import TO, closes, http_response, says

ENTRY = {
    "id": "8456bf26-1b6e-4ac1-adb9-2768258f71d0",
    "channel": "outgoing",
    "from": "358910012345",
    "to": "918919525224",
    "created_at": "2024-07-10 08:27:14",
    "foreign_id": "",
    "status": "ANSWER",
    "start_at": "2024-07-10 08:27:26",
    "end_at": "2024-07-10 08:27:29",
    "dtmf": "",
}


@pytest.fixture
def provider(httpserver, client_of):
    """Return a function that says how the provider answers, and gives the client."""

    def answers(body: object, status: int = 200, kind: str = "application/json", **headers):
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        response = Response(data, status, headers, mimetype=kind)
        path = "/api/v2/outgoing/callstatus"
        httpserver.expect_request(path, "GET").respond_with_response(response)
        return client_of(httpserver.url_for("/api/v2/"))

    return answers


def found(*entries: object) -> dict[str, object]:
    return {"status": 200, "message": "OK", "data": list(entries)}


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ({"provider_id": "a-b:1"}, {"id": "a-b:1"}),
        ({"provider_id": "a&b=c#d"}, {"id": "a&b=c#d"}),
        ({"to": TO, "on": date(2024, 7, 1)}, {"mobile": TO[1:], "date": "2024-07-01"}),
        ({"to": TO}, {"mobile": TO[1:]}),
        ({"provider_id": "a", "to": TO, "on": date(2024, 7, 1)}, {"id": "a"}),
    ],
)
def test_the_question_is_put_in_the_providers_words(provider, httpserver, question, asked):
    provider(found()).find(**question)
    assert httpserver.log[-1][0].args.to_dict() == asked


def test_a_question_for_nothing_is_an_error_of_ours(client_of):
    with pytest.raises(ValueError, match="id"):
        client_of("http://127.0.0.1:1/").find()


def test_a_call_is_read(provider):
    answer = provider(found(ENTRY)).find(provider_id=ENTRY["id"])
    (call,) = answer.calls
    assert (call.report.provider_id, call.report.status) == (ENTRY["id"], Status.COMPLETED)
    assert call.created_at == datetime(2024, 7, 10, 8, 27, 14, tzinfo=UTC)
    assert (answer.failure, answer.http_status) == (None, 200)


@pytest.mark.parametrize(
    ("data", "count"),
    [([ENTRY, ENTRY | {"id": "b"}], 2), (ENTRY, 1), ([None, ENTRY, "x"], 1), ([], 0), ({}, 0)],
)
def test_all_entries_are_read_that_can_be(provider, data, count):
    answer = provider({"status": "OK", "data": data}).find(provider_id="a")
    assert (answer.failure, len(answer.calls)) == (None, count)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": 404, "message": "No records found"}, 404),
        ({"status": 404, "message": "Not Found", "data": []}, 404),
        ({"status": 404, "data": []}, 404),
        ({"status": 404, "message": "Call not found"}, 200),
        ({"status": "error", "message": "No data found"}, 200),
        ({"status": 200, "message": "No data found"}, 200),
        ({"status": 200, "data": None}, 200),
        ({"status": 400, "message": "The call does not exist"}, 400),
    ],
)
def test_no_such_call_is_no_failure(provider, body, status):
    answer = provider(body, status).find(provider_id="a")
    assert (answer.failure, answer.calls, answer.http_status) == (None, (), status)


@pytest.mark.parametrize(
    ("body", "status", "failure"),
    [
        ("<html>Not Found</html>", 404, Failure.NOT_FOUND),
        ({"message": ""}, 404, Failure.NOT_FOUND),
        ({"message": "The route api/v9/x could not be found."}, 404, Failure.NOT_FOUND),
        ({"message": "User account not found"}, 404, Failure.NOT_FOUND),
        ({"message": "Unauthenticated."}, 401, Failure.INVALID_TOKEN),
        ({"status": "error", "message": "Token not found"}, 200, Failure.INVALID_TOKEN),
        (
            {"status": 422, "message": "The id is required", "data": None},
            422,
            Failure.INVALID_REQUEST,
        ),
        ({"message": "Too Many Attempts."}, 429, Failure.RATE_LIMITED),
        ({"message": "Server Error"}, 500, Failure.PROVIDER_ERROR),
        ({"status": 200, "message": "OK"}, 200, Failure.UNREADABLE_ANSWER),
        ({"status": 200, "data": ["x"]}, 200, Failure.UNREADABLE_ANSWER),
        ({"status": 200, "data": [{"colour": "red"}]}, 200, Failure.UNREADABLE_ANSWER),
        ("[]", 200, Failure.UNREADABLE_ANSWER),
        ("", 200, Failure.UNREADABLE_ANSWER),
    ],
)
def test_anything_else_is_a_failure(provider, body, status, failure):
    answer = provider(body, status).find(provider_id="a")
    assert (answer.failure, answer.calls, answer.http_status) == (failure, (), status)


def test_a_limit_says_when_to_come_back(provider):
    answer = provider({"message": "Slow down"}, 429, **{"Retry-After": "60"}).find(provider_id="a")
    assert (answer.failure, answer.retry_after) == (Failure.RATE_LIMITED, 60)


def test_a_broken_connection_is_tried_once_more(loopback, client_of):
    server = loopback(closes, says(http_response(json.dumps(found(ENTRY)).encode())))
    assert len(client_of(server.url).find(provider_id="a").calls) == 1
    assert len(server.requests) == 2


def test_an_entry_that_breaks_the_reader_is_no_exception(provider, monkeypatch):
    def fail(*_args):
        raise KeyError("surprise")

    monkeypatch.setattr("obdtrack.providers.mobtexting.client.read_call", fail)
    assert provider(found(ENTRY)).find(provider_id="a").failure is Failure.INTERNAL_ERROR
