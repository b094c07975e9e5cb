"""How a database is opened: with which promises, and readable by whom."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import peewee
import pytest

from obdtrack.errors import ConfigError
from obdtrack.store.database import Store, open_database
from obdtrack.store.postgres import PostgresStore
from obdtrack.store.sqlite import SqliteStore
from tests.factories import report
from tests.store import stored

FULL = 2


@pytest.fixture
def open_to_all() -> Iterator[None]:
    """A user whose new files everyone may read."""
    before = os.umask(0)
    yield
    os.umask(before)


def settings(store: Store) -> dict[str, object]:
    names = ("journal_mode", "synchronous", "foreign_keys")
    return {name: store.pragma(name) for name in names}


def modes(folder: Path) -> dict[str, str]:
    return {path.suffix: oct(path.stat().st_mode & 0o777) for path in folder.glob("private.db*")}


def test_the_url_says_which_kind_of_database_it_is(tmp_path: Path) -> None:
    assert isinstance(open_database(f"sqlite:///{tmp_path}/calls.db"), SqliteStore)
    assert isinstance(open_database("postgresql://localhost/calls"), PostgresStore)
    assert isinstance(open_database("postgres://localhost/calls"), PostgresStore)


def test_every_connection_to_sqlite_survives_a_power_cut_and_checks_references(
    sqlite_store: Store,
) -> None:
    promised = {"journal_mode": "wal", "synchronous": FULL, "foreign_keys": 1}
    for found in stored.together(sqlite_store, [lambda: settings(sqlite_store)] * 3):
        assert found == promised


def test_only_its_owner_can_read_a_new_database_and_the_files_beside_it(
    tmp_path: Path, open_to_all: None
) -> None:
    store = open_database(f"sqlite:///{tmp_path}/private.db")
    with store.write():
        store.execute_sql("CREATE TABLE anything (id INTEGER)")
    with store.connection_context():
        store.execute_sql("SELECT * FROM anything")
        kinds = [".db", ".db-wal", ".db-shm", ".lock"]
        assert modes(tmp_path) == dict.fromkeys(kinds, "0o600")
    store.close_all()


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/a/b/calls.db")
    assert (tmp_path / "a/b/calls.db").exists()


def test_a_database_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="OBDTRACK_DATABASE_URL"):
        open_database(f"sqlite:///{tmp_path}/file/calls.db")


def test_opening_an_existing_database_leaves_what_is_in_it(sqlite_store: Store) -> None:
    stored.call(sqlite_store)
    again = open_database(f"sqlite:///{sqlite_store.database}")
    assert stored.count(again) == 1
    again.close_all()


def test_opening_it_again_does_not_drop_the_locks_sqlite_has_on_it(sqlite_store: Store) -> None:
    path = sqlite_store.database
    look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM calls')"
    with sqlite_store.connection_context():
        stored.call(sqlite_store)
        open_database(f"sqlite:///{path}")
        subprocess.run([sys.executable, "-c", look, path], check=True)
        # The other process would have taken itself for the last one, and cleared the log away.
        assert Path(f"{path}-wal").exists()


def test_an_event_without_its_call_is_refused(each_store: Store) -> None:
    nobody = report().id
    with pytest.raises(peewee.IntegrityError):
        stored.events(each_store, nobody, report())
