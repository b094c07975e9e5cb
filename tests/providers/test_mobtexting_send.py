"""Placing a call: what is sent, and what each answer to it means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from werkzeug import Response

from obdtrack.domain.submission import AcceptedNumber, CallRequest, Failure, Placement
from obdtrack.errors import ConfigError
from obdtrack.providers.mobtexting.client import MobTexting
from tests.providers.conftest import BRIDGE, TO, TOKEN

OLDER = {
    "status": 200,
    "message": "1 numbers accepted for delivery.",
    "data": [
        {
            "id": "70fa87e0-9df9-4327-bc80-a561c48703d8:1",
            "mobile": "918919525224",
            "charges": "0.5000",
            "customid": "",
            "customid1": "",
            "iso_code": None,
            "submitted_at": "2019-08-16 15:09:51",
        }
    ],
}
NEWER = {
    "status": "OK",
    "message": "Calls queued successfully",
    "data": [
        {
            "id": "3b69aca9-3b55-4e2d-bfe0-02b910dbe156",
            "channel": "outgoing",
            "caller_id": "91891952xxxx",
            "mobile": "91891952xxxx",
            "flow_id": "351",
            "credits": 1,
            "created_at": "2024-07-10T06:09:43.054164Z",
            "status": "queued",
        }
    ],
}


@pytest.fixture
def provider(httpserver, client_of):
    """Return a function that says how the provider answers, and gives the client."""

    def answers(body: object = OLDER, status: int = 200, headers=None, **settings) -> MobTexting:
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        response = Response(data, status, headers, mimetype="application/json")
        httpserver.expect_request("/api/v2/outgoing/send", "POST").respond_with_response(response)
        return client_of(httpserver.url_for("/api/v2/"), **settings)

    return answers


def sent(httpserver):
    return httpserver.log[-1][0]


def test_a_flow_is_asked_for_in_the_providers_words(provider, httpserver, call):
    provider().send(call)
    assert sent(httpserver).json == {"bridge": BRIDGE[1:], "to": TO[1:], "flow_id": "23"}


def test_everything_that_may_be_sent_is_sent(provider, httpserver):
    variables = {"Name": "Aśha", "otp": "012345"}
    request = CallRequest(TO, BRIDGE, None, "https://a.test/x.wav", "Diwali", 15, "w1", variables)
    provider().send(request)
    assert sent(httpserver).json == {
        "bridge": BRIDGE[1:],
        "to": TO[1:],
        "audio": "https://a.test/x.wav",
        "name": "Diwali",
        "interval": 15,
        "webhook_id": "w1",
        "variables[Name]": "Aśha",
        "variables[otp]": "012345",
    }


@pytest.mark.parametrize(("own", "used"), [(None, "set"), ("own", "own")])
def test_the_calls_own_webhook_goes_before_the_setting(provider, httpserver, own, used):
    provider(webhook_id="set").send(CallRequest(TO, BRIDGE, "23", webhook_id=own))
    assert sent(httpserver).json["webhook_id"] == used


def test_the_token_travels_in_the_header_only(provider, httpserver, call):
    provider().send(call)
    request = sent(httpserver)
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in request.url + request.get_data(as_text=True)


def test_plain_json_is_asked_for_in_our_name(provider, httpserver, call):
    provider().send(call)
    names = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
    expected = ["obdtrack", "application/json", "identity", "application/json"]
    assert [sent(httpserver).headers[name] for name in names] == expected


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_the_address_may_end_as_it_likes(httpserver, provider, client_of, call, end):
    provider()
    assert client_of(httpserver.url_for("/api/v2") + end).send(call).failure is None


def test_the_older_success_is_understood(provider, call):
    answer = provider(timezone=ZoneInfo("Asia/Kolkata")).send(call)
    submitted = datetime(2019, 8, 16, 9, 39, 51, tzinfo=UTC)
    number = AcceptedNumber("70fa87e0-9df9-4327-bc80-a561c48703d8:1", TO, "0.5000", submitted)
    assert (answer.failure, answer.placement, answer.numbers) == (None, Placement.PLACED, (number,))


def test_the_newer_success_is_understood(provider, call):
    answer = provider(NEWER, timezone=ZoneInfo("Asia/Kolkata")).send(call)
    submitted = datetime(2024, 7, 10, 6, 9, 43, 54164, tzinfo=UTC)
    expected = AcceptedNumber("3b69aca9-3b55-4e2d-bfe0-02b910dbe156", TO, "1", submitted)
    assert answer.numbers == (expected,)


def test_the_answer_is_kept_as_it_came(provider, call):
    body = b'{ "status" : 200,"data":[{"id":"a:1"}] , "message":"fine"}\n'
    answer = provider(body).send(call)
    assert (answer.http_status, answer.body, answer.message) == (200, body, "fine")


@pytest.mark.parametrize("written", ["0.1", "0.10", "12345678901234567.890123456789", "5"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_money_stays_as_it_was_written(provider, call, written, quote):
    body = f'{{"status": "OK", "data": [{{"id": "a", "credits": {quote}{written}{quote}}}]}}'
    assert provider(body).send(call).numbers[0].charges == written


@pytest.mark.parametrize("status", [200, "200", "OK", "ok"])
@pytest.mark.parametrize("code", [200, 201, 202])
def test_every_spelling_of_yes_is_a_success(provider, call, status, code):
    assert provider(OLDER | {"status": status}, code).send(call).failure is None


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        ([{"id": "a:1", "mobile": "917000000001"}, {"id": "a:2", "mobile": TO[1:]}], ["a:2"]),
        ([{"id": "a:1", "mobile": int(TO[1:])}], ["a:1"]),
        ([{"id": "a:1", "mobile": TO}], ["a:1"]),
        ([{"id": "a:1", "mobile": "8919525224"}], ["a:1"]),
        ([{"id": "a:1", "mobile": "08919525224"}], ["a:1"]),
        ([{"id": "a:1", "mobile": "91891952xxxx"}], ["a:1"]),
        ([{"id": "a:1"}, {"id": "a:2"}], ["a:1"]),
        ({"id": "a:1", "mobile": TO[1:]}, ["a:1"]),
        ([{"id": 4711}], ["4711"]),
        ([{"id": " a:1 "}], ["a:1"]),
    ],
)
def test_an_id_belongs_to_the_number_it_came_with(provider, call, data, ids):
    numbers = provider({"status": 200, "data": data}).send(call).numbers
    assert [(number.provider_id, number.to) for number in numbers] == [(id_, TO) for id_ in ids]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        "a:1",
        [None, 7, "a:1"],
        [{"mobile": TO[1:]}],
        *([{"id": id_}] for id_ in (None, "", " ", True, [], {}, "x" * 500)),
        [{"id": "a:1", "mobile": "917000000001"}],
    ],
)
def test_a_success_without_an_id_for_our_number_leaves_us_in_doubt(provider, call, data):
    answer = provider({"status": 200, "data": data, "message": "1 accepted"}).send(call)
    assert (answer.failure, answer.placement) == (Failure.ANSWER_WITHOUT_ID, Placement.UNKNOWN)
    assert (answer.message, answer.numbers, answer.http_status) == ("1 accepted", (), 200)


def test_a_refusal_is_told_with_its_words_and_its_body(provider, call):
    refusal = {"message": "The given data was invalid.", "errors": {"to": ["Not a number."]}}
    answer = provider(refusal, 422).send(call)
    assert (answer.failure, answer.http_status) == (Failure.INVALID_REQUEST, 422)
    assert answer.message == "The given data was invalid. (to: Not a number.)"
    assert json.loads(answer.body) == refusal


def test_a_limit_says_when_to_come_back(provider, call):
    answer = provider({"message": "Slow down"}, 429, {"Retry-After": "7"}).send(call)
    assert (answer.failure, answer.retry_after) == (Failure.RATE_LIMITED, 7)


def test_messages_hold_neither_numbers_nor_token_nor_variables(provider):
    request = CallRequest(TO, BRIDGE, "23", variables={"otp": "7731"})
    words = f"{TOKEN} x{TO[1:]} {BRIDGE} 8919525224 otp 7731 " + "long " * 100
    message = provider({"status": "error", "message": words}).send(request).message
    assert not any(
        secret in message for secret in (TOKEN, TO[1:], BRIDGE[1:], "8919525224", "7731")
    )
    assert len(message) <= 300


def test_an_answer_that_repeats_the_token_is_kept_without_it(provider, call):
    page = f"<h1>Whoops</h1> Authorization: Bearer {TOKEN}"
    answer = provider(page, 500).send(call)
    assert answer.failure is Failure.PROVIDER_ERROR
    assert answer.body == page.replace(TOKEN, "•••").encode()


def test_nothing_about_the_client_shows_the_token(client_of, call, caplog, capfd):
    caplog.set_level("DEBUG")
    client = client_of("http://127.0.0.1:1/")
    shown = f"{client!r} {client} {client._token!r} {client.send(call)} {client.find(to=TO)}"
    written = capfd.readouterr()
    assert TOKEN not in shown + caplog.text + written.out + written.err


@pytest.mark.parametrize("token", ["", " ", "canary\n", "canary x", "canary\x00", "canary€"])
def test_a_token_no_header_can_carry_is_refused_without_naming_it(client_of, token):
    with pytest.raises(ConfigError) as refused:
        client_of("http://127.0.0.1:1/", token=token)
    assert "canary" not in repr(refused.value)


def test_what_nobody_foresaw_is_in_doubt_and_not_raised(provider, call, monkeypatch):
    def fail(*_args):
        raise RuntimeError(f"surprise {TOKEN}")

    monkeypatch.setattr("obdtrack.providers.mobtexting.client.judge", fail)
    answer = provider().send(call)
    assert (answer.failure, answer.placement) == (Failure.INTERNAL_ERROR, Placement.UNKNOWN)
    assert "RuntimeError" in answer.message
    assert TOKEN not in answer.message
