"""Placing calls: who may, what is refused, and the answer in both generations."""

from __future__ import annotations

import re

import pytest

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

REFUSED = {
    "no bridge": ({"bridge": ""}, "bridge"),
    "bridge with plus": ({"bridge": "+918068280000"}, "bridge"),
    "no number": ({"to": None}, "to"),
    "number with plus": ({"to": "+918867135001"}, "to"),
    "empty number among several": ({"to": "918867135001,"}, "to"),
    "neither flow nor audio": ({"flow_id": None}, "flow_id"),
    "both flow and audio": ({"audio": "https://example.test/a.mp3"}, "flow_id"),
    "endless flow": ({"flow_id": "9" * 5000}, "flow_id"),
    "audio of another scheme": ({"flow_id": None, "audio": "ftp://example.test/a"}, "audio"),
    "interval of its own": ({"interval": 7}, "interval"),
    "interval true": ({"interval": True}, "interval"),
    "nested variables": ({"variables": {"otp": "123456"}}, "variables"),
}


@pytest.mark.parametrize(("fields", "culprit"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_field_is_named_and_rings_nobody(provider, fields, culprit):
    response = provider.place("01", **fields)
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [culprit]
    assert provider.server.dials == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"to":', b"9" * 5000])
def test_a_body_that_is_no_object_is_refused(provider, body):
    headers = {"Authorization": "Bearer simulated-token", "Content-Type": "application/json"}
    response = provider.request("POST", "outgoing/send", data=body, headers=headers)
    assert response.status_code == 422


def test_an_accepted_call_keeps_what_was_asked_for(provider):
    fields = {"name": "diwali", "interval": "15", "variables[otp]": "123456"}
    provider.place("01", **fields)
    order = provider.server.calls[0].order
    assert (order.name, order.interval, order.variables) == ("diwali", 15, {"otp": "123456"})


def test_a_sound_file_can_take_the_place_of_a_flow(provider):
    provider.place("01", flow_id=None, audio="https://example.test/a.mp3")
    assert [body["flow_id"] for body in provider.bodies()] == [None]


def test_a_wrong_token_is_told_so_in_json(provider):
    headers = {"Accept": "application/json", "Authorization": "Bearer wrong"}
    response = provider.request("POST", "outgoing/send", json={}, headers=headers)
    assert response.status_code == 401
    assert response.json() == {"status": "ERROR", "code": 401, "message": "Unauthenticated."}


def test_a_stranger_who_does_not_speak_json_sees_the_login_page(provider):
    response = provider.request("GET", "outgoing/callstatus", headers={})
    assert (response.status_code, "<form" in response.text) == (200, True)


def test_the_older_answer_numbers_the_calls_of_a_submission(provider):
    response = provider.place("01").json()
    row = response["data"][0]
    assert (response["status"], response["message"]) == (200, "1 numbers accepted for delivery.")
    assert re.fullmatch(f"{UUID}:1", row["id"])
    assert (row["mobile"], row["charges"]) == ("918867135001", "0.5000")


def test_the_newer_answer_gives_each_call_an_id_of_its_own(start):
    response = start(generation="2024").place("01").json()
    row = response["data"][0]
    assert (response["status"], row["status"], row["credits"]) == ("OK", "queued", 1)
    assert re.fullmatch(UUID, row["id"])
    assert row["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("ending", "generation", "status"), [("39", "2019", "OK"), ("40", "2024", 200)]
)
def test_a_number_can_choose_the_generation(start, ending, generation, status):
    provider = start(generation=generation)
    assert provider.place(ending).json()["status"] == status


def test_several_numbers_are_one_submission(provider):
    response = provider.place("", to="918867135001, 918867135011").json()
    submissions = {row["id"].split(":")[0] for row in response["data"]}
    assert [row["id"].split(":")[1] for row in response["data"]] == ["1", "2"]
    assert len(submissions) == 1
    assert provider.server.dials == 2
    assert sorted(provider.words()) == ["ANSWER", "BUSY"]


def test_every_request_is_kept_for_inspection(provider):
    provider.place("36")
    (request,) = provider.server.requests
    assert (request.method, request.path) == ("POST", "/api/v2/outgoing/send")
    assert b"918867135036" in request.body
