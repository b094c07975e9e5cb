"""The one way to write: whole or not at all, one after another, and never waiting for ever."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from uuid import UUID

import peewee
import psycopg
import pytest

from obdtrack.calls import queries
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store import bulk_sql, models, write_lock
from obdtrack.store.database import Store, open_database
from obdtrack.store.postgres import PostgresStore
from tests.store import background, stored


class BrokenError(Exception):
    """What goes wrong in these tests."""


@contextmanager
def unavailable() -> Iterator[None]:
    """The block ends with the error that says: try again soon."""
    with pytest.raises(ObdtrackError) as caught:
        yield
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after


def call_and_break(store: Store) -> None:
    """Store a call, and raise before the block ends."""
    with store.write():
        stored.call(store)
        raise BrokenError


def add_one(store: Store, call_id: UUID) -> None:
    """Read, then write what was read and one more."""
    with store.write():
        queries.lock_calls([call_id])  # where rows can be locked, this one is now
        row = models.Call.get_by_id(call_id)
        change = models.Call.update(attempt_count=row.attempt_count + 1)
        change.where(models.Call.id == call_id).execute()


def counted(store: Store) -> dict[str, int]:
    """Return what counters and campaigns' names have, as somebody else sees them."""
    with store.connection_context():
        counters = {row.name: row.value for row in models.Counter.select()}
        return counters | {row.name: row.slot for row in models.CampaignName.select()}


# Whole or not at all


def test_what_is_sent_together_is_there_as_if_each_had_been_sent_by_itself(
    each_store: Store,
) -> None:
    add, name = (models.Counter, ("name",), ("value",)), (models.CampaignName, ("name", "slot"))
    with each_store.write(first=True):
        bulk_sql.add_up(*add, [("a", 1), ("b", 2)])
        bulk_sql.insert(*name, [("diwali", 5)])
        bulk_sql.add_up(*add, [("a", 3)])  # sees what the first made
        assert bulk_sql.fetch(models.Counter, ("value",), "name", ["a"], order="name") == [[4]]
        bulk_sql.delete(models.Counter, (), "name", (), ["b"])
        bulk_sql.update(models.CampaignName, ("slot",), ("name",), [(6, "diwali")])
    assert counted(each_store) == {"a": 4, "diwali": 6}


def test_nothing_of_what_is_to_be_sent_together_is_there_if_the_block_breaks(
    each_store: Store,
) -> None:
    with suppress(BrokenError), each_store.write(first=True):
        bulk_sql.insert(models.Counter, ("name", "value"), [("a", 1)])
        raise BrokenError
    with each_store.connection_context():
        bulk_sql.insert(models.Counter, ("name", "value"), [("b", 1)])
    assert counted(each_store) == {"b": 1}


def test_an_error_in_what_was_sent_together_undoes_it_all(each_store: Store) -> None:
    def twice() -> None:
        with each_store.write(first=True):
            bulk_sql.insert(models.CampaignName, ("name", "slot"), [("diwali", 5)])
            bulk_sql.insert(models.Counter, ("name", "value"), [("a", 1), ("a", 2)])

    with pytest.raises(peewee.IntegrityError):
        twice()
    assert counted(each_store) == {}


def test_what_was_written_is_there_for_everybody_when_the_block_ends(each_store: Store) -> None:
    stored.call(each_store)
    assert stored.count(each_store) == 1


def test_nobody_sees_what_is_not_yet_committed(each_store: Store) -> None:
    with each_store.write():
        stored.call(each_store)
        assert stored.count(each_store) == 0


def test_a_block_that_raises_leaves_nothing(each_store: Store) -> None:
    with pytest.raises(BrokenError):
        call_and_break(each_store)
    assert stored.count(each_store) == 0


def test_a_block_inside_a_block_that_raises_is_undone_alone(each_store: Store) -> None:
    with each_store.write():
        kept = stored.call(each_store)
        with pytest.raises(BrokenError):
            call_and_break(each_store)
    assert [row.id for row in models.Call.select()] == [kept]


def test_a_block_inside_a_block_goes_when_the_outer_one_raises(each_store: Store) -> None:
    with pytest.raises(BrokenError):
        call_and_break(each_store)  # it has a block of its own for the call
    assert stored.count(each_store) == 0


def test_after_a_block_that_raised_the_next_one_is_as_good_as_ever(each_store: Store) -> None:
    with pytest.raises(BrokenError), each_store.write():
        raise BrokenError
    stored.call(each_store)
    assert stored.count(each_store) == 1


# Connections


def test_a_connection_taken_for_a_write_goes_back(each_store: Store) -> None:
    each_store.close()
    with each_store.write():
        assert not each_store.is_closed()
    assert each_store.is_closed()


def test_a_connection_goes_back_even_if_the_block_raised(each_store: Store) -> None:
    each_store.close()
    with pytest.raises(BrokenError), each_store.write():
        raise BrokenError
    assert each_store.is_closed()


def test_a_connection_that_was_there_before_stays(each_store: Store) -> None:
    with each_store.connection_context():
        with each_store.write():
            pass
        assert not each_store.is_closed()


