"""Units that meet on PostgreSQL take locks in one order, and whoever is undone begins anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest

from obdtrack.calls import queries, writes
from obdtrack.calls.journal import open_journal
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.polling import check
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.statistics import counters
from obdtrack.store import bulk_sql, database_errors, models
from obdtrack.store.bulk_sql import fetch_any
from obdtrack.store.database import Store
from obdtrack.store.database_errors import AbortedError, repeated
from obdtrack.store.postgres import PostgresStore
from tests.conftest import Caller
from tests.end_to_end.conftest import until
from tests.factories import (
    NOON,
    NUMBER,
    PROVIDER,
    ScriptedProvider,
    accepted,
    call_log,
    call_request,
    log_row,
    raw_delivery,
)
from tests.store import stored


@pytest.fixture
def store(postgres_store: Store) -> Store:
    return postgres_store


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever is undone see it: nothing is done again."""
    monkeypatch.setattr(database_errors, "_PAUSES", ())


def placed(services: Services, provider: ScriptedProvider, mid: str = "m1") -> Any:
    provider.on_send = accepted(mid)
    return place_call(call_request(), None, services)


def report(services: Services, *changes: dict[str, Any]) -> None:
    batch = [InboundRequest(new_id(), NOON, raw_delivery(**one), PROVIDER) for one in changes]
    receive_deliveries(batch, services)


def somebody_waits(url: str) -> bool:
    with psycopg.connect(url) as looking:
        sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return looking.execute(sql).fetchone() is not None


@contextmanager
def locked(url: str, call_id: Any) -> Iterator[None]:
    """Another process has this call's row for the block."""
    with psycopg.connect(url) as other:
        other.execute("SELECT 1 FROM calls WHERE id = %s FOR UPDATE", (call_id.bytes,))
        yield


