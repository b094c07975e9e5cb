"""Keys end and are rotated, and a refused one says why."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from flask import Flask

from obdtrack.access import audit, keys
from obdtrack.access.audit import AuditFilter, Operator, record_failed_sign_in
from obdtrack.access.keys import authenticate, create_key, revoke_key, rotate_key, states_of
from obdtrack.cli import _group
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database import Store
from tests.conftest import Caller
from tests.factories import Clock
from tests.privacy.told import trace

DAY = timedelta(days=1)
BOSS = Operator("the boss")


def states(services: Services) -> list[str]:
    """The state of each key, oldest first."""
    found = keys.all_keys()
    known = states_of(found, services.now())
    return [known[key.id] for key in found]


def test_a_key_that_has_expired_is_refused_and_says_when(
    app: Flask, services: Services, clock: Clock
) -> None:
    secret = create_key("short", ["read"], services, expires_at=clock.now + DAY)
    program = Caller(app.test_client(), secret)
    clock.forward(hours=23)
    assert program.get("/calls").status_code == 200
    clock.forward(hours=1)
    refused = program.get("/calls")
    assert refused.status_code == 401
    assert "expired at 2026-11-24T12:00:00Z" in refused.json["detail"]
    assert states(services) == ["expired"]
    (entry,) = trace("sign-in-failed")
    assert entry.detail == {"how": "an expired key over the API"}


def test_a_second_active_key_of_a_name_is_refused_until_the_first_is_over(
    services: Services, clock: Clock
) -> None:
    create_key("shop", ["read"], services, expires_at=clock.now + DAY)
    with pytest.raises(ObdtrackError, match="Rotate it") as refused:
        create_key(" shop ", ["read"], services)
    assert refused.value.code is Code.CONFLICT
    clock.forward(days=1)
    create_key("shop", ["read"], services)
    revoke_key(keys.all_keys()[-1].id, services)
    create_key("shop", ["read"], services)
    assert states(services) == ["expired", "revoked", "active"]


def test_a_rotated_key_works_until_its_grace_is_over(services: Services, clock: Clock) -> None:
    old = create_key("shop", ["place", "read"], services, BOSS)
    new = rotate_key(keys.all_keys()[0].id, services, BOSS, grace=DAY)
    first, second = authenticate(old, services), authenticate(new, services)
    assert first is not None
    assert second is not None
    assert (first.owner_id, first.scopes) == (second.owner_id, second.scopes)
    assert states(services) == ["rotated", "active"]
    clock.forward(days=1)
    with pytest.raises(ObdtrackError, match="expired"):
        authenticate(old, services)
    assert authenticate(new, services)
    assert {key.made_by for key in keys.all_keys()} == {"the boss"}
    assert [row.actor for row in trace("key-rotated")] == ["the boss"]


def test_a_key_is_rotated_once_and_keeps_the_length_of_its_life(
    services: Services, clock: Clock
) -> None:
    create_key("shop", ["read"], services, expires_at=clock.now + 30 * DAY)
    first = keys.all_keys()[0].id
    clock.forward(days=29, hours=12)
    rotate_key(first, services, grace=DAY)
    old, new = keys.all_keys()
    assert old.expires_at == clock.now + timedelta(hours=12)  # no grace makes a life longer
    assert new.expires_at == clock.now + 30 * DAY
    with pytest.raises(ObdtrackError, match=str(new.id)):
        rotate_key(first, services, grace=DAY)
    revoke_key(new.id, services)
    with pytest.raises(ObdtrackError, match="no active key"):
        rotate_key(new.id, services, grace=DAY)


def test_a_key_is_not_made_to_have_ended_already(services: Services, clock: Clock) -> None:
    with pytest.raises(ObdtrackError, match="expired already"):
        create_key("shop", ["read"], services, expires_at=clock.now)


def test_refused_keys_are_noted_once_an_hour_for_each_address(
    services: Services, clock: Clock
) -> None:
    for address in ("203.0.113.7", "203.0.113.7", "2001:db8::1", "2001:db8::2"):
        record_failed_sign_in(address, "a wrong key", services)
    assert [row.subject for row in trace("sign-in-failed")] == ["2001:db8::/64", "203.0.113.7"]
    clock.forward(hours=1)
    record_failed_sign_in("203.0.113.7", "a wrong key", services)
    assert len(trace("sign-in-failed")) == 3


def test_however_many_addresses_try_the_audit_is_not_filled(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_FAILED_AN_HOUR", 3)
    for count in range(9):
        record_failed_sign_in(f"203.0.113.{count}", "a wrong key", services)
    subjects = [row.subject for row in trace("sign-in-failed")]
    assert subjects == ["other addresses", "203.0.113.2", "203.0.113.1", "203.0.113.0"]


def test_entries_are_found_by_who_what_and_when(services: Services, clock: Clock) -> None:
    create_key("one", ["read"], services, BOSS)
    clock.forward(days=1)
    create_key("two", ["read"], services)
    revoke_key(keys.all_keys()[0].id, services, BOSS)

    def found(**wanted: object) -> list[str]:
        return [row.action for row in audit.newest(9, wanted=AuditFilter(**wanted))]  # type: ignore[arg-type]

    assert found(actor="the boss") == ["key-revoked", "key-created"]
    assert found(actor="the boss", action="key-created") == ["key-created"]
    assert found(until=clock.now) == ["key-created"]
    assert found(since=clock.now, until=clock.now + DAY) == ["key-revoked", "key-created"]
    assert [len(batch) for batch in audit.in_batches(AuditFilter(), 2)] == [2, 1]
    assert models.Audit.select().count() == 3


def test_the_command_has_keys_end_and_rotates_them(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBDTRACK_DATABASE_URL", f"sqlite:///{sqlite_store.database}")
    monkeypatch.setenv("OBDTRACK_PROVIDER_TOKEN", "the-provider-token")

    def ran(*words: str) -> str:
        done = CliRunner().invoke(_group, ["keys", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            return str(done.exception)
        return done.output

    assert ran("create", "shop", "--days", "90").startswith("obd_")
    assert "Rotate it, or revoke it first" in ran("create", "shop")
    with sqlite_store.connection_context():
        (made,) = keys.all_keys()
    assert ran("rotate", "--hours", "1", str(made.id)).startswith("obd_")
    assert "rotated already" in ran("rotate", str(made.id))
    rows = json.loads(ran("list", "--json"))
    assert [row["state"] for row in rows] == ["rotated", "active"]
    assert all(row["expires_at"] for row in rows)
