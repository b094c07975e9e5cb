"""Moving to another database: everything arrives, and nothing is left to arrive where it was."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from obdtrack.calls.placing.recover import end_heartbeat, heartbeat
from obdtrack.calls.polling.check import refresh
from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.domain.progress import WorkDone, unwatched
from obdtrack.errors import ConfigError
from obdtrack.operations import move
from obdtrack.operations.move import copy_all, take_back, verify
from obdtrack.services import Services, new_id, utc_now
from obdtrack.store import connections, feed, models
from obdtrack.store.connections import asking, connected
from obdtrack.store.database import Store, bind_tables, open_database
from obdtrack.store.migrate import check_schema, migrate
from obdtrack.store.models import Table
from obdtrack.store.postgres import PostgresStore
from obdtrack.store.schema import TABLES
from tests.conftest import Caller
from tests.factories import NOON, ScriptedProvider, accepted, call_log, log_row


@pytest.fixture(params=["sqlite to postgres", "postgres to sqlite"])
def stores(
    request: pytest.FixtureRequest, sqlite_store: Store, postgres_store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Store, Store]:  # fmt: skip
    """The one to move away from, and an empty one of the other kind."""
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.1)
    pair = sqlite_store, postgres_store
    return pair if request.param.startswith("sqlite") else pair[::-1]


@pytest.fixture
def store(stores: tuple[Store, Store]) -> Iterator[Store]:
    """The one that a server works on; at the end it is used again."""
    bind_tables(stores[0])
    yield stores[0]
    take_back(stores[0])


@pytest.fixture
def source(store: Store) -> Iterator[Store]:
    """The same database as another process opens it."""
    url = store.database if isinstance(store, PostgresStore) else f"sqlite:///{store.database}"
    opened = open_database(url)
    bind_tables(store)
    yield opened
    opened.close_all()


@pytest.fixture
def target(stores: tuple[Store, Store]) -> Store:
    return stores[1]


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


def test_everything_arrives_and_computes_to_the_same(
    busy_history: None, source: Store, target: Store, services: Services
) -> None:
    copy_all(source, target, unwatched)
    assert verify(target, replace(services, store=target)) == (2, (), 0)
    with asking(target):
        assert {row.status for row in models.Call.select()} == {"completed"}


def test_the_feed_goes_on_where_it_was(source: Store, target: Store, services: Services) -> None:
    def happens(store: Store, count: int) -> list[UUID]:
        events = [FeedEvent(new_id(), EventType.OPT_OUT_ADDED, NOON, None) for _ in range(count)]
        with store.write():
            feed.append(events)
        return [event.id for event in events]

    before = happens(services.store, 3)
    copy_all(source, target, unwatched)
    with asking(target):
        place = feed.page(0, feed.settled(), 2)[-1].position  # as far as somebody had read
        after = happens(target, 1)
        assert [row.id for row in feed.page(place, feed.settled(), 9)] == [*before[2:], *after]
        models.FeedRow.delete().execute()


def test_each_table_is_one_bar_however_many_batches_it_takes(
    busy_history: None, source: Store, target: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "BATCH", 2)
    told: dict[str, WorkDone] = {}
    copy_all(source, target, lambda work: told.update({work.name: work}))
    assert list(told) == [table._meta.table_name for table in TABLES if table is not models.Lease]
    assert all(work.done == work.total for work in told.values())


def test_of_an_interrupted_move_nothing_is_left_and_it_can_be_begun_again(
    busy_history: None, source: Store, target: Store, caller: Caller, services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def stop(part: WorkDone) -> None:
        if part.name == "events" and part.done:
            raise KeyboardInterrupt

    monkeypatch.setattr(move, "BATCH", 2)
    with pytest.raises(KeyboardInterrupt):
        copy_all(source, target, stop)
    assert caller.report(call_duration="17").status_code == 200  # a call that was copied already
    copy_all(source, target, unwatched)
    assert verify(target, replace(services, store=target)).different == ()


def test_a_table_that_is_short_is_named_and_nothing_was_moved(
    busy_history: None, source: Store, target: Store, caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    copied = move._copy_table

    def all_but_deliveries(source: Store, target: Store, table: type[Table], told: Any) -> None:
        if table is not models.Delivery:
            copied(source, target, table, told)

    monkeypatch.setattr(move, "_copy_table", all_but_deliveries)
    with pytest.raises(ConfigError, match="deliveries: 3 rows, but 0 arrived"):
        copy_all(source, target, unwatched)
    with target.connection_context():
        assert move.count(target, models.Call) == 0
    assert caller.report(mid="later").status_code == 200


def test_a_database_that_holds_something_is_not_added_to(
    busy_history: None, source: Store, target: Store
) -> None:
    copy_all(source, target, unwatched)
    take_back(source)
    with pytest.raises(ConfigError, match="holds api_keys already"):
        copy_all(source, target, unwatched)


def test_while_a_process_works_on_it_nothing_is_moved(
    source: Store, target: Store, services: Services
) -> None:
    alive = replace(services, now=utc_now)
    heartbeat(alive)
    with pytest.raises(ConfigError, match="Stop it"):
        copy_all(source, target, unwatched)
    end_heartbeat(alive)
    copy_all(source, target, unwatched)


def move_under(caller: Caller, source: Store, target: Store) -> dict[str, list[int]]:
    """Move while a server that has just started takes reports and places calls.

    Returns what these got meanwhile and afterwards.
    """

    def ask(mid: str) -> list[int]:
        return [caller.report(mid=mid).status_code, caller.place().status_code]

    found: dict[str, list[int]] = {"meanwhile": [], "afterwards": []}
    with ThreadPoolExecutor(1) as server:

        def progress(part: WorkDone) -> None:
            if part.name in ("deliveries", "tasks") and part.done == part.total:
                found["meanwhile"] += server.submit(ask, part.name).result()

        copy_all(source, target, progress)
    found["afterwards"] += ask("after")
    return found


def count(store: Store) -> tuple[int, int]:
    with store.connection_context():
        return move.count(store, models.Call), move.count(store, models.Delivery)


def test_a_server_that_starts_meanwhile_acknowledges_nothing_that_does_not_arrive(
    busy_history: None, caller: Caller, provider: ScriptedProvider, source: Store, target: Store,
) -> None:  # fmt: skip
    dialled = len(provider.sent)
    codes = move_under(caller, source, target)
    assert set(codes["meanwhile"]) == set(codes["afterwards"]) == {503}
    assert len(provider.sent) == dialled
    assert count(source) == count(target)


def test_not_keeping_others_out_while_it_is_copied_would_be_noticed(
    busy_history: None, caller: Caller, source: Store, target: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    @contextmanager
    def unprotected() -> Iterator[None]:
        with connected(source), asking(source):
            yield

    monkeypatch.setattr(source, "write", unprotected)
    monkeypatch.setattr(move, "_keep_still", lambda _: None)
    with pytest.raises(ConfigError, match=r"rows, but \d arrived"):
        move_under(caller, source, target)
    monkeypatch.setattr(move, "_require_whole", lambda *_: None)
    assert 200 in move_under(caller, source, target)["meanwhile"]
    assert count(source) != count(target)


def test_not_marking_what_was_moved_would_be_noticed(
    busy_history: None, caller: Caller, source: Store, target: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(move, "mark_moved", lambda *_: None)
    assert move_under(caller, source, target)["afterwards"] == [200, 201]
    assert count(source) != count(target)


def test_who_starts_on_what_was_moved_is_told_where_it_is_and_the_way_back(
    busy_history: None, caller: Caller, source: Store, target: Store
) -> None:
    copy_all(source, target, unwatched)
    ready = caller.client.get("/readyz", headers=caller.headers)
    assert ready.status_code == 503
    with pytest.raises(ConfigError, match=r"was moved to .*copy-to --undo") as refusal:
        check_schema(source)
    assert target.title in str(refusal.value)
    with pytest.raises(ConfigError, match="was moved to"):
        migrate(source)
    take_back(source)
    check_schema(source)
    assert caller.report(mid="again").status_code == 200
