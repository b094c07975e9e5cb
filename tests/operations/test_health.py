"""`/livez` and `/readyz`: cheap, public, and silent about numbers towards strangers."""

from __future__ import annotations

import peewee
import pytest

from obdtrack.errors import ConfigError
from obdtrack.operations.probe import LEASE
from obdtrack.services import Services
from obdtrack.store import leases
from obdtrack.web.http import probes
from tests.conftest import Caller
from tests.operations.conftest import Account

CHECKS = {"database": "ok", "migrations": "ok", "reports": "ok"}


@pytest.fixture
def client(app):
    return app.test_client()


def test_a_live_process_says_so_without_a_database(client, services: Services, monkeypatch):
    monkeypatch.setattr(services.store, "execute_sql", lambda *_: 1 / 0)
    assert client.get("/livez").json == {"status": "ok"}


def test_strangers_learn_that_it_is_ready_and_nothing_else(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json == {"status": "ok", "checks": CHECKS}


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic eDp5", "\x01"])
def test_a_wrong_key_makes_nobody_less_of_a_stranger(client, header: str):
    response = client.get("/readyz", headers={"Authorization": header})
    assert response.status_code == 200
    assert "details" not in response.json


def test_key_holders_learn_what_waits(account: Account, reader: Caller):
    account.report(account.place())
    account.clock.forward(minutes=3)
    account.place()
    details = reader.client.get("/readyz", headers=reader.headers).json["details"]
    assert details["last_report_age_seconds"] == 180
    assert details["calls"]["queued"] == {"length": 1, "oldest_age_seconds": 0}
    assert details["checks_due"]["length"] == details["repaired_by_polling"] == 0


def test_readiness_is_proved_by_writing(client, services: Services):
    client.get("/readyz")
    assert leases.lease_end(LEASE) == services.now()


def test_it_is_asked_once_a_second_at_most(client, services: Services, monkeypatch):
    asked = []
    monkeypatch.setitem(probes._CHECKS, "database", asked.append)
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
    def broken(_: Services) -> None:
        raise error

    monkeypatch.setitem(probes._CHECKS, name, broken)
    response = reader.client.get("/readyz")
    assert (response.status_code, response.json["status"]) == (503, "unavailable")
    assert response.json["checks"][name] == "unavailable"
    assert "secret" not in response.text
    assert "migrate" not in response.text
    known = reader.client.get("/readyz", headers=reader.headers)
    assert name in known.json["details"]["complaints"]


def test_with_a_database_that_is_gone_a_key_holder_is_answered_too(
    reader: Caller, services: Services, monkeypatch
):
    def gone(*_, **__):
        raise peewee.OperationalError("gone")

    monkeypatch.setattr(services.store, "execute_sql", gone)
    response = reader.client.get("/readyz", headers=reader.headers)
    assert response.status_code == 503
    assert response.json["checks"]["database"] == "unavailable"
