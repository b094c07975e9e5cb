"""A database file that is replaced or deleted under the server takes no report into nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import peewee
import pytest

from obdtrack.operations.backup import back_up
from obdtrack.services import Services
from obdtrack.store import sqlite
from obdtrack.store.database import Store, open_database
from obdtrack.store.encryption import Encryption
from obdtrack.store.migrate import check_schema
from obdtrack.store.sqlite import SqliteStore
from obdtrack.web.http import probes
from tests import factories
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """PostgreSQL's files are nobody's to replace."""
    return sqlite_store


@pytest.fixture
def services(store: Store, provider: ScriptedProvider, clock: Clock) -> Services:
    """The parts of the product; nothing is compared at the end, for want of a database."""
    settings = factories.settings()
    return Services(settings, store, provider, Encryption(settings.secret_key), clock)


@pytest.fixture
def path(store: Store) -> Path:
    return Path(store.title)


@pytest.fixture(autouse=True)
def _all_is_looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "READY_SECONDS", 0)
    monkeypatch.setattr(sqlite, "SURE_SECONDS", 0)


def restore_a_backup(path: Path) -> None:
    (path.parent / "copy.db").replace(path)


FAULTS: dict[str, Callable[[Path], object]] = {
    "a backup was put in its place": restore_a_backup,
    "the file was deleted": Path.unlink,
    "its log was deleted": lambda path: path.with_name(f"{path.name}-wal").unlink(),
}


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest, store: Store, path: Path) -> Callable[[], object]:
    """Something that is done to the files of a server that has a backup."""
    back_up(store, path.parent / "copy.db")
    store.connect()  # as one that serves has
    store.close()
    return lambda: FAULTS[request.param](path)


def codes(caller: Caller) -> dict[str, int]:
    """Return what each way in answers."""
    return {
        "report": caller.report(mid="later").status_code,
        "call": caller.place().status_code,
        "look-up": caller.get("/calls").status_code,
        "readiness": caller.client.get("/readyz").status_code,
    }


def test_nothing_is_acknowledged_that_goes_into_a_file_without_a_name(
    caller: Caller, provider: ScriptedProvider, fault: Callable[[], object]
) -> None:
    dialled = len(provider.sent)
    fault()
    assert set(codes(caller).values()) == {503}
    assert len(provider.sent) == dialled
    assert caller.client.get("/livez").status_code == 200


def test_acknowledging_into_nothing_would_be_noticed(
    caller: Caller, fault: Callable[[], object], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteStore, "_require_in_place", lambda _: None)
    fault()
    assert codes(caller) == {"report": 200, "call": 201, "look-up": 200, "readiness": 200}


def test_replaced_while_a_report_is_written_it_is_not_acknowledged(
    caller: Caller, store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(store, path.parent / "copy.db")
    lock_names = SqliteStore.lock_names

    def replaced(self: SqliteStore, names: set[str], **how: bool) -> None:
        restore_a_backup(path)
        lock_names(self, names, **how)

    monkeypatch.setattr(SqliteStore, "lock_names", replaced)
    assert caller.report().status_code == 503


def test_readiness_says_what_happened_and_all_goes_on_once_it_is_put_right(
    caller: Caller, path: Path
) -> None:
    caller.place()
    aside = path.with_name("aside.db")
    path.rename(aside)
    ready = caller.client.get("/readyz", headers=caller.headers)
    assert ready.json["checks"]["database"] == "unavailable"
    aside.rename(path)
    assert codes(caller) == {"report": 200, "call": 201, "look-up": 200, "readiness": 200}
    with closing(sqlite3.connect(path)) as kept:
        assert kept.execute("SELECT count(*) FROM calls").fetchone() == (2,)


def test_the_log_comes_and_goes_with_the_connections_and_that_is_no_fault(
    caller: Caller, store: Store, path: Path
) -> None:
    caller.place()
    store.close_all()  # the last to close removes the log
    assert not path.with_name(f"{path.name}-wal").exists()
    assert caller.report().status_code == 200
    store.close_all()
    shutil.copy(path, path.with_name("other.db"))
    path.with_name("other.db").replace(path)  # while nobody has it open
    assert caller.report().status_code == 200


@pytest.fixture
def replaced(caller: Caller, store: Store, path: Path) -> Store:
    """A store on a restored backup, beside which the log of the earlier file was left."""
    backup = path.parent / "copy.db"
    back_up(store, backup)
    with closing(sqlite3.connect(backup)) as other:  # what makes its pages others
        other.execute("CREATE TABLE more AS SELECT randomblob(20000) AS page, * FROM sqlite_master")
        other.commit()
    for count in range(9):
        caller.report(mid=f"m{count}")
    restore_a_backup(path)
    return open_database(f"sqlite:///{path}")


def is_whole(path: Path) -> bool:
    found: list[tuple[str]] = []
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as restored:
        found = restored.execute("PRAGMA integrity_check").fetchall()
    return found == [("ok",)]


def test_who_starts_on_a_backup_beside_the_log_of_another_file_is_told_and_harms_nothing(
    replaced: Store, path: Path
) -> None:
    with pytest.raises(peewee.OperationalError, match="is the log of another database"):
        replaced.connect()
    for suffix in ("-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink()
    with replaced.connection_context():
        check_schema(replaced)
    replaced.close_all()
    assert is_whole(path)


def test_taking_the_log_of_another_file_for_its_own_would_be_noticed(
    replaced: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteStore, "_require_own_log", lambda _: None)
    with suppress(peewee.DatabaseError), replaced.connection_context():
        check_schema(replaced)
    assert not is_whole(path)
