"""Who did what can be told afterwards, and the audit itself tells no number and no secret."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from flask import Flask

from obdtrack.access import audit
from obdtrack.access.audit import Action, Operator, operator, record, record_view
from obdtrack.access.keys import Access, authenticate, create_key, revoke_key
from obdtrack.calls.reports.replay import replay_all
from obdtrack.domain.status import Outcome
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.database import Store
from obdtrack.web.pages.audit import DEEDS
from tests.conftest import Caller
from tests.factories import MID, NUMBER, Clock, ScriptedProvider
from tests.privacy.told import everything, trace, with_scopes


@pytest.fixture
def boss(app: Flask, services: Services) -> Caller:
    return with_scopes(app, services, "read", "place", "admin")


def access(services: Services, *scopes: str) -> Access:
    found = authenticate(create_key("somebody", scopes, services), services)
    assert found is not None
    return found


def test_a_key_leaves_traces_when_it_is_made_and_when_it_is_revoked(services: Services) -> None:
    secret = create_key("mine", ["read", "pii"], services)
    found = authenticate(secret, services)
    assert found is not None
    revoke_key(found.key_id, services, Operator("the boss"))
    (made,), (revoked,) = trace("key-created"), trace("key-revoked")
    assert made.subject == revoked.subject == str(found.key_id)
    assert made.detail == {"name": "mine", "scopes": ["pii", "read"]}
    assert made.actor == operator().name
    assert revoked.actor == "the boss"
    assert secret.encode() not in everything(services.store)


def test_a_key_that_could_not_be_revoked_leaves_no_trace(services: Services) -> None:
    with pytest.raises(ObdtrackError):
        revoke_key(new_id(), services)
    assert trace("key-revoked") == []


def test_a_key_is_not_made_without_its_trace(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(audit, "add", fails)
    with pytest.raises(RuntimeError):
        create_key("mine", ["read"], services)
    assert models.ApiKey.select().count() == 0


def test_the_use_of_a_pii_key_is_noted_once_an_hour(
    app: Flask, services: Services, clock: Clock
) -> None:
    seer = with_scopes(app, services, "read", "pii", name="the seer")
    for _ in range(5):
        seer.get("/calls")
    assert len(trace("pii-used")) == 1
    clock.forward(hours=1)
    seer.get("/deliveries")
    newest, oldest = trace("pii-used")
    assert newest.actor == "the seer"
    assert newest.key_id == oldest.key_id == UUID(newest.subject)


def test_two_keys_are_noted_each_and_keys_without_pii_never(
    app: Flask, services: Services, caller: Caller, reader: Caller
) -> None:
    for name in ("one", "two"):
        with_scopes(app, services, "read", "pii", name=name).get("/calls")
    caller.get("/calls")
    reader.get("/calls")
    assert [row.actor for row in trace("pii-used")] == ["two", "one"]


def test_a_key_that_is_refused_leaves_no_trace_of_use(app: Flask, services: Services) -> None:
    with_scopes(app, services, "pii").get("/calls")
    assert trace("pii-used") == []


def test_looking_something_up_works_while_the_audit_cannot_be_written(
    app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    seer = with_scopes(app, services, "read", "pii")

    def full(_: object) -> None:
        raise ObdtrackError(Code.UNAVAILABLE, "The disk is full.")

    monkeypatch.setattr(audit, "add", full)
    assert seer.get("/calls").status_code == 200


def test_a_number_seen_on_a_page_is_noted_once_per_call_and_hour(
    services: Services, clock: Clock
) -> None:
    person, calls = access(services, "read", "pii"), [new_id(), new_id()]
    for call_id in (*calls, *calls):
        record_view(person, call_id, NUMBER, services)
    assert sorted(row.subject for row in trace("number-viewed")) == sorted(map(str, calls))
    clock.forward(hours=1)
    record_view(person, calls[0], NUMBER, services)
    assert len(trace("number-viewed")) == 3


@pytest.mark.parametrize(
    "decision", [{"action": "not-placed"}, {"action": "attach", "provider_id": f"{MID}:1"}]
)
def test_a_resolution_leaves_a_trace(
    boss: Caller, provider: ScriptedProvider, decision: dict[str, str]
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = boss.place().json
    boss.post(f"/calls/{call['id']}/resolve", {**decision, "note": f"she said {NUMBER}"})
    (row,) = trace("call-resolved")
    assert (row.subject, row.actor, row.detail) == (call["id"], "boss", decision)


def test_placing_again_leaves_a_trace_that_names_the_new_call(
    boss: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    call = boss.place().json
    again = boss.post(f"/calls/{call['id']}/resolve", {"action": "place-again"}).json
    (row,) = trace("call-resolved")
    assert row.detail == {"action": "place-again", "replaced_by": again["id"]}


def test_a_decision_that_is_refused_leaves_no_trace(boss: Caller) -> None:
    call = boss.place().json
    for body in ({"action": "not-placed"}, {"action": "attach", "provider_id": f"{MID}:1"}):
        assert boss.post(f"/calls/{call['id']}/resolve", body).status_code == 409
    assert trace("call-resolved") == []


def test_a_replay_leaves_a_trace(boss: Caller) -> None:
    boss.report(mid="nobody")
    delivery = boss.only_delivery()["id"]
    boss.post(f"/deliveries/{delivery}/replay")
    (row,) = trace("delivery-replayed")
    assert (row.subject, row.actor, row.detail) == (delivery, "boss", {"outcome": "unmatched"})


def test_a_replay_of_many_leaves_one_trace(boss: Caller, services: Services) -> None:
    for count in range(3):
        boss.report(mid=f"nobody-{count}")
    replay_all(Outcome.UNMATCHED, services)
    replay_all(Outcome.FAILED, services)
    (row,) = trace("deliveries-replayed")
    assert (row.subject, row.detail) == ("unmatched", {"deliveries": 3})
    assert trace("delivery-replayed") == []


def test_no_number_gets_into_it_and_no_id_is_maimed(services: Services) -> None:
    digits_only = UUID("01a2078b-2c00-747d-b66f-123456789012")
    told = {"by": NUMBER, "of": [f"call {NUMBER}"], "id": digits_only, "count": 3}
    record(Action.CALL_RESOLVED, digits_only, Operator(f"key of {NUMBER}"), services, told)
    (row,) = audit.newest(1)
    assert NUMBER[1:] not in json.dumps([row.subject, row.actor, row.detail])
    assert (row.subject, row.detail["id"]) == (str(digits_only), str(digits_only))
    assert row.detail["count"] == 3


def test_entries_are_listed_newest_first_in_pages_and_by_subject(
    services: Services, store: Store
) -> None:
    for count in range(5):
        record(Action.CALL_RESOLVED, f"s-{count % 2}", operator(), services, {"n": count})
    first = audit.newest(2)
    second = audit.newest(2, before=first[-1].id)
    assert [row.detail["n"] for row in (*first, *second)] == [4, 3, 2, 1]
    assert [row.detail["n"] for row in audit.newest(9, subject="s-1")] == [3, 1]


def test_every_deed_has_its_words_on_the_page() -> None:
    assert set(DEEDS) == set(Action)
