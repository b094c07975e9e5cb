"""Whoever asks what is stored about their number is given all of it, and nothing of others."""

from __future__ import annotations

import json

import pytest

from obdtrack.access.audit import operator
from obdtrack.calls.polling.check import check_call
from obdtrack.errors import ObdtrackError
from obdtrack.privacy.erasure import erase
from obdtrack.privacy.export import export
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import MID, NUMBER, SECRET, ScriptedProvider, accepted, call_log, log_row
from tests.privacy.told import OTHER, opt_out, trace


def test_a_call_is_given_with_everything_that_was_stored_about_it(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    caller.place(reference="order-7", variables={"otp": "123456"})
    caller.report()
    provider.on_find = lambda **_: call_log(log_row())
    check_call(models.Call.get().id, services)
    data = json.loads(json.dumps(export("0091 88671 35001", operator(), services)))
    (call,) = data["calls"]
    assert (data["number"], call["to"], call["reference"]) == (NUMBER, NUMBER, "order-7")
    assert call["created_at"] == "2026-11-23T12:00:00Z"
    assert [event["kind"] for event in call["events"]] == [
        "submission", "response", "report", "report",
    ]  # fmt: skip
    assert json.loads(call["deliveries"][0]["body"])["mid"] == MID
    assert [response["kind"] for response in call["answers"]] == ["send", "status"]
    assert call["submission"]["variables"] == ["otp"]
    assert [attempt["status"] for attempt in call["attempts"]] == ["completed"]


def test_it_holds_no_secret_and_no_value_that_was_sealed(
    caller: Caller, services: Services
) -> None:
    caller.place(variables={"otp": "123456"})
    caller.report()
    text = json.dumps(export(NUMBER, operator(), services))
    for secret in ("123456", SECRET, "the-provider-token", "variables_encrypted", "fingerprint"):
        assert secret not in text


def test_what_stands_elsewhere_is_given_without_the_numbers_of_others(
    caller: Caller, services: Services
) -> None:
    caller.report(mid="nobody", note=f"instead of {OTHER}")
    caller.place(to=OTHER, reference=f"asked by {NUMBER}")
    opt_out(caller)
    data = export(NUMBER, operator(), services)
    assert data["calls"] == []
    assert data["opted_out_at"] == "2026-11-20T12:59:01Z"
    found = sorted(row["table"] for row in data["elsewhere"])
    assert found == ["calls", "deliveries", "deliveries", "feed", "feed"]
    assert NUMBER in json.dumps(data["elsewhere"])
    assert OTHER[1:] not in json.dumps(data)


def test_calls_of_others_are_not_given(caller: Caller, services: Services) -> None:
    caller.place(to=OTHER)
    data = export(NUMBER, operator(), services)
    assert (data["calls"], data["elsewhere"], data["opted_out_at"]) == ([], [], None)


def test_after_an_erasure_the_calls_are_given_under_their_new_name(
    caller: Caller, services: Services
) -> None:
    caller.place()
    name = erase(NUMBER, operator(), services).name
    (call,) = export(NUMBER, operator(), services)["calls"]
    assert call["to"] == name


def test_more_calls_than_fit_a_page_are_all_given(
    caller: Caller, services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obdtrack.privacy.export._PAGE", 2)
    provider.on_send = accepted(mid=None)
    for _ in range(5):
        caller.place()
    assert len(export(NUMBER, operator(), services)["calls"]) == 5


def test_it_leaves_a_trace(caller: Caller, services: Services) -> None:
    caller.place()
    name = erase(NUMBER, operator(), services).name
    export(NUMBER, operator(), services)
    (row,) = trace("number-exported")
    assert row.subject == name


def test_what_is_no_whole_number_is_refused(services: Services) -> None:
    with pytest.raises(ObdtrackError, match="country code"):
        export("8867135001", operator(), services)
    assert trace("number-exported") == []
