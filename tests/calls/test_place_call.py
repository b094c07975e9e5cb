"""Placing: the intention first, no transaction while waiting, and an honest end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from obdtrack.calls import queries, responses, search
from obdtrack.calls.placing import place as workflow
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.search import CallFilter
from obdtrack.domain.submission import CallRequest, Failure, SendResponse
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import NOON, NUMBER, ScriptedProvider, accepted, call_request


def the_call() -> models.Call:
    (call,) = search.newest(CallFilter(), 2)
    return call


def test_the_intention_is_stored_before_the_provider_is_asked(
    services: Services, provider: ScriptedProvider
) -> None:
    def look(request: CallRequest) -> SendResponse:
        seen.append(the_call().status)
        return SendResponse(Failure.TIMEOUT)

    seen: list[str] = []
    provider.on_send = look
    place_call(call_request(), None, services)
    assert seen == ["submitting"]


def test_no_transaction_and_no_connection_is_held_while_waiting(
    services: Services, provider: ScriptedProvider
) -> None:
    def look(request: CallRequest) -> SendResponse:
        assert services.store.is_closed()
        return SendResponse(Failure.TIMEOUT)

    provider.on_send = look
    place_call(call_request(), None, services)
    assert the_call().reason == "timeout"


def test_nothing_leaves_if_the_intention_cannot_be_stored(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(submissions, "create", full)
    with pytest.raises(OSError):
        place_call(call_request(), None, services)
    assert provider.sent == []


def test_an_answer_that_cannot_be_stored_at_once_is_tried_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    store_response = workflow._settle

    def fails_once(*arguments: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ObdtrackError(Code.UNAVAILABLE, "busy")
        store_response(*arguments)

    monkeypatch.setattr(workflow, "_settle", fails_once)
    monkeypatch.setattr(workflow, "_PAUSES_BEFORE_RESPONDING", (0, 0))
    place_call(call_request(), None, services)
    assert the_call().status == "queued"


def test_values_of_variables_go_once_the_provider_has_answered(services: Services) -> None:
    place_call(call_request(variables={"otp": "987123"}), None, services)
    assert models.Submission.get().variables_encrypted is None


def test_values_stay_encrypted_while_the_outcome_is_unknown(
    services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    place_call(call_request(variables={"otp": "987123"}), None, services)
    sealed = models.Submission.get().variables_encrypted
    assert b"987123" not in sealed
    assert services.encryption.open(sealed) == {"otp": "987123"}


def test_values_the_provider_echoes_are_not_kept(
    services: Services, provider: ScriptedProvider
) -> None:
    echo = json.dumps({"data": [{"id": "9871", "options": {"otp": "987123"}}]}).encode()
    provider.on_send = lambda request: accepted()(request)._replace(body=echo)
    call_id = place_call(call_request(variables={"otp": "987123"}), None, services)
    (exchange,) = responses.of_call(call_id)
    assert b"987123" not in exchange.body
    assert b'"9871"' in exchange.body


def test_an_id_that_another_call_has_leaves_this_one_unknown(services: Services) -> None:
    place_call(call_request(), None, services)
    second = place_call(call_request(), None, services)
    call = queries.find(str(second))
    assert call is not None
    assert (call.status, call.reason) == ("unknown", "id-given-twice")


def test_numbers_are_stored_as_they_were_normalised(services: Services) -> None:
    place_call(call_request(), None, services)
    assert the_call().to_number == NUMBER


ODD_YES = {
    "half a character": b'{"status": 200, "message": "ok \\ud83d 987123", "data": []}',
    "deep": b'{"a":' * 700 + b'"987123"' + b"}" * 700,
    "not UTF-8": b"\xff 987123 \xfe",
}


@pytest.mark.parametrize("body", ODD_YES.values(), ids=ODD_YES.keys())
def test_however_odd_an_answer_is_it_is_kept_without_the_variables_values(
    services: Services, provider: ScriptedProvider, body: bytes
) -> None:
    provider.on_send = lambda request: accepted()(request)._replace(body=body)
    call_id = place_call(call_request(variables={"otp": "987123"}), None, services)
    call = queries.find(str(call_id))
    assert call is not None
    assert call.status == "queued"
    (kept,) = responses.of_call(call_id)
    assert b"[removed]" in kept.body
    assert b"987123" not in kept.body


@pytest.mark.parametrize(
    "on_send",
    [
        accepted(),
        accepted(submitted_at=NOON),
        lambda _: SendResponse(Failure.TIMEOUT),
        lambda _: SendResponse(Failure.REFUSED, "no such +918867135001", (), 400, b"{}"),
    ],
)
@pytest.mark.parametrize("is_reported", [True, False])
def test_placing_says_what_is_stored_as_if_it_were_read(
    caller: Caller,
    provider: ScriptedProvider,
    on_send: Callable[[CallRequest], SendResponse],
    is_reported: bool,
) -> None:
    if is_reported:
        caller.report()
    provider.on_send = on_send
    beside = {"reference": "order-7", "metadata": {"sum": 1.5, "é": [None]}, "name": "otp"}
    placed = caller.place(**beside, variables={"otp": "1"}, interval=5, call_type="service").json
    assert caller.get(f"/calls/{placed['id']}").json == placed
