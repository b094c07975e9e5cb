"""What is erased is in no byte of the files either, on both databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from flask import Flask

from obdtrack.access.audit import operator
from obdtrack.calls import opt_outs
from obdtrack.privacy import erasure
from obdtrack.privacy.erasure import erase
from obdtrack.services import Services
from tests.conftest import Caller
from tests.factories import NOON, NUMBER, ScriptedProvider
from tests.privacy.told import (
    DIGITS,
    OTHER,
    everything,
    files_of,
    leave_no_files,
    on_sqlite,
    tell_everything,
    with_scopes,
)


@on_sqlite
def test_without_clearing_the_files_old_bytes_would_be_left(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: replaced rows alone are not enough, so the first test here can fail."""
    caller.place()
    monkeypatch.setattr(erasure, "vacuum", lambda *_: True)
    erase(NUMBER, operator(), services)
    assert DIGITS.encode() in everything(services.store)


@pytest.mark.parametrize("each_store", ["postgres"], indirect=True)
def test_its_digits_are_in_no_file_of_a_postgresql_table(
    app: Flask, services: Services, provider: ScriptedProvider
) -> None:
    leave_no_files(services.store)
    caller = with_scopes(app, services, "read", "place")
    tell_everything(caller, services, provider)
    services.store.execute_sql("ANALYZE")
    before = {name for name, data in files_of(services.store).items() if DIGITS.encode() in data}
    assert before >= {"calls", "calls_to_number_id", "pg_statistic"}
    assert any(name.startswith("deliveries_") for name in before)  # whichever partition it was
    # The server takes its samples when it likes, of any of its databases, and is waited for.
    assert any(erase(NUMBER, operator(), services).cleared for _ in range(5))
    after = {name for name, data in files_of(services.store).items() if DIGITS.encode() in data}
    assert after == set()


@pytest.mark.parametrize("each_store", ["postgres"], indirect=True)
def test_nor_in_the_samples_of_a_table_that_is_empty_by_now(services: Services) -> None:
    store = services.store
    leave_no_files(store)
    with store.write():
        opt_outs.note_all([NUMBER, OTHER], NOON, services)  # of one row there is no sample
    store.execute_sql("ANALYZE")
    with store.write():
        opt_outs.remove([NUMBER, OTHER])
    store.execute_sql("ANALYZE")
    assert DIGITS.encode() in files_of(store)["pg_statistic"]
    assert any(erase(NUMBER, operator(), services).cleared for _ in range(5))
    assert DIGITS.encode() not in files_of(store)["pg_statistic"]


@on_sqlite
def test_somebody_who_keeps_reading_is_told_of(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obdtrack.store.vacuum._PAUSE_SECONDS", 0.0)
    services.store.close_all()
    services.store.timeout = 0.05
    reader = sqlite3.connect(Path(services.store.database))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM calls").fetchall()
    assert erase(NUMBER, operator(), services).cleared is False
    reader.close()
    assert erase(NUMBER, operator(), services).cleared is True


@pytest.mark.parametrize("each_store", ["postgres"], indirect=True)
def test_so_is_somebody_who_only_reads_other_tables_of_postgresql(
    services: Services, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obdtrack.store.vacuum._PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("obdtrack.store.vacuum._LOCK_TIMEOUT", "50ms")
    with psycopg.connect(postgres_url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT count(*) FROM counters")
        assert erase(NUMBER, operator(), services).cleared is False
    assert erase(NUMBER, operator(), services).cleared is True


@pytest.mark.parametrize("each_store", ["postgres"], indirect=True)
def test_and_somebody_who_writes_to_another_database_of_the_server(
    services: Services, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obdtrack.store.vacuum._PAUSE_SECONDS", 0.0)
    other = urlunsplit(urlsplit(postgres_url)._replace(path="/template1"))
    with psycopg.connect(other) as writer:
        writer.execute("SELECT pg_current_xact_id()")
        assert erase(NUMBER, operator(), services).cleared is False
    assert erase(NUMBER, operator(), services).cleared is True
