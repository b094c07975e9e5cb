"""Whoever does not want to be called is not called."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from unittest.mock import patch

import pytest
from flask import Flask

from obdtrack.access.audit import operator
from obdtrack.calls import opt_outs
from obdtrack.domain.phone import masked
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.errors import ObdtrackError
from obdtrack.privacy.erasure import erase
from obdtrack.privacy.opt_outs import read_list, suppress, suppress_all, suppressed, unsuppress
from obdtrack.providers.mobtexting import reports
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import MID, NUMBER, ScriptedProvider, accepted
from tests.privacy.told import OTHER, opt_out, rows, trace, with_scopes


def test_after_the_provider_reports_an_opt_out_the_number_is_refused_with_the_reason(
    caller: Caller, provider: ScriptedProvider
) -> None:
    opt_out(caller)
    response = caller.place()
    assert response.status_code == 409
    assert "does not want to be called (since 2026-11-20T12:59:01Z)" in response.json["detail"]
    assert response.json["errors"] == {"to": ["Opted out of calls on 2026-11-20T12:59:01Z."]}
    assert NUMBER[1:] not in response.text
    assert provider.sent == []
    assert caller.place(to=OTHER).status_code == 201


def test_nothing_of_a_refused_call_is_stored(caller: Caller, services: Services) -> None:
    opt_out(caller)
    caller.get("/calls")  # that the key was used is noted
    before = rows(services.store)
    caller.place()
    assert rows(services.store) == before


def test_a_refusal_does_not_bind_the_idempotency_key(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    body, key = {"to": NUMBER, "flow_id": "23"}, {"Idempotency-Key": "order-7"}
    suppress(NUMBER, operator(), services)
    assert caller.post("/calls", body, **key).status_code == 409
    unsuppress(NUMBER, operator(), services)
    assert caller.post("/calls", body, **key).status_code == 201
    assert len(provider.sent) == 1


def test_with_the_setting_off_opted_out_numbers_are_called(
    caller: Caller, app: Flask, services: Services
) -> None:
    opt_out(caller)
    app.extensions["obdtrack"] = replace(
        services, settings=replace(services.settings, suppression=False)
    )
    assert caller.place().status_code == 201


def test_a_call_in_doubt_is_not_placed_again_once_its_number_opted_out(
    app: Flask, services: Services, provider: ScriptedProvider
) -> None:
    boss = with_scopes(app, services, "read", "place", "admin")
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = boss.place().json
    opt_out(boss)
    response = boss.post(f"/calls/{call['id']}/resolve", {"action": "place-again"})
    assert response.status_code == 409
    assert boss.get(f"/calls/{call['id']}").json["status"] == "unknown"
    assert trace("call-resolved") == []
    assert len(provider.sent) == 1


def test_whoever_opted_out_is_not_called_after_their_number_was_erased(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    opt_out(caller)
    erase(NUMBER, operator(), services)
    assert opt_outs.of_numbers({NUMBER}) == {}
    assert caller.place().status_code == 409
    assert provider.sent == []


def test_an_erased_number_can_be_taken_off_the_list(caller: Caller, services: Services) -> None:
    suppress(NUMBER, operator(), services)
    erase(NUMBER, operator(), services)
    assert unsuppress("0091 88671 35001", operator(), services)
    assert not unsuppress(NUMBER, operator(), services)
    assert caller.place().status_code == 201


def test_a_list_is_read_in_any_usual_spelling_and_its_bad_lines_are_named() -> None:
    lines = ["\ufeff+91 88671-35001\r\n", "", "# wrote to us", "00919988776655  # by post",
             "918867135001", "8867135001", "hello"]  # fmt: skip
    reading = read_list(lines)
    assert reading.numbers == [NUMBER, OTHER]
    assert [bad.number for bad in reading.bad] == [6, 7]
    assert "country code" in reading.bad[0].reason


def test_an_import_counts_what_is_new(services: Services) -> None:
    suppress(NUMBER, operator(), services)
    many = [f"+9198{count:08}" for count in range(1234)]
    assert suppress_all([NUMBER, *many], operator(), services) == 1234
    assert suppress_all(many, operator(), services) == 0
    assert [found.number for found in suppressed()] == sorted([NUMBER, *many])
    assert trace("numbers-imported")[-1].detail == {"added": 1234}


def test_an_import_that_breaks_off_has_changed_nothing(services: Services) -> None:
    def numbers() -> Iterator[str]:
        yield from (f"+9198{count:08}" for count in range(800))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        suppress_all(numbers(), operator(), services)
    assert rows(services.store) == {}


@pytest.mark.parametrize("text", ["8867135001", "08867135001", "hello", "", "+1"])
def test_what_may_be_another_number_is_not_guessed(services: Services, text: str) -> None:
    with pytest.raises(ObdtrackError, match="country code"):
        suppress(text, operator(), services)


def test_the_audit_tells_who_changed_the_list_without_the_number(services: Services) -> None:
    suppress(NUMBER, operator(), services)
    unsuppress(NUMBER, operator(), services)
    (added,), (removed,) = trace("number-suppressed"), trace("number-unsuppressed")
    assert added.subject == removed.subject
    assert added.actor.startswith("command line")
    assert NUMBER[3:] not in added.subject
    assert masked(NUMBER) not in added.subject


def test_the_rule_is_asked_in_the_transaction_that_stores_the_intention(
    caller: Caller, services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    known = opt_outs.of_numbers

    def watched(numbers: Collection[str]) -> dict[str, datetime]:
        asked.append(services.store.in_transaction())
        return known(numbers)

    monkeypatch.setattr("obdtrack.calls.placing.calling_rules.opt_outs.of_numbers", watched)
    provider.on_send = accepted()
    caller.place()
    assert asked[0] is True


PARTS = ["8867135001", "08867135001", 8867135001, "8867135001.0", "088671 35001", "tel:8867135001"]


def say_opted_out(caller: Caller, receiver: object) -> str:
    """The provider posts this opt-out; returns what became of the delivery."""
    body = {"event": "voice:unsubscription", "receiver": receiver, "type": "all", "value": "*"}
    assert caller.deliver(json.dumps(body)).status_code == 200
    newest = caller.get("/deliveries").json["data"][0]
    return f"{newest['outcome']}: {newest['reason']}"


OF_OTHERS = {
    "sms:unsubscription": {"type": "all", "value": "*"},
    "whatsapp:unsubscription": {"type": "all", "value": "*"},
    "": {"type": "service", "value": "RCS"},
}


@pytest.mark.parametrize("event", OF_OTHERS)
def test_an_opt_out_of_another_product_stops_no_call(caller: Caller, event: str) -> None:
    body = {"event": event, "receiver": NUMBER[1:], **OF_OTHERS[event]}
    caller.deliver(json.dumps(body))
    delivery = caller.only_delivery()
    product = event.partition(":")[0] or "rcs"
    assert delivery["outcome"] == "ignored"
    assert delivery["reason"] == f"an opt-out of {product}, not of calls"
    assert caller.place().status_code == 201


@pytest.mark.parametrize("receiver", PARTS)
def test_an_opt_out_without_country_code_blocks_every_number_that_it_may_be(
    caller: Caller, provider: ScriptedProvider, receiver: object
) -> None:
    told = say_opted_out(caller, receiver)
    assert told.startswith("unmatched: an opt-out of a number without its country code")
    refused = caller.place()
    assert refused.status_code == 409
    assert "without a country code" in refused.json["detail"]
    assert caller.place(to="+498867135001").status_code == 409
    assert provider.sent == []
    assert caller.place(to=OTHER).status_code == 201


@pytest.mark.parametrize("receiver", [NUMBER[1:], f"{NUMBER[1:]}.0", "+91 (0) 88671 35001"])
def test_an_opt_out_of_a_whole_number_blocks_that_number_alone(
    caller: Caller, receiver: object
) -> None:
    assert say_opted_out(caller, receiver) == "received: the number opted out of calls"
    assert caller.place().status_code == 409
    assert caller.place(to="+498867135001").status_code == 201


def test_an_opt_out_without_country_code_is_that_of_the_one_number_we_called(
    caller: Caller,
) -> None:
    call = caller.place().json
    assert say_opted_out(caller, "8867135001") == "received: the number opted out of calls"
    assert caller.place().status_code == 409
    assert caller.get(f"/calls/{call['id']}").json["opted_out_at"] is not None
    assert caller.place(to="+498867135001").status_code == 201


def test_a_person_says_whose_opt_out_it_was(caller: Caller, services: Services) -> None:
    say_opted_out(caller, "8867135001")
    since = opt_outs.of_numbers({NUMBER})[NUMBER]
    suppress(NUMBER, operator(), services)
    assert opt_outs.of_numbers({NUMBER, "+498867135001"}) == {NUMBER: since}
    assert say_opted_out(caller, "8867135001") == "received: the number opted out of calls"


def test_a_person_takes_digits_off_the_list_as_they_stand_there(
    caller: Caller, services: Services
) -> None:
    say_opted_out(caller, "8867135001")
    assert unsuppress("088671-35001", operator(), services)
    assert caller.place().status_code == 201
    with pytest.raises(ObdtrackError, match="country code"):
        unsuppress("8867135001", operator(), services)


@pytest.mark.parametrize(
    "receiver", [None, "91886713xxxx", "anonymous", "918867135001.5", "9.2E+11"]
)
def test_an_opt_out_whose_number_cannot_be_read_waits_for_a_person(
    caller: Caller, receiver: object
) -> None:
    told = say_opted_out(caller, receiver)
    assert told.startswith("unmatched: an opt-out whose number cannot be read")
    assert caller.place().status_code == 201


def test_erasing_a_number_reaches_its_opt_out_without_country_code(
    caller: Caller, services: Services
) -> None:
    say_opted_out(caller, "8867135001")
    erase(NUMBER, operator(), services)
    assert caller.place().status_code == 409
    assert not any("8867135001" in found.number for found in suppressed())


@pytest.mark.parametrize("spelling", ["+91 (0) 88671 35001", "'+918867135001", f"{NUMBER}.0"])
def test_any_spelling_of_a_whole_number_is_suppressed_as_that_number(
    caller: Caller, services: Services, spelling: str
) -> None:
    assert suppress(spelling, operator(), services) == NUMBER
    assert caller.place().status_code == 409
    assert unsuppress(spelling, operator(), services)


U = "180ebbb5-0000-4000-8000-000000000000"
SHAPE = {"receiver": NUMBER[1:], "type": "all", "value": "*"}
NO_OPT_OUTS = [
    {"id": f"{MID}:1", **SHAPE},
    {"id": MID, **SHAPE, "status": "ANSWER"},
    {"event": "voice:resubscription", "payload": {"id": U, **SHAPE, "status": "1"}},
    {"event": "voice:unsubscription", "payload": {"id": U, **SHAPE, "status": "0"}},
    {"id": U, **SHAPE, "status": 0},
]


@pytest.mark.parametrize("body", NO_OPT_OUTS)
def test_what_only_looks_like_an_opt_out_puts_nobody_on_the_list(
    caller: Caller, body: dict[str, object]
) -> None:
    caller.deliver(json.dumps(body))
    assert caller.place().status_code == 201


def test_taking_the_keys_for_an_opt_out_would_be_noticed(caller: Caller) -> None:
    with (
        patch.object(reports, "is_of_a_call", lambda _: False),
        patch.object(reports, "_SUBSCRIPTION", re.compile("never")),
        patch.object(reports, "_INACTIVE", frozenset()),
    ):
        for body in NO_OPT_OUTS:
            caller.deliver(json.dumps(body))
            assert caller.place().status_code == 409
            opt_outs.remove([NUMBER])
