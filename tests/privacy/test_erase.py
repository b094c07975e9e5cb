"""After an erasure the number is nowhere, and everything else is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from obdtrack.access.audit import operator
from obdtrack.calls.polling.check import check_call
from obdtrack.calls.rebuild import rebuild
from obdtrack.domain.phone import is_erased
from obdtrack.domain.submission import CallRequest, Failure, SendResponse
from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.privacy import erasure, mentions
from obdtrack.privacy.erasure import erase
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import (
    MID,
    NUMBER,
    Clock,
    ScriptedProvider,
    accepted,
)
from tests.privacy.told import (
    DIGITS,
    OTHER,
    SPACED,
    WRITTEN,
    everything,
    rows,
    tell_everything,
    trace,
    with_scopes,
)


def test_its_digits_are_in_no_byte_of_the_database(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    tell_everything(caller, services, provider)
    before = everything(services.store)
    assert all(written in before for written in WRITTEN if b"\0" not in written)
    done = erase(NUMBER, operator(), services)
    assert done.cleared
    after = everything(services.store)
    assert [written for written in WRITTEN if written in after] == []
    assert done.name.encode() in after


def test_no_table_is_left_out(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    tell_everything(caller, services, provider)
    done = erase(NUMBER, operator(), services)
    assert set(done.rows) >= {
        "calls", "submissions", "events", "deliveries", "responses", "idempotency_keys", "opt_outs",
        "campaign_names", "statistics",
    }  # fmt: skip
    assert erase(NUMBER, operator(), services).rows == {}


def test_the_calls_stay_with_what_became_of_them(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    call_id = tell_everything(caller, services, provider)
    before, timeline = (caller.get(f"/calls/{call_id}{of}").json for of in ("", "/events"))
    counted = rows(services.store)
    done = erase(NUMBER, operator(), services)
    after = caller.get(f"/calls/{call_id}").json
    assert rows(services.store) == {**counted, "audit": counted["audit"] + 1}
    assert after["to"] == done.name
    assert {key for key in after if after[key] != before[key]} == {
        "to", "name", "reference", "metadata",
    }  # fmt: skip
    assert after["metadata"] == {"phone": done.name, "of": [done.name]}
    events = caller.get(f"/calls/{call_id}/events").json["data"]
    assert [event["status"] for event in events] == [e["status"] for e in timeline["data"]]


def test_what_was_computed_can_be_computed_again(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    tell_everything(caller, services, provider)
    erase(NUMBER, operator(), services)
    assert rebuild(services, check=True).different == ()


def test_one_persons_calls_stay_together_and_nobody_elses_change(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(mid=None)
    for number in (NUMBER, OTHER, NUMBER):
        caller.place(to=number)
    name = erase(SPACED, operator(), services).name
    assert is_erased(name)
    assert [call["to"] for call in caller.get("/calls").json["data"]] == [name, OTHER, name]
    assert len(caller.get("/calls", to=name).json["data"]) == 2


def test_the_name_of_an_erased_number_is_shown_to_every_reader(
    caller: Caller, reader: Caller, services: Services
) -> None:
    caller.place()
    name = erase(NUMBER, operator(), services).name
    assert reader.get(f"/calls/{MID}:1").json["to"] == name


def test_an_unmatched_report_still_finds_its_call_by_the_name(
    caller: Caller, app: Flask, services: Services, provider: ScriptedProvider
) -> None:
    boss = with_scopes(app, services, "read", "place", "admin")
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = boss.place().json
    boss.report()
    erase(NUMBER, operator(), services)
    boss.post(f"/calls/{call['id']}/resolve", {"action": "attach", "provider_id": f"{MID}:1"})
    assert boss.get(f"/calls/{call['id']}").json["status"] == "completed"


def test_the_same_request_again_rings_nobody_again(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    body, key = {"to": NUMBER, "flow_id": "23"}, {"Idempotency-Key": f"otp-{SPACED}"}
    first = caller.post("/calls", body, **key).json
    erase(NUMBER, operator(), services)
    again = caller.post("/calls", body, **key)
    assert (again.status_code, again.json["id"]) == (201, first["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(provider.sent) == 1


def test_two_keys_that_differ_in_the_spelling_alone_become_one(
    caller: Caller, services: Services
) -> None:
    for key in (f"otp-{SPACED}", f"otp-{NUMBER}"):
        caller.post("/calls", {"to": OTHER, "flow_id": "23"}, **{"Idempotency-Key": key})
    assert erase(NUMBER, operator(), services).rows == {"idempotency_keys": 2}
    assert rows(services.store)["idempotency_keys"] == 1


@pytest.mark.parametrize("failure", [None, Failure.TIMEOUT])
def test_a_call_that_waits_is_concluded_and_never_asked_about(
    caller: Caller,
    services: Services,
    provider: ScriptedProvider,
    clock: Clock,
    failure: Failure | None,
) -> None:
    provider.on_send = accepted() if failure is None else lambda _: SendResponse(failure)
    call = caller.place(variables={"otp": "123456"}).json
    assert erase(NUMBER, operator(), services).concluded == 1
    after = caller.get(f"/calls/{call['id']}").json
    assert (after["status"], after["reason"]) == ("unresolved", "number-erased")
    assert after["next_check_at"] is None
    assert models.Submission.get().variables_encrypted is None
    clock.forward(days=1)
    check_call(models.Call.get().id, services)
    assert caller.post(f"/calls/{call['id']}/refresh").status_code == 409
    assert provider.asked == []


def test_a_number_that_is_being_called_is_not_erased_now(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    def erase_meanwhile(request: CallRequest) -> SendResponse:
        with pytest.raises(ObdtrackError, match="is being called now"):
            erase(NUMBER, operator(), services)
        return accepted()(request)

    provider.on_send = erase_meanwhile
    assert caller.place().json["to"] == NUMBER


def test_what_comes_in_behind_the_search_is_found_too(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = mentions.mentions
    late = [f'{{"to": {DIGITS}, "mid": "late-{count}"}}' for count in range(2)]

    def searched(spellings: Any) -> Iterator[Any]:
        yield from search(spellings)
        if late:
            caller.deliver(late.pop())

    monkeypatch.setattr(erasure.mentions, "mentions", searched)
    caller.place()
    # The second one comes when the number is known as erased, and is never stored with it.
    assert erase(NUMBER, operator(), services).rows["deliveries"] == 1
    assert DIGITS.encode() not in everything(services.store)


def test_an_interrupted_erasure_is_finished_by_the_next(
    caller: Caller, services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_everything(caller, services, provider)
    changed: list[object] = []
    change = mentions.replace

    def fails_late(mention: Any, spellings: Any, name: str) -> Any:
        changed.append(mention)
        if len(changed) > 5:
            raise KeyboardInterrupt
        return change(mention, spellings, name)

    with monkeypatch.context() as patched:
        patched.setattr(erasure.mentions, "replace", fails_late)
        patched.setattr(erasure, "BATCH", 2)
        with pytest.raises(KeyboardInterrupt):
            erase(NUMBER, operator(), services)
    assert rebuild(services, check=True).different == ()
    erase(NUMBER, operator(), services)
    assert DIGITS.encode() not in everything(services.store)
    assert len(trace("number-erased")) == 2


def test_it_leaves_a_trace_that_does_not_tell_the_number(
    caller: Caller, services: Services
) -> None:
    done = erase(NUMBER, operator(), services)
    (row,) = trace("number-erased")
    assert (row.subject, row.detail) == (done.name, {})
    assert row.actor.startswith("command line")


def test_without_a_secret_key_nothing_is_erased(services: Services) -> None:
    services = replace(services, settings=replace(services.settings, secret_key=""))
    with pytest.raises(ConfigError, match="OBDTRACK_SECRET_KEY"):
        erase(NUMBER, operator(), services)


@pytest.mark.parametrize("text", ["8867135001", "+918068280000", "erased-0123456789abcdef", "x"])
def test_what_is_no_persons_whole_number_is_refused(services: Services, text: str) -> None:
    with pytest.raises(ObdtrackError):
        erase(text, operator(), services)
    assert trace("number-erased") == []
