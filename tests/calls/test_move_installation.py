"""Moving from SQLite to PostgreSQL: everything arrives, also after an interruption."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest

from obdtrack.calls.placing.recover import end_heartbeat, heartbeat
from obdtrack.calls.polling.check import refresh
from obdtrack.cli.copy_to import make_bars, show
from obdtrack.errors import ConfigError
from obdtrack.operations import move
from obdtrack.operations.move import CopiedPart, copy_all, require_quiet, verify
from obdtrack.services import Services, utc_now
from obdtrack.store import models
from obdtrack.store.database import Store, asking, bind_tables
from obdtrack.store.schema import TABLES
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted, call_log, log_row


@pytest.fixture
def store(sqlite_store: Store, postgres_store: Store) -> Store:
    """The one to move away from; the other is empty."""
    bind_tables(sqlite_store)
    return sqlite_store


@pytest.fixture
def busy_history(caller: Caller, services: Services, provider: ScriptedProvider) -> None:
    """Some calls, reports and answers of all kinds."""
    caller.place(metadata={"note": "✓"}, variables={"otp": "1"})
    caller.report()
    caller.report(mid="nobody")
    caller.deliver(b"\xff\x00 what?")
    provider.on_send = accepted(mid="m2")
    call = caller.place(interval=5).json
    provider.on_find = lambda **_: call_log(log_row(id="m2:1"))
    refresh(models.Call.get_by_id(UUID(call["id"])), services)


def no_progress(_: CopiedPart) -> None:
    pass


def test_everything_arrives_and_computes_to_the_same(
    busy_history: None, store: Store, postgres_store: Store, services: Services
) -> None:
    copy_all(store, postgres_store, no_progress)
    moved = replace(services, store=postgres_store)
    assert verify(store, postgres_store, moved) == (2, (), 0)
    with asking(postgres_store):
        assert {row.status for row in models.Call.select()} == {"completed"}


def test_each_table_is_one_bar_however_many_batches_it_takes(
    busy_history: None, store: Store, postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "BATCH", 2)
    bars = make_bars()
    copy_all(store, postgres_store, partial(show, bars))
    moved = [table._meta.table_name for table in TABLES if table is not models.Lease]
    assert [task.description for task in bars.tasks] == moved
    assert all(task.completed == task.total for task in bars.tasks)


def test_an_interrupted_move_goes_on_where_it_stopped(
    busy_history: None,
    store: Store,
    postgres_store: Store,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(part: CopiedPart) -> None:
        if part.name == "events" and part.copied:
            raise KeyboardInterrupt

    monkeypatch.setattr(move, "BATCH", 2)
    with pytest.raises(KeyboardInterrupt):
        copy_all(store, postgres_store, stop)
    copy_all(store, postgres_store, no_progress)
    assert verify(store, postgres_store, replace(services, store=postgres_store)).different == ()


def test_a_table_that_is_short_is_named(
    busy_history: None, store: Store, postgres_store: Store, services: Services
) -> None:
    copy_all(store, postgres_store, no_progress)
    postgres_store.execute_sql("DELETE FROM deliveries")
    with pytest.raises(ConfigError, match="deliveries"):
        verify(store, postgres_store, replace(services, store=postgres_store))


def test_while_a_process_works_on_it_nothing_is_moved(
    store: Store, services: Services, clock: Clock
) -> None:
    alive = replace(services, now=utc_now)
    heartbeat(alive)
    with pytest.raises(ConfigError, match="Stop it"):
        require_quiet(store)
    end_heartbeat(alive)
    require_quiet(store)
