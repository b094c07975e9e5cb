"""Several numbers in one request, and the calls of a day: what is sent, and how it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from werkzeug import Response

from obdtrack.domain.submission import AcceptedNumber, Failure

NUMBERS = ["+918867135001", "+918867135002", "+918867135003"]
DAY = date(2026, 11, 23)
UUID = "70fa87e0-9df9-4327-bc80-a561c48703d8"


@pytest.fixture
def responding(httpserver, client_of):
    """Return a function that says what the provider returns, and gives the client."""

    def responds(body: object, status: int = 200):
        response = Response(json.dumps(body), status, mimetype="application/json")
        httpserver.expect_request("/api/v2/outgoing/send").respond_with_response(response)
        httpserver.expect_request("/api/v2/outgoing/callstatus").respond_with_response(response)
        return client_of(httpserver.url_for("/api/v2/"))

    return responds


@pytest.fixture
def requests(call):
    return [replace(call, to=number) for number in NUMBERS]


def listed(*places: int, **changes: object) -> list[dict[str, object]]:
    return [{"id": f"{UUID}:{n}", "mobile": NUMBERS[n - 1][1:], **changes} for n in places]


def test_the_numbers_are_joined_by_commas(responding, httpserver, requests):
    responding({"status": 200, "data": listed(1, 2, 3)}).send_list(requests)
    sent = httpserver.log[-1][0].json
    assert sent["to"] == "918867135001,918867135002,918867135003"


def test_every_entry_is_read_with_its_number_in_the_responses_order(responding, requests):
    body = {"status": 200, "message": "2 numbers accepted for delivery.", "data": listed(3, 1)}
    found = responding(body).send_list(requests)
    assert [(entry.provider_id, entry.to) for entry in found.numbers] == [
        (f"{UUID}:3", NUMBERS[2]), (f"{UUID}:1", NUMBERS[0]),
    ]  # fmt: skip
    assert (found.failure, found.accepted) == (None, 2)


@pytest.mark.parametrize("words", ["Calls queued successfully", "12345 numbers accepted", None])
def test_without_a_count_in_words_none_is_read(responding, requests, words):
    body = {"status": "OK", "message": words, "data": listed(1)}
    assert responding(body).send_list(requests).accepted is None


def test_an_entry_without_a_number_or_an_id_is_one_all_the_same(responding, requests):
    entries = [*listed(1, mobile=None), *listed(2, id="x" * 500)]
    found = responding({"status": 200, "data": entries}).send_list(requests)
    assert found.numbers == (
        AcceptedNumber(f"{UUID}:1", None, None, None), AcceptedNumber(None, NUMBERS[1], None, None),
    )  # fmt: skip


def test_a_success_that_lists_nothing_proves_nothing(responding, requests):
    found = responding({"status": 200, "message": "3 numbers accepted", "data": []})
    assert found.send_list(requests).failure is Failure.ANSWER_WITHOUT_ID


def test_no_number_of_the_list_is_in_the_words_that_are_kept(responding, requests):
    words = f"{NUMBERS[0][1:]} and {NUMBERS[2]} are barred"
    message = responding({"status": "error", "message": words}, 422).send_list(requests).message
    assert message == "9188•••••001 and +9188•••••003 are barred"


# A day


def rows(*places: int) -> list[dict[str, object]]:
    status = {"status": "ANSWER", "created_at": "2026-11-23 12:00:01"}
    return [{"id": f"{UUID}:{n}", "to": NUMBERS[n - 1][1:], **status} for n in places]


def test_of_a_day_only_our_numbers_are_returned_and_kept(responding, httpserver):
    provider = responding({"status": 200, "data": rows(1, 2, 3)})
    found = provider.find_on(DAY, NUMBERS[:2])
    assert dict(httpserver.log[-1][0].args) == {"date": "2026-11-23"}
    assert [call.report.to for call in found.calls] == NUMBERS[:2]
    assert NUMBERS[2][1:].encode() not in found.body
    assert provider.read_found(found.body) == found.calls


@pytest.mark.parametrize(
    ("paging", "following"),
    [
        ({}, None),
        ({"links": {"next": "https://a.test/?page=2"}}, 2),
        ({"links": {"next": None}}, None),
        ({"meta": {"current_page": 1, "last_page": 3}}, 2),
        ({"meta": {"current_page": "3", "last_page": "3"}}, None),
        ({"meta": "odd", "links": []}, None),
    ],
)
def test_a_list_in_pages_says_whether_it_goes_on(responding, paging, following):
    found = responding({"status": 200, "data": rows(1), **paging}).find_on(DAY, NUMBERS)
    assert found.next_page == following


def test_a_later_page_is_asked_for_by_its_number(responding, httpserver):
    responding({"status": 200, "data": rows(1)}).find_on(DAY, NUMBERS, page=2)
    assert httpserver.log[-1][0].args["page"] == "2"


def test_a_day_without_any_call_is_a_proper_response(responding):
    found = responding({"status": 200, "data": []}).find_on(DAY, NUMBERS)
    assert (found.failure, found.calls) == (None, ())


def test_a_day_that_lists_nothing_readable_is_none(responding):
    found = responding({"status": 200, "data": [{"odd": 1}]}).find_on(DAY, NUMBERS)
    assert (found.failure, found.calls) == (Failure.UNREADABLE_ANSWER, ())


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_refused_question_is_a_failure(responding, status):
    assert responding({"message": "no"}, status).find_on(DAY, NUMBERS).failure is not None
