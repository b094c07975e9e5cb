"""Reports: what they look like, where they go, and how often they are tried."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests
from werkzeug import Response

EVENING = datetime(2026, 1, 31, 20, 0, 0, 700_000, tzinfo=UTC)


def test_the_default_body_has_a_mid_but_no_id(provider):
    call_id = provider.place("01").json()["data"][0]["id"]
    (body,) = provider.bodies()
    assert "id" not in body
    assert body["mid"] == call_id.removesuffix(":1")
    assert (body["bridge"], body["to"], body["flow_id"]) == (918068280000, 918867135001, 23)
    assert (body["source"], body["status"]) == ("OBD", "ANSWER")


def test_a_report_presents_the_secret(provider):
    provider.place("01")
    assert provider.reports()[0].headers["Authorization"] == "Bearer simulated-secret"


def test_without_a_secret_nothing_is_presented(start):
    provider = start(secret=None)
    provider.place("01")
    assert "Authorization" not in provider.reports()[0].headers


def test_a_composed_get_tells_all_in_its_query(provider):
    call_id = provider.place("25").json()["data"][0]["id"]
    (report,) = provider.reports()
    assert report.method == "GET"
    assert list(report.args) == ["call_id", "to", "message_status", "start_at", "end_at"]
    assert (report.args["call_id"], report.args["message_status"]) == (call_id, "ANSWER")


def test_a_composed_get_keeps_the_query_of_the_callback(start, callback):
    provider = start(callback_url=callback.url_for("/callback?account=7"))
    provider.place("25")
    assert list(provider.reports()[0].args)[:2] == ["account", "call_id"]


def test_a_composed_form_carries_the_id_and_the_pressed_key(provider):
    call_id = provider.place("26").json()["data"][0]["id"]
    (report,) = provider.reports()
    assert report.mimetype == "application/x-www-form-urlencoded"
    assert (report.form["id"], report.form["dtmf"]) == (call_id, "1")


def test_the_trailing_comma_of_the_documentation_is_kept(provider):
    provider.place("28")
    assert provider.reports()[0].get_data().endswith(b'",\n}')


def test_an_answered_call_has_a_recording_that_plays(provider):
    provider.place("01")
    sound = requests.get(provider.bodies()[0]["recording_url"], timeout=5)
    assert (sound.status_code, sound.content[:4]) == (200, b"RIFF")


def test_an_unanswered_call_has_no_recording(provider):
    provider.place("11")
    assert provider.bodies()[0]["recording_url"] == ""


def test_times_are_told_in_the_zone_of_the_simulator(start):
    provider = start(timezone_offset_minutes=330, now=lambda: EVENING, ring_seconds=0)
    provider.place("01")
    (body,) = provider.bodies()
    assert (body["start_at"], body["end_at"]) == ("2026-02-01 01:30:00", "2026-02-01 01:30:01")
    assert body["duration"] == "1"


@pytest.mark.parametrize("status", [200, 202])
def test_a_report_that_was_taken_is_not_posted_again(start, httpserver, status):
    httpserver.expect_request("/choosy").respond_with_response(Response(status=status))
    provider = start(callback_url=httpserver.url_for("/choosy"))
    provider.place("01")
    assert len(provider.reports()) == 1


@pytest.mark.parametrize("status", [201, 204, 302, 401, 503])
def test_a_report_that_was_not_taken_is_posted_three_more_times(start, httpserver, status):
    httpserver.expect_request("/choosy").respond_with_response(
        Response(status=status, headers={"Location": "/elsewhere"})
    )
    provider = start(callback_url=httpserver.url_for("/choosy"))
    provider.place("01")
    assert [report.path for report in provider.reports()] == ["/choosy"] * 4


def test_a_callback_that_is_down_stops_nothing(start):
    provider = start(callback_url="http://127.0.0.1:1/callback")
    provider.place("01")
    assert provider.server.settle()
    assert provider.ask(mobile="918867135001")[0]["status"] == "ANSWER"


def test_without_a_callback_nobody_is_told(start):
    provider = start(callback_url=None)
    provider.place("01")
    assert provider.reports() == []