def poll_while_a_report_comes(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report has locked the names of the call when the poll begins to write."""
    placed(services, provider)
    services.now.forward(minutes=16)  # type: ignore[attr-defined]  # a test's clock
    provider.on_find = lambda **_: call_log(log_row(id="m1:1"))
    original, names_are_locked = queries.lock_reported_calls, threading.Event()

    def lock_rows(*names: Any) -> Any:
        if threading.current_thread().name == "report":
            names_are_locked.set()
            until(partial(somebody_waits, services.store.database))
        return original(*names)

    monkeypatch.setattr(queries, "lock_reported_calls", lock_rows)

    def receive() -> None:
        threading.current_thread().name = "report"
        report(services, {"mid": "m1"})

    def poll() -> None:
        names_are_locked.wait(20)
        check_due(services, 1, lambda _: None)

    stored.together(services.store, [receive, poll])


@pytest.mark.usefixtures("undone")
def test_a_poll_and_a_report_of_one_call_do_not_wait_for_each_other(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll_while_a_report_comes(services, provider, monkeypatch)
    reports = models.EventRow.select().where(models.EventRow.kind == "report")
    assert sorted(row.source for row in reports) == ["poll", "webhook"]


@pytest.mark.usefixtures("undone")
def test_a_poll_that_takes_the_row_before_the_names_would_be_noticed(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = PostgresStore.lock_names
    monkeypatch.setattr(check, "all_names", lambda *_: set())
    monkeypatch.setattr(PostgresStore, "lock_names", lambda self, names, **_: lock(self, names))
    with pytest.raises(ObdtrackError):
        poll_while_a_report_comes(services, provider, monkeypatch)


def is_second_free_while_first_is_waited_for(
    services: Services, provider: ScriptedProvider
) -> bool:
    """A batch names the younger call by its id and the older one by its submission's."""
    first, second = (placed(services, provider, mid) for mid in ("m1", "m2"))
    url = services.store.database
    named = {"mid": None, "call_id": "m2:1"}, {"mid": "m1"}
    batch = threading.Thread(target=lambda: report(services, *named))
    with locked(url, first):
        batch.start()
        until(partial(somebody_waits, url))
        with psycopg.connect(url) as looking:
            sql = "SELECT 1 FROM calls WHERE id = %s FOR UPDATE SKIP LOCKED"
            free = looking.execute(sql, (second.bytes,)).fetchone() is not None
    batch.join()
    return free


def test_a_batch_locks_its_calls_in_one_order_whatever_they_are_named_by(
    services: Services, provider: ScriptedProvider
) -> None:
    assert is_second_free_while_first_is_waited_for(services, provider)


def test_locking_by_id_first_and_by_submission_second_would_be_noticed(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_by_one(model: Any, columns: Any, wanted: Any, **how: Any) -> Any:
        return [row for one in wanted for row in fetch_any(model, columns, [one], **how)]

    monkeypatch.setattr(queries.bulk_sql, "fetch_any", one_by_one)
    assert not is_second_free_while_first_is_waited_for(services, provider)


def written_by_rebuild(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """What rebuilding three calls that somebody has spoilt writes, of calls and figures."""
    for mid in ("m1", "m2", "m3"):
        placed(services, provider, mid)
    with services.store.write():
        models.Call.update(status="busy").execute()
    written: list[str] = []

    def noted(original: Callable[..., None]) -> Callable[..., None]:
        def write(model: Any, *what: Any) -> None:
            if what[-1] and model in (models.Call, models.Statistic):
                written.append(model._meta.table_name)
            original(model, *what)

        return write

    for name in ("update", "add_up"):
        monkeypatch.setattr(bulk_sql, name, noted(getattr(bulk_sql, name)))
    assert len(rebuild(services, check=False).different) == 3
    return written


def test_a_unit_writes_its_figures_once_and_last(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = written_by_rebuild(services, provider, monkeypatch)
    assert written[:4] == ["calls", "calls", "calls", "statistics"]


def test_counting_each_call_as_it_changes_would_be_noticed(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = writes.save_states

    def save_and_count(states: Any) -> None:
        save(states)
        counters.count(one for row, state, *_ in states for one in writes.changes(row, state))

    monkeypatch.setattr(writes, "save_states", save_and_count)
    assert written_by_rebuild(services, provider, monkeypatch)[1] == "statistics"


def test_a_name_that_shows_up_late_is_not_waited_for(services: Services) -> None:
    def lock_late() -> None:
        with open_journal(services) as journal:
            journal.lock({"b"})
            journal.lock({"a", "b"})

    with services.store.write():
        services.store.lock_names({"a"})
        with pytest.raises(AbortedError):
            stored.elsewhere(services.store, lock_late)
    lock_late()


def meet(services: Services, calls: list[Any]) -> None:
    """Two units that take two rows in opposite order, each having one before it asks for both."""
    both_have_one = threading.Barrier(2)
    tries = threading.local()

    @repeated
    def lock(first: Any, second: Any) -> None:
        with open_journal(services) as journal:
            journal.call(first)
            if not hasattr(tries, "one"):
                tries.one = True
                both_have_one.wait(20)
            journal.call(second)

    works: list[Callable[[], None]] = [partial(lock, *calls), partial(lock, *reversed(calls))]
    stored.together(services.store, works)


def test_a_unit_that_was_undone_for_another_is_done_again(
    services: Services, provider: ScriptedProvider
) -> None:
    meet(services, [placed(services, provider, mid) for mid in ("m1", "m2")])


@pytest.mark.usefixtures("undone")
def test_doing_nothing_again_would_be_noticed(
    services: Services, provider: ScriptedProvider
) -> None:
    with pytest.raises(AbortedError):
        meet(services, [placed(services, provider, mid) for mid in ("m1", "m2")])


def is_a_hot_row_waited_for(services: Services, provider: ScriptedProvider) -> bool:
    """A thread has counted a call when another thread of this process comes to count one."""
    url, store = services.store.database, services.store
    change = (None, 0), None, ("submitting", "api", 0, None)
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    with store.write():
        store.take_hot_rows()
        counters.count([change])
        other = threading.Thread(target=lambda: placed(services, provider))
        other.start()
        with psycopg.connect(url, autocommit=True) as looking:
            until(lambda: somebody_waits(url) or looking.execute(idle).fetchone() == (2,))
            time.sleep(0.1)  # it may have been about to
            waits = somebody_waits(url)
        counters.count([change], times=-1)
    other.join()
    return waits


def test_of_a_process_that_stands_still_only_one_holds_what_all_lock(
    services: Services, provider: ScriptedProvider
) -> None:
    assert not is_a_hot_row_waited_for(services, provider)


def test_letting_each_thread_wait_in_the_database_would_be_noticed(
    services: Services, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresStore, "take_hot_rows", lambda _: None)
    monkeypatch.setattr(counters, "slot_of", lambda _: 0)
    assert is_a_hot_row_waited_for(services, provider)


def fail_over(services: Services) -> None:
    """The server we are connected to only reads from now on; who connects anew finds another."""
    services.store.execute_sql("SET default_transaction_read_only = on")
    services.store.close()


def codes_after_fail_over(caller: Caller, services: Services) -> list[int]:
    asked: list[Callable[[], Any]] = [
        caller.place,
        lambda: caller.place(reference="other"),
        caller.report,
    ]
    caller.get("/calls")  # notes the use of the key
    codes = []
    for ask in asked:
        services.store.connect(reuse_if_open=True)
        fail_over(services)
        codes.append(ask().status_code)
    return codes


def test_a_server_that_only_reads_since_its_fail_over_is_unavailable_until_another_takes_over(
    caller: Caller, services: Services
) -> None:
    assert codes_after_fail_over(caller, services) == [503, 503, 503]
    assert caller.report().status_code == 200
    assert caller.place(to=NUMBER[:-1] + "2").status_code == 201


def test_taking_it_for_a_fault_of_ours_would_be_noticed(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_errors, "_NOT_NOW", ())
    assert 500 in codes_after_fail_over(caller, services)
