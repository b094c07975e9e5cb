"""`/livez` and `/readyz`: cheap, public, and silent about numbers towards strangers."""

from __future__ import annotations

import peewee
import pytest

from obdtrack.errors import ConfigError
from obdtrack.storage import coordination
from obdtrack.web import watch
from obdtrack.workflows.context import Context
from obdtrack.workflows.prove_writable import LEASE
from tests.conftest import Caller
from tests.operations.conftest import Account


@pytest.fixture
def client(app):
    return app.test_client()


def test_a_live_process_says_so_without_a_database(client, context: Context, monkeypatch):
    monkeypatch.setattr(context.store, "execute_sql", lambda *_: 1 / 0)
    assert client.get("/livez").json == {"status": "ok"}


def test_strangers_learn_that_it_is_ready_and_nothing_else(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}}


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic eDp5", "\x01"])
def test_a_wrong_key_makes_nobody_less_of_a_stranger(client, header: str):
    answer = client.get("/readyz", headers={"Authorization": header})
    assert answer.status_code == 200
    assert "details" not in answer.json


def test_key_holders_learn_what_waits(account: Account, reader: Caller):
    account.report(account.place())
    account.clock.forward(minutes=3)
    account.place()
    details = reader.client.get("/readyz", headers=reader.headers).json["details"]
    assert details["last_report_age_seconds"] == 180
    assert details["calls"]["queued"] == {"length": 1, "oldest_age_seconds": 0}
    assert details["checks_due"]["length"] == details["repaired_by_polling"] == 0


def test_readiness_is_proved_by_writing(client, context: Context):
    client.get("/readyz")
    assert coordination.lease_end(LEASE) == context.now()


def test_it_is_asked_once_a_second_at_most(client, context: Context, monkeypatch):
    asked = []
    monkeypatch.setitem(watch._CHECKS, "database", asked.append)
    for _ in range(20):
        client.get("/readyz")
    assert len(asked) == 1


BROKEN = {
    "database": peewee.OperationalError("disk I/O error on /secret/path"),
    "migrations": ConfigError("The database is older. Run: python -m obdtrack migrate"),
}


@pytest.mark.parametrize(("name", "error"), BROKEN.items(), ids=BROKEN.keys())
def test_what_is_missing_is_named_and_the_reason_only_to_key_holders(
    reader: Caller, monkeypatch, name: str, error: Exception
):
    def broken(_: Context) -> None:
        raise error

    monkeypatch.setitem(watch._CHECKS, name, broken)
    answer = reader.client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (503, "unavailable")
    assert answer.json["checks"][name] == "unavailable"
    assert "secret" not in answer.text
    assert "migrate" not in answer.text
    known = reader.client.get("/readyz", headers=reader.headers)
    assert name in known.json["details"]["complaints"]


def test_with_a_database_that_is_gone_a_key_holder_is_answered_too(
    reader: Caller, context: Context, monkeypatch
):
    def gone(*_, **__):
        raise peewee.OperationalError("gone")

    monkeypatch.setattr(context.store, "execute_sql", gone)
    answer = reader.client.get("/readyz", headers=reader.headers)
    assert answer.status_code == 503
    assert answer.json["checks"]["database"] == "unavailable"
