"""The callback as the provider sees it: 200, 401, 413 or 503."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import peewee
import pytest

from obdtrack.access.keys import create_key
from obdtrack.application import create_app
from obdtrack.calls.reports import deliveries
from obdtrack.services import Services
from tests import factories
from tests.conftest import FRONTS, Caller
from tests.factories import (
    MID,
    NUMBER,
    SECRET,
    Clock,
    ScriptedProvider,
    accepted,
    report_body,
)

pytestmark = FRONTS

DOCUMENTED = """{"bridge": 918068280000, "from": 918919520000, "to": 918867130000, "source": "OBD",
"mid": "1234-1333-XXXXX", "flow_id": 123, "start_at": "2021-04-09 16:27:39",
"end_at": "2021-04-09 16:27:55", "duration": "23", "status": "ANSWER",
"recording_url": "https://youraudiofilelocation/",}"""


def test_the_documented_example_ends_on_its_calls_timeline(
    caller: Caller, provider: ScriptedProvider, clock: Clock
) -> None:
    clock.now = datetime(2021, 4, 9, 16, 28, tzinfo=UTC)
    provider.on_send = accepted(mid="1234-1333-XXXXX")
    call = caller.place(to="918867130000").json
    assert caller.deliver(DOCUMENTED).status_code == 200
    call = caller.get(f"/calls/{call['id']}").json
    assert (call["status"], call["answered"]) == ("completed", True)
    assert call["duration_seconds"] == 23
    assert call["started_at"] == "2021-04-09T16:27:39Z"


def test_a_report_completes_its_call(caller: Caller) -> None:
    call = caller.place().json
    caller.report()
    call = caller.get(f"/calls/{call['id']}").json
    assert (call["status"], call["status_source"]) == ("completed", "webhook")
    assert caller.only_delivery()["outcome"] == "matched"


def test_the_same_report_twice_is_one_event_seen_twice(caller: Caller) -> None:
    call = caller.place().json
    caller.report()
    caller.report()
    events = caller.get(f"/calls/{call['id']}/events").json["data"]
    assert [event["times_seen"] for event in events if event["kind"] == "report"] == [2]
    outcomes = [row["outcome"] for row in caller.get("/deliveries").json["data"]]
    assert outcomes == ["duplicate", "matched"]


def test_a_report_before_the_answer_is_joined_by_it(
    caller: Caller, provider: ScriptedProvider
) -> None:
    response = provider.on_send

    def report_first(request):
        caller.report()
        return response(request)

    provider.on_send = report_first
    assert caller.place().json["status"] == "completed"
    assert caller.only_delivery()["outcome"] == "matched"


def test_a_report_nobody_knows_waits_with_its_reason(caller: Caller) -> None:
    assert caller.report(mid="somebody-else").status_code == 200
    delivery = caller.only_delivery()
    assert delivery["outcome"] == "unmatched"
    assert "somebody-else" in delivery["reason"]


def test_a_number_alone_is_never_enough(caller: Caller) -> None:
    caller.place()
    caller.report(mid=None)
    assert caller.only_delivery()["outcome"] == "unmatched"
    assert caller.get("/calls").json["data"][0]["status"] == "queued"


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "query_string": f"call_id={MID}:1&to=91&message_status=BUSY"},
        {"method": "PUT", "data": f"id={MID}:1&status=BUSY"},
        {"data": json.dumps({"event": "x", "payload": {"id": f"{MID}:1", "status": "BUSY"}})},
        {"data": {"id": f"{MID}:1", "status": "BUSY"}, "content_type": "multipart/form-data"},
        {"data": json.dumps({"id": f"{MID}:1", "status": "BUSY"}), "content_type": "text/plain"},
    ],
)
def test_composed_reports_come_in_every_shape(caller: Caller, request_: dict[str, object]) -> None:
    caller.place()
    assert caller.deliver("", **request_).status_code == 200
    assert caller.get(f"/calls/{MID}:1").json["status"] == "busy"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}", "Bearer \xff",
     f"Bearer {SECRET.upper()}"],
)  # fmt: skip
def test_without_the_secret_nothing_is_believed(caller: Caller, authorization: str) -> None:
    call = caller.place().json
    headers = {"Authorization": authorization}
    assert caller.deliver(json.dumps(report_body()), headers=headers).status_code == 401
    assert caller.get(f"/calls/{call['id']}").json["status"] == "queued"


def test_the_secret_is_checked_before_the_body_is_read(caller: Caller) -> None:
    class Untouchable(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

    response = caller.client.post(
        "/webhooks/mobtexting", input_stream=Untouchable(), content_length=10
    )
    assert response.status_code == 401


def test_a_body_too_large_is_told_so(caller: Caller) -> None:
    assert caller.deliver(b"x" * (64 * 1024)).status_code == 200
    assert caller.deliver(b"x" * (64 * 1024 + 1)).status_code == 413


def test_a_chunked_body_too_large_is_not_cut_and_acknowledged(caller: Caller) -> None:
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    stream = io.BytesIO(b"x" * 70_000)
    response = caller.deliver("", data=None, input_stream=stream, environ_overrides=chunked)
    assert response.status_code == 413
    assert caller.get("/deliveries").json["data"] == []


def test_a_long_query_is_kept_whole_or_refused(caller: Caller) -> None:
    end = "&id=x:1&status=BUSY"
    query = "note=" + "x" * (64 * 1024 - len(end) - 5) + end
    assert caller.deliver("", method="GET", query_string=query).status_code == 200
    assert caller.only_delivery()["query"] == query
    assert caller.deliver("", method="GET", query_string="y" + query).status_code == 413


def test_without_any_secret_only_this_machine_is_believed(services: Services) -> None:
    open_to_us = factories.with_settings(services, webhook_secrets=(), insecure=True)
    client = create_app(open_to_us).test_client()
    for address, status in (("127.0.0.1", 200), ("::1", 200), ("203.0.113.7", 401), ("", 401)):
        response = client.post(
            "/webhooks/mobtexting", data="{}", environ_overrides={"REMOTE_ADDR": address}
        )
        assert response.status_code == status, address


def test_the_challenge_is_answered(caller: Caller) -> None:
    body = {"validation_key": "the-validation-key", "challenge": "a234qwe"}
    response = caller.deliver(json.dumps(body), query_string="token=the-validation-key")
    assert (response.status_code, response.json) == (200, {"challenge": "a234qwe"})
    delivery = caller.only_delivery()
    assert delivery["outcome"] == "challenge"
    assert "the-validation-key" not in json.dumps(delivery)


def test_a_challenge_with_another_key_is_not_answered(caller: Caller) -> None:
    response = caller.deliver('{"validation_key": "wrong", "challenge": "a234qwe"}')
    assert (response.status_code, response.json) == (200, {"status": "ok"})
    assert caller.only_delivery()["outcome"] == "ignored"


def test_what_cannot_be_read_is_kept_and_said(caller: Caller) -> None:
    assert caller.deliver("what is this?").status_code == 200
    delivery = caller.only_delivery()
    assert (delivery["outcome"], delivery["body"]) == ("unreadable", "what is this?")
    assert delivery["reason"]


def test_a_fault_while_interpreting_keeps_the_raw_request(
    caller: Caller, provider: ScriptedProvider
) -> None:
    provider.read_delivery = lambda _: 1 / 0
    assert caller.deliver("something else").status_code == 200  # no plain report
    assert caller.only_delivery()["outcome"] == "failed"
    assert "ZeroDivisionError" in caller.only_delivery()["reason"]


def test_what_could_not_be_stored_is_not_acknowledged(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise peewee.OperationalError("database or disk is full")

    monkeypatch.setattr(deliveries, "add", full)
    response = caller.report()
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"


def test_reports_go_on_after_a_failed_write(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.place()
    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "add", lambda _: (_ for _ in ()).throw(OSError("gone")))
        assert caller.report().status_code == 503
    assert caller.report().status_code == 200
    assert caller.get(f"/calls/{MID}:1").json["to"] == NUMBER


def test_a_header_the_operator_names_is_kept_with_the_report(services: Services) -> None:
    fields = {"dtmf": "header:X-Dtmf"}
    app = create_app(factories.with_settings(services, webhook_fields=fields))
    caller = Caller(app.test_client(), create_key("tests", ["read", "place"], services))
    headers = {"Authorization": f"Bearer {SECRET}", "X-Dtmf": "7", "X-Other": "no"}
    app.test_client().post("/webhooks/mobtexting", json=report_body(), headers=headers)
    kept = caller.only_delivery()["headers"]
    assert kept.get("x-dtmf") == "7"
    assert "x-other" not in kept
