"""The REST API as a program uses it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.limits import Bulkhead
from obdtrack.services import Services
from obdtrack.web.api import routes
from obdtrack.web.api.schemas import CallSchema, DeliverySchema, EventSchema
from tests.conftest import Caller
from tests.factories import MID, NUMBER, Clock, ScriptedProvider, accepted


def test_a_placed_call_is_queued_under_the_providers_id(caller: Caller) -> None:
    response = caller.place()
    assert response.status_code == 201
    assert response.json["status"] == "queued"
    assert response.json["provider_id"] == f"{MID}:1"
    assert response.json["charges"] == "0.5000"


def test_location_leads_to_the_call(caller: Caller) -> None:
    placed = caller.place()
    found = caller.client.get(placed.headers["Location"], headers=caller.headers)
    assert found.json == placed.json


def test_a_call_is_found_by_the_providers_id(caller: Caller) -> None:
    placed = caller.place()
    assert caller.get(f"/calls/{MID}:1").json["id"] == placed.json["id"]


def test_a_refusal_is_rejected_with_the_providers_words(
    caller: Caller, provider: ScriptedProvider
) -> None:
    words = "Insufficient balance"
    provider.on_send = lambda _: SendResponse(Failure.INSUFFICIENT_BALANCE, words, http_status=400)
    call = caller.place().json
    assert (call["status"], call["reason"]) == ("rejected", "insufficient-balance")
    assert call["provider_message"] == words
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    assert events[-1]["detail"]["message"] == words


def test_the_providers_words_are_told_of_a_call_it_may_not_have_taken(
    caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(
        Failure.PROVIDER_ERROR, "Bad gateway", http_status=502
    )
    call = caller.place().json
    assert (call["status"], call["provider_message"]) == ("unknown", "Bad gateway")
    (listed,) = caller.get("/calls").json["data"]
    assert listed["provider_message"] == "Bad gateway"


@pytest.mark.parametrize(
    "response",
    [
        SendResponse(Failure.REFUSED, http_status=422),
        SendResponse(Failure.UNREACHABLE, "No connection: Connection refused."),
        SendResponse(Failure.TIMEOUT, "No complete response arrived in time."),
    ],
)
def test_where_the_provider_said_nothing_there_are_no_words_of_its(
    caller: Caller, provider: ScriptedProvider, response: SendResponse
) -> None:
    provider.on_send = lambda _: response
    assert caller.place().json["provider_message"] is None


def test_a_call_that_was_taken_has_no_message(caller: Caller, provider: ScriptedProvider) -> None:
    provider.on_send = lambda request: accepted()(request)._replace(message="1 numbers accepted")
    assert caller.place().json["provider_message"] is None
    caller.report()
    assert caller.get(f"/calls/{MID}:1").json["provider_message"] is None


def test_numbers_in_the_providers_words_are_masked(
    caller: Caller, reader: Caller, provider: ScriptedProvider
) -> None:
    words = f"{NUMBER[1:]} is not valid"
    provider.on_send = lambda _: SendResponse(Failure.INVALID_REQUEST, words, http_status=422)
    call = caller.place().json
    for who in (caller, reader):
        told = who.get(f"/calls/{call['id']}").json["provider_message"]
        assert told == "+9188•••••001 is not valid"


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.PROVIDER_ERROR])
def test_an_ambiguous_answer_is_201_and_unknown(
    caller: Caller, provider: ScriptedProvider, failure: Failure
) -> None:
    provider.on_send = lambda _: SendResponse(failure)
    response = caller.place()
    assert response.status_code == 201
    assert (response.json["status"], response.json["reason"]) == ("unknown", failure)


def test_a_provider_that_breaks_our_client_leaves_the_call_unknown(
    caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: 1 / 0
    assert caller.place().json["status"] == "unknown"


def test_when_all_places_are_taken_nothing_is_sent(
    caller: Caller,
    provider: ScriptedProvider,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Bulkhead(1, "full")
    monkeypatch.setattr(services.limits, "placing", room)
    with room.hold():
        response = caller.place()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert not provider.sent
    assert caller.place().status_code == 201


def test_variables_values_are_never_shown(caller: Caller) -> None:
    call = caller.place(variables={"otp": "987123", "Name": "Asha"})
    assert call.json["variables"] == ["Name", "otp"]
    assert "987123" not in call.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": "9188671350"}, "to"),
        ({"to": "12"}, "to"),
        ({"to": None}, "to"),
        ({"bridge": "reception"}, "bridge"),
        ({"audio": "a-sound"}, "flow_id"),
        ({"flow_id": None}, "flow_id"),
        ({"flow_id": "2 3"}, "flow_id"),
        ({"interval": 7}, "interval"),
        ({"interval": "5"}, "interval"),
        ({"variables": {"o t p": "1"}}, "variables.o t p"),
        ({"variables": {"otp": 1}}, "variables.otp"),
        ({"variables": {"otp": "x" * 1001}}, "variables.otp"),
        ({"name": "x" * 101}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"reference": ""}, "reference"),
        ({"metadata": {"note": "x" * 5000}}, "metadata"),
        ({"metadata": {"note": "\u0000"}}, "metadata"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_is_refused_by_field_and_nothing_is_stored(
    caller: Caller, provider: ScriptedProvider, change: dict[str, object], field: str
) -> None:
    response = caller.place(**change)
    assert response.status_code == 422
    assert response.content_type == "application/problem+json"
    assert list(response.json["errors"]) == [field]
    assert not provider.sent
    assert caller.get("/calls").json["data"] == []


@pytest.mark.parametrize("audio", ["https://example.com/hello.mp3", "39888925-718e-43bb-a8b1"])
def test_audio_is_a_sounds_id_or_a_web_address(caller: Caller, audio: str) -> None:
    body = {"to": NUMBER, "audio": audio}
    assert caller.post("/calls", body).json["audio"] == audio


@pytest.mark.parametrize("audio", ["ftp://example.com/a.mp3", "javascript:alert(1)", "http://"])
def test_any_other_audio_is_refused(caller: Caller, audio: str) -> None:
    response = caller.post("/calls", {"to": NUMBER, "audio": audio})
    assert list(response.json["errors"]) == ["audio"]


@pytest.mark.parametrize("spelling", ["918867135001", "+91 88671 35001", "0091-8867135001"])
def test_any_usual_spelling_of_a_number_is_taken(caller: Caller, spelling: str) -> None:
    assert caller.place(to=spelling).json["to"] == NUMBER


def test_a_body_that_is_no_json_is_a_bad_request(caller: Caller) -> None:
    headers = {**caller.headers, "Content-Type": "application/json"}
    response = caller.client.post("/api/v1/calls", data="{", headers=headers)
    assert response.status_code in {400, 422}
    assert response.content_type == "application/problem+json"


def test_lists_go_on_where_the_cursor_says(caller: Caller, provider: ScriptedProvider) -> None:
    provider.on_send = accepted(mid=None)
    placed = [caller.place().json["id"] for _ in range(3)]
    first = caller.get("/calls", limit=2)
    second = caller.get("/calls", limit=2, cursor=first.json["next_cursor"])
    shown = [call["id"] for page in (first, second) for call in page.json["data"]]
    assert shown == placed[::-1]
    assert 'rel="next"' in first.headers["Link"]
    assert names_no_host(first)
    assert second.json["next_cursor"] is None


def names_no_host(page: Any) -> bool:
    """Whether the link to the next page is a path: a host is whatever the request says it is."""
    link: str = page.headers["Link"]
    return link.startswith("</api/v1/calls?")


def test_a_link_to_a_host_would_be_noticed(
    caller: Caller, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.on_send = accepted(mid=None)
    for _ in range(2):
        caller.place()
    monkeypatch.setattr(routes, "url_for", partial(routes.url_for, _external=True))
    assert not names_no_host(caller.get("/calls", limit=1))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "queued"}, 1),
        ({"status": "busy"}, 0),
        ({"to": "91 88671 35001"}, 1),
        ({"name": "otp"}, 1),
        ({"name": "other"}, 0),
        ({"reference": "order-7"}, 1),
        ({"created_after": "2026-11-23T12:00:00Z"}, 1),
        ({"created_before": "2026-11-23T12:00:00Z"}, 0),
    ],
)
def test_lists_are_filtered(caller: Caller, query: dict[str, str], count: int) -> None:
    caller.place(name="otp", reference="order-7")
    assert len(caller.get("/calls", **query).json["data"]) == count


def test_a_filter_that_cannot_be_read_is_named(caller: Caller) -> None:
    response = caller.get("/calls", created_after="yesterday")
    assert list(response.json["errors"]) == ["created_after"]


def test_a_reading_key_sees_masked_numbers(caller: Caller, reader: Caller) -> None:
    caller.place()
    caller.report()
    call = reader.get(f"/calls/{MID}:1").json
    assert call["to"] == "+9188•••••001"
    assert NUMBER[1:] not in reader.get("/deliveries").text
    assert NUMBER[1:] not in reader.get(f"/calls/{call['id']}/events").text


def test_a_reading_key_cannot_place(reader: Caller, provider: ScriptedProvider) -> None:
    response = reader.place()
    assert response.status_code == 403
    assert "insufficient_scope" in response.headers["WWW-Authenticate"]
    assert not provider.sent


@pytest.mark.parametrize(
    "given", ["", "Bearer ", "Bearer obd_wrong", "Basic YTpi", "Bearer \udcff"]
)
def test_without_a_valid_key_there_is_nothing_to_see(caller: Caller, given: str) -> None:
    caller.headers = {"Authorization": given.encode("latin-1", "replace").decode("latin-1")}
    response = caller.get("/calls")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_events_tell_both_clocks(caller: Caller, clock: Clock) -> None:
    call = caller.place().json
    clock.forward(seconds=2)
    caller.report()
    report = caller.get(f"/calls/{call['id']}/events").json["data"][-1]
    assert report["occurred_at"] == "2026-11-23T11:57:39Z"
    assert report["recorded_at"] == "2026-11-23T12:00:02Z"
    assert (report["source"], report["attempt"]) == ("webhook", 1)


def test_an_unknown_path_is_a_problem_too(caller: Caller) -> None:
    response = caller.get("/nothing")
    assert (response.status_code, response.content_type) == (404, "application/problem+json")


def test_a_wrong_method_names_the_right_ones(caller: Caller) -> None:
    response = caller.client.delete("/api/v1/calls", headers=caller.headers)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


@pytest.fixture
def three(caller: Caller, provider: ScriptedProvider) -> list[str]:
    """The ids of a call that was answered, one that was busy, one that is on its way."""
    provider.on_send = accepted(mid=None)
    placed = [caller.place().json for _ in range(3)]
    for call, word in zip(placed, ("ANSWER", "BUSY"), strict=False):
        caller.report(mid=call["provider_id"][:-2], status=word)
    return [call["id"] for call in placed]


@pytest.mark.parametrize(
    "query", [{"status": ["busy", "completed"]}, {"status": "completed,busy,busy"}]
)
def test_several_statuses_are_an_or(
    caller: Caller, three: list[str], query: dict[str, object]
) -> None:
    shown: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = caller.get("/calls", **query, **cursor, limit=1)
        shown += [call["id"] for call in page.json["data"]]
        if page.json["next_cursor"] is None:
            break
        link = page.headers["Link"]
        assert link.count("status=") == (2 if isinstance(query["status"], list) else 1)
        cursor = {"cursor": page.json["next_cursor"]}
    assert shown == [three[1], three[0]]


def test_lists_send_the_fields_of_their_schemas_and_no_others(
    caller: Caller, three: list[str]
) -> None:
    schemas = {
        "/calls": CallSchema(exclude=["waiting_reports"]),
        f"/calls/{three[0]}/events": EventSchema(),
        "/deliveries": DeliverySchema(),
    }
    for path, schema in schemas.items():
        sent = caller.get(path).json["data"]
        assert len(sent) > 1
        for one in sent:
            assert list(one.items()) == list(schema.dump(one).items())
            assert one.keys() == schema.fields.keys()


def test_several_outcomes_are_an_or(caller: Caller, three: list[str]) -> None:
    caller.report(mid="nobody's")
    caller.deliver(b"no report at all")
    outcomes = ["unmatched", "unreadable"]
    found = caller.get("/deliveries", outcome=outcomes).json["data"]
    assert [delivery["outcome"] for delivery in found] == outcomes[::-1]
    assert len(caller.get("/deliveries").json["data"]) == 4


WRONG_QUERIES = {
    "limit, in another script": ("/calls?limit=१०", "limit"),
    "limit, as Python writes it": ("/calls?limit=1_0", "limit"),
    "limit, with a sign": ("/calls?limit=%2B5", "limit"),
    "limit, with a blank": ("/calls?limit=+5", "limit"),
    "limit, nothing": ("/calls?limit=0", "limit"),
    "limit, endless": (f"/calls?limit={'9' * 30}", "limit"),
    "limit, twice": ("/calls?limit=1&limit=2", "limit"),
    "status, of two one is none": ("/calls?status=busy,engaged", "status"),
    "status, empty": ("/calls?status=", "status"),
    "to, twice": ("/calls?to=918867135001&to=918867135002", "to"),
    "to, too short": ("/calls?to=135001", "to"),
    "name, twice": ("/calls?name=a&name=a", "name"),
    "name, only blanks": ("/calls?name=++", "name"),
    "cursor, twice": ("/calls?cursor=a&cursor=b", "cursor"),
    "a period that ends before it begins": (
        "/calls?created_after=2026-11-24T00:00:00Z&created_before=2026-11-23T00:00:00Z",
        "created_before",
    ),
    "a day": ("/calls?created_after=27/11/2026", "created_after"),
    "outcome": ("/deliveries?outcome=matched&outcome=lost", "outcome"),
    "a filter that there is not": ("/deliveries?status=busy", "status"),
}


@pytest.mark.parametrize(("path", "field"), WRONG_QUERIES.values(), ids=WRONG_QUERIES)
def test_a_query_that_cannot_be_meant_is_refused_by_field(
    caller: Caller, path: str, field: str
) -> None:
    response = caller.client.get(f"/api/v1{path}", headers=caller.headers)
    assert (response.status_code, list(response.json["errors"])) == (422, [field])


@pytest.mark.parametrize("to", ["8867135001", "08867135001", "+918867135001", "'+918867135001"])
def test_calls_are_found_by_a_number_without_its_country_code(caller: Caller, to: str) -> None:
    placed = caller.place().json
    assert [call["id"] for call in caller.get("/calls", to=to).json["data"]] == [placed["id"]]
    assert caller.get("/calls", to="8867135002").json["data"] == []


def test_blanks_around_texts_are_left_out(caller: Caller) -> None:
    call = caller.place(reference="  order-7 ", name=" otp\u00a0").json
    assert (call["reference"], call["name"]) == ("order-7", "otp")
    for query in ({"reference": " order-7"}, {"name": "otp "}):
        assert len(caller.get("/calls", **query).json["data"]) == 1


@pytest.mark.parametrize("field", ["reference", "name"])
def test_a_text_of_blanks_is_none(caller: Caller, field: str) -> None:
    refused = caller.place(**{field: "  "})
    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])


@pytest.mark.parametrize("key", ["é".encode("latin-1").decode("latin-1"), "Ã©", "", "  ", "a\x7fb"])
def test_a_key_that_does_not_arrive_as_it_was_sent_is_refused(
    caller: Caller, provider: ScriptedProvider, key: str
) -> None:
    refused = caller.post("/calls", {"to": NUMBER, "flow_id": "23"}, **{"Idempotency-Key": key})
    assert refused.status_code == 422
    (said,) = refused.json["errors"].values()
    assert "characters of ASCII" in said[0]
    assert not provider.sent


@pytest.mark.parametrize("cell", [f"'{NUMBER}", f"{NUMBER[1:]}.0", f"'{NUMBER[1:]}"])
def test_a_number_is_taken_back_as_a_spreadsheet_has_it(caller: Caller, cell: str) -> None:
    call = caller.place(to=cell, bridge="'+918068280000").json
    assert (call["to"], call["bridge"]) == (NUMBER, "+918068280000")
    assert [found["id"] for found in caller.get("/calls", to=cell).json["data"]] == [call["id"]]