def test_many_threads_that_write_one_after_another_share_a_connection(
    postgres_url: str, postgres_store: Store
) -> None:
    narrow = PostgresStore(postgres_url, max_connections=1, timeout=5, prefer_psycopg3=True)
    for _ in range(5):
        stored.elsewhere(narrow, lambda: narrow.execute_sql("SELECT 1"))
    narrow.close_all()


# One after another


def test_of_many_writers_that_read_first_none_loses_anothers_work(each_store: Store) -> None:
    call_id = stored.call(each_store)

    def add_many() -> None:
        for _ in range(50):
            add_one(each_store, call_id)

    stored.together(each_store, [add_many] * 8)
    assert models.Call.get_by_id(call_id).attempt_count == 400


def test_a_writer_waits_for_the_one_before_it(each_store: Store) -> None:
    call_id = stored.call(each_store)
    holding, other_is_done = Event(), Event()

    def slow() -> None:
        with each_store.write():
            queries.lock_calls([call_id])
            holding.set()
            assert not other_is_done.wait(0.1)

    def quick() -> None:
        holding.wait()
        add_one(each_store, call_id)
        other_is_done.set()

    stored.together(each_store, [slow, quick])
    assert other_is_done.is_set()


def test_who_goes_first_waits_for_no_line(sqlite_store: Store) -> None:
    written: list[str] = []

    def write(name: str, *, first: bool = False) -> None:
        with sqlite_store.write(first=first):
            written.append(name)
            time.sleep(0.02)

    with sqlite_store.write():
        line = [background.begin(write, f"in line {place}") for place in range(20)]
    report = background.begin(lambda: write("report", first=True))
    for begun in (*line, report):
        begun.result(background.PATIENCE)
    assert "report" in written[:10]


def test_readers_do_not_wait_for_a_writer(each_store: Store) -> None:
    call_id = stored.call(each_store)
    with each_store.write():
        add_one(each_store, call_id)
        found = stored.elsewhere(each_store, lambda: queries.find(str(call_id)))
    assert found is not None
    assert found.attempt_count == 0


# Never for ever


def test_a_thread_whose_turn_does_not_come_is_told_to_try_again(impatient: Store) -> None:
    call_id = stored.call(impatient)
    with impatient.write():
        queries.lock_calls([call_id])
        with unavailable():
            stored.elsewhere(impatient, lambda: add_one(impatient, call_id))


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
def test_while_another_process_writes_the_turn_does_not_come(impatient: Store) -> None:
    # A lock belongs to the file as it was opened, so a second opening is like a second process.
    with Path(f"{impatient.database}.lock").open("w") as other_process:
        fcntl.flock(other_process, fcntl.LOCK_EX)
        with unavailable():
            stored.call(impatient)
    stored.call(impatient)


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
def test_a_program_that_locks_the_database_in_its_own_way_is_waited_for_no_longer(
    impatient: Store,
) -> None:
    shell = sqlite3.connect(impatient.database, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with unavailable():
        stored.call(impatient)
    shell.close()
    stored.call(impatient)


@pytest.mark.parametrize("each_store", ["postgres"], indirect=True)
def test_a_row_that_another_process_locked_is_waited_for_no_longer(impatient: Store) -> None:
    call_id = stored.call(impatient)
    with psycopg.connect(impatient.database) as other_process:
        other_process.execute("SELECT * FROM calls FOR UPDATE")
        with unavailable():
            add_one(impatient, call_id)
    add_one(impatient, call_id)


@pytest.mark.parametrize("each_store", ["postgres"], indirect=True)
def test_names_that_another_process_locked_are_waited_for_no_longer(impatient: Store) -> None:
    def lock() -> None:
        with impatient.write():
            impatient.lock_names({"a:1", "a"})

    with impatient.write():
        impatient.lock_names({"a"})
        with unavailable():
            stored.elsewhere(impatient, lock)
    lock()


def test_with_every_connection_taken_a_writer_is_told_to_try_again(
    postgres_url: str, postgres_store: Store
) -> None:
    narrow = PostgresStore(postgres_url, max_connections=1, timeout=0.1, prefer_psycopg3=True)
    with narrow.connection_context():

        def write() -> None:
            with narrow.write():
                pass

        with unavailable():
            stored.elsewhere(postgres_store, write)
    narrow.close_all()


def test_a_server_that_is_not_there_is_no_surprise() -> None:
    store = open_database("postgresql://127.0.0.1:9/nothing")
    with unavailable(), store.write():
        pass


def test_a_lock_file_that_cannot_be_opened_is_no_surprise(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_lock.os, "open", refuse)
    with unavailable():
        stored.call(sqlite_store)


def test_what_cannot_be_used_is_told_without_a_word_of_the_inside() -> None:
    store = open_database("postgresql://somebody:hush@127.0.0.1:9/nothing")
    with pytest.raises(ObdtrackError) as caught, store.write():
        pass
    assert "hush" not in caught.value.message
    assert "somebody" not in caught.value.message
