"""What a report needs is looked at itself: the columns, the storing, the length of the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from obdtrack.errors import ConfigError
from obdtrack.operations.doctor import machine
from obdtrack.operations.doctor.result import CheckedInstallation, Level
from obdtrack.operations.probe import prove_reportable
from obdtrack.services import Services
from obdtrack.store import migrate, models
from obdtrack.store.database import Store
from obdtrack.store.migrate import check_schema
from obdtrack.store.schema import TABLES
from obdtrack.store.sqlite import SqliteStore
from obdtrack.web.http import probes
from tests.conftest import Caller
from tests.factories import settings
from tests.operations.test_metrics import Scrape


@pytest.fixture
def subject(services: Services) -> CheckedInstallation:
    address = services.store.title if isinstance(services.store, SqliteStore) else ""
    url = f"sqlite:///{address}" if address else "postgresql://somewhere/calls"
    return CheckedInstallation(settings(database_url=url), services)


def run(store: Store, statement: str) -> None:
    with store.connection_context():
        store.execute_sql(statement)


@pytest.fixture
def lacking(caller: Caller, store: Store) -> Iterator[str]:
    """A column that some migration is said to have made, and that is not there."""
    run(store, "ALTER TABLE events RENAME COLUMN times_seen TO times_told")
    yield "events.times_seen"
    run(store, "ALTER TABLE events RENAME COLUMN times_told TO times_seen")


@pytest.fixture
def refused(services: Services, store: Store) -> Iterator[None]:
    """Tables with every column, which take a call and no report about it."""
    run(store, "CREATE UNIQUE INDEX one_event ON events (call_id)")
    yield
    run(store, "DROP INDEX one_event")


def test_a_schema_that_lacks_a_column_is_refused_by_all_who_look(
    lacking: str, caller: Caller, store: Store, subject: CheckedInstallation
) -> None:
    with store.connection_context(), pytest.raises(ConfigError, match=lacking):
        check_schema(store)
    assert machine.check_migrations(subject).level is Level.PROBLEM
    ready = caller.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["checks"]["migrations"] == "unavailable"


def test_a_schema_that_takes_no_report_is_noticed_whatever_its_columns(
    refused: None, caller: Caller, subject: CheckedInstallation
) -> None:
    found = machine.check_migrations(subject)
    assert found.level is Level.PROBLEM
    assert "a report cannot be stored" in found.text
    assert caller.client.get("/readyz").json["checks"] == {
        "database": "ok", "migrations": "ok", "reports": "unavailable",
    }  # fmt: skip


def test_believing_the_names_of_migrations_would_be_noticed(
    lacking: str, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_lacking", lambda _: [])
    monkeypatch.setattr(probes, "prove_reportable", lambda _: None)
    assert caller.client.get("/readyz").status_code == 200
    assert caller.place().status_code in (500, 503)


def test_trying_leaves_nothing_behind_and_tells_nobody(
    services: Services, caller: Caller, store: Store
) -> None:
    caller.place(name="otp")

    def rows() -> dict[str, list[tuple[object, ...]]]:
        kept = [table for table in TABLES if table is not models.Lease]
        return {table._meta.table_name: sorted(table.select().tuples(), key=repr) for table in kept}

    before = rows()
    prove_reportable(services)
    assert rows() == before


def test_readiness_tries_a_report_once_a_minute_unless_it_failed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fail_first(_: Services) -> None:
        tried.append(1)
        if len(tried) == 1:
            raise ConfigError("no")

    monkeypatch.setattr(probes, "prove_reportable", fail_first)
    watch = probes.Watch(services)
    assert [watch._ready()["reports"] for _ in range(9)] == ["no", *[None] * 8]
    assert len(tried) == 2


def test_a_reader_that_lets_the_log_grow_is_a_figure_and_a_line(
    sqlite_store: Store, caller: Caller, reader: Caller, subject: CheckedInstallation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if not isinstance(subject.with_database().store, SqliteStore):
        assert Scrape(reader).told("sqlite_log_bytes") is None
        return
    monkeypatch.setattr(machine, "LONG_LOG_BYTES", 2**18)
    with closing(sqlite3.connect(sqlite_store.title)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM calls").fetchone()
        for _ in range(10):
            caller.deliver(b"x" * 60_000)
        found = machine.check_sqlite(subject)
        assert found.level is Level.WARNING
        assert "another program keeps a reading transaction open" in found.text
        assert (Scrape(reader).told("sqlite_log_bytes") or 0) > 2**18
    assert "reading transaction" not in machine.check_sqlite(subject).text
