"""The same request again rings nobody again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from uuid import UUID

import pytest

from obdtrack.access.keys import create_key
from obdtrack.calls.placing import idempotency
from obdtrack.calls.placing import idempotency as once
from obdtrack.domain.submission import CallRequest, Failure, SendResponse
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted, time_passes

KEY = {"Idempotency-Key": "order-7"}
BODY = {"to": "+918867135001", "flow_id": "23"}


def test_the_same_key_and_body_give_the_stored_answer(
    caller: Caller, provider: ScriptedProvider
) -> None:
    first = caller.post("/calls", BODY, **KEY)
    caller.report()
    again = caller.post("/calls", BODY, **KEY)
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Location"] == first.headers["Location"]
    assert len(provider.sent) == 1


def test_the_same_key_with_another_body_is_refused(
    caller: Caller, provider: ScriptedProvider
) -> None:
    caller.post("/calls", BODY, **KEY)
    response = caller.post("/calls", {**BODY, "variables": {"otp": "1"}}, **KEY)
    assert response.status_code == 422
    assert "Idempotency-Key" in response.json["errors"]
    assert len(provider.sent) == 1


def test_while_the_first_is_running_the_second_is_told_to_wait(
    caller: Caller, provider: ScriptedProvider
) -> None:
    def ask_again(request):
        seen.append(caller.post("/calls", BODY, **KEY))
        return accepted()(request)

    seen: list = []
    provider.on_send = ask_again
    caller.post("/calls", BODY, **KEY)
    assert (seen[0].status_code, seen[0].headers["Retry-After"]) == (409, "2")
    assert len(provider.sent) == 1


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.INSUFFICIENT_BALANCE])
def test_the_key_stays_bound_after_a_failure(
    caller: Caller, provider: ScriptedProvider, failure: Failure
) -> None:
    provider.on_send = lambda _: SendResponse(failure)
    first = caller.post("/calls", BODY, **KEY)
    assert caller.post("/calls", BODY, **KEY).data == first.data
    assert len(provider.sent) == 1


def test_the_key_is_bound_even_if_the_answer_was_never_given(
    caller: Caller, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("obdtrack.web.api.routes.keep_response", lambda *_: 1 / 0)
        assert caller.post("/calls", BODY, **KEY).status_code == 201
    again = caller.post("/calls", BODY, **KEY)
    assert (again.status_code, again.json["status"]) == (201, "queued")
    assert len(provider.sent) == 1


def test_a_refused_body_does_not_bind_the_key(caller: Caller) -> None:
    assert caller.post("/calls", {**BODY, "interval": 7}, **KEY).status_code == 422
    assert caller.post("/calls", BODY, **KEY).status_code == 201


FULL = {
    **BODY,
    "name": "otp",
    "interval": 5,
    "webhook_id": "7",
    "reference": "order-7",
    "variables": {"otp": "1"},
    "metadata": {"a": 1},
}
STORED = {
    "5421714d125751e251806d4bc3423d2de3eabc554742d44eca68987d0c36c9bc": BODY,
    "f73737dc3ad1a8a912f621d39942b90de7a77708c846824df2a21b90c30b9a21": FULL,
}
"""Fingerprints as version 0.1.0 stored them, with what was sent."""


@pytest.mark.parametrize(("fingerprint", "body"), STORED.items(), ids=["short", "full"])
def test_a_key_that_was_used_before_an_upgrade_is_known_after_it(
    caller: Caller,
    services: Services,
    provider: ScriptedProvider,
    fingerprint: str,
    body: dict[str, object],
) -> None:
    placed = caller.post("/calls", body).json
    owner = models.ApiKey.get(models.ApiKey.name == "tests").id
    with services.store.write():
        idempotency.claim(
            owner, KEY["Idempotency-Key"], fingerprint, UUID(placed["id"]), services.now()
        )
    again = caller.post("/calls", body, **KEY)
    assert (again.status_code, again.json["id"]) == (201, placed["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert caller.post("/calls", {**body, "flow_id": "24"}, **KEY).status_code == 422
    assert len(provider.sent) == 1


@pytest.mark.parametrize("body", [BODY, FULL], ids=["short", "full"])
def test_a_field_that_is_added_later_makes_no_other_request_of_the_same(
    services: Services, monkeypatch: pytest.MonkeyPatch, body: dict[str, object]
) -> None:
    @dataclass(frozen=True)
    class Later(CallRequest):
        call_type: str = "voice"

    fields = {"bridge": "+918068280000", **body}
    now = once._fingerprints(once.Wanted([CallRequest(**fields)], body), services.encryption)
    monkeypatch.setattr(once, "_NOTHING_GIVEN", asdict(Later(to="", bridge="")))
    given = {*body, "call_type"}
    later = once.Wanted([Later(**fields)], given)
    assert once._fingerprints(later, services.encryption) == now
    other = once.Wanted([Later(**fields, call_type="promotional")], given)
    assert once._fingerprints(other, services.encryption)[0] != now[0]


def test_another_default_makes_no_other_request_of_the_same(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    first = caller.post("/calls", BODY, **KEY)
    settings = replace(services.settings, bridge="+918068280001")
    caller.client.application.extensions["obdtrack"] = replace(services, settings=settings)
    assert caller.post("/calls", BODY, **KEY).data == first.data
    named = {**BODY, "bridge": "+918068280001"}
    assert caller.post("/calls", named, **KEY).status_code == 422


def test_what_is_said_by_leaving_it_out_may_be_said_in_words(caller: Caller) -> None:
    first = caller.post("/calls", BODY, **KEY)
    same = {**BODY, "interval": 0, "variables": {}}
    assert caller.post("/calls", same, **KEY).data == first.data


def test_keys_are_each_callers_own(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(mid=None)
    caller.post("/calls", BODY, **KEY)
    other = Caller(caller.client, create_key("other", ["place", "read"], services))
    assert "Idempotent-Replayed" not in other.post("/calls", BODY, **KEY).headers
    assert len(provider.sent) == 2


def test_a_key_is_free_again_after_its_days(
    caller: Caller, services: Services, clock: Clock, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(mid=None)
    caller.post("/calls", BODY, **KEY)
    time_passes(clock, services, days=8)
    assert "Idempotent-Replayed" not in caller.post("/calls", BODY, **KEY).headers
    assert len(provider.sent) == 2


def test_sixteen_at_once_dial_once(caller: Caller, provider: ScriptedProvider) -> None:
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda _: caller.post("/calls", BODY, **KEY), range(16)))
    assert len(provider.sent) == 1
    assert {response.status_code for response in responses} <= {201, 409}
    assert len({a.json["id"] for a in responses if a.status_code == 201}) == 1


def guard(caller: Caller, services: Services, seconds: int) -> None:
    settings = replace(services.settings, duplicate_guard_seconds=seconds)
    caller.client.application.extensions["obdtrack"] = replace(services, settings=settings)


def test_the_guard_refuses_a_twin_and_names_it(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    guard(caller, services, 60)
    first = caller.place(variables={"otp": "1"}).json
    twin = caller.place(variables={"otp": "1"})
    assert (twin.status_code, first["id"] in twin.json["detail"]) == (409, True)
    assert len(provider.sent) == 1


def test_the_guard_sees_calls_that_were_placed_under_a_key(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    guard(caller, services, 60)
    first = caller.post("/calls", BODY, **KEY).json
    twin = caller.post("/calls", BODY)
    assert (twin.status_code, first["id"] in twin.json["detail"]) == (409, True)
    assert len(provider.sent) == 1


def test_the_guard_sees_calls_that_a_person_placed_again(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    guard(caller, services, 60)
    boss = Caller(caller.client, create_key("boss", ["place", "read", "admin"], services))
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    unknown = boss.post("/calls", BODY, **KEY).json
    again = boss.post(f"/calls/{unknown['id']}/resolve", {"action": "place-again"}).json
    assert again["id"] in boss.post("/calls", BODY).json["detail"]


def test_a_key_is_a_wish_for_another_call(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    guard(caller, services, 60)
    provider.on_send = accepted(mid=None)
    caller.post("/calls", BODY)
    assert caller.post("/calls", BODY, **KEY).status_code == 201


def test_twins_at_once_ring_once(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    guard(caller, services, 60)
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: caller.post("/calls", BODY).status_code, range(8)))
    assert sorted(responses) == [201, *[409] * 7]
    assert len(provider.sent) == 1


def test_the_guard_says_how_long_it_lasts(caller: Caller, services: Services) -> None:
    guard(caller, services, 86400)
    caller.place()
    assert "less than 86400 seconds ago" in caller.place().json["detail"]


@pytest.mark.parametrize("change", [{"variables": {"otp": "2"}}, {"flow_id": "24"}])
def test_the_guard_lets_another_call_pass(
    caller: Caller, services: Services, provider: ScriptedProvider, change: dict[str, object]
) -> None:
    guard(caller, services, 60)
    provider.on_send = accepted(mid=None)
    caller.place()
    assert caller.place(**change).status_code == 201


def test_the_guard_forgets_after_its_seconds_and_ignores_refused_calls(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    guard(caller, services, 60)
    provider.on_send = lambda _: SendResponse(Failure.INSUFFICIENT_BALANCE)
    caller.place()
    provider.on_send = accepted(mid=None)
    assert caller.place().status_code == 201
    clock.forward(seconds=61)
    assert caller.place().status_code == 201
