"""`backup`: made while reports come in, whole, private, never over another file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from obdtrack.cli import backup as command
from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.operations import backup
from obdtrack.operations.backup import BACKED_UP, back_up
from obdtrack.services import utc_now
from obdtrack.store import models
from obdtrack.store.columns import to_microseconds
from obdtrack.store.database import Store, open_database
from obdtrack.store.sqlite import SqliteStore
from tests.end_to_end.conftest import COMMAND, ROOT, Installation
from tests.factories import report_body

THREADS = 8


def rows(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


class Load:
    """Threads that post reports as fast as they are taken, and note what was acknowledged."""

    def __init__(self, url: str) -> None:
        self.url, self.acknowledged = f"{url}/webhooks/mobtexting", []
        self.stopping, self.pool = threading.Event(), ThreadPoolExecutor(THREADS)

    def __enter__(self) -> Load:
        self.running = [self.pool.submit(self._post, n) for n in range(THREADS)]
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.pool.shutdown()
        for thread in self.running:
            thread.result()

    def _post(self, number: int) -> None:
        session = requests.Session()
        session.headers["Authorization"] = "Bearer a-secret-long-enough"
        count = 0
        while not self.stopping.is_set():
            mid = f"load-{number}-{(count := count + 1)}"
            response = session.post(self.url, json=report_body(mid=mid), timeout=20)
            assert response.status_code == 200
            self.acknowledged.append(mid)


def test_a_backup_under_load_is_whole_and_holds_all_that_was_acknowledged(
    served: Installation, tmp_path: Path
):
    """Restored, it serves: every call computes to what is stored, and can be looked up."""
    call, target = served.place("+918867135001"), tmp_path / "copy.db"
    with Load(served.url) as load:
        time.sleep(0.7)
        before = set(load.acknowledged)
        told = served.run("backup", str(target))
        time.sleep(0.3)
    assert "found whole" in told
    assert 100 < len(before) < len(load.acknowledged)
    assert rows(target, "PRAGMA integrity_check") == [("ok",)]
    found = {row[0] for row in rows(target, "SELECT mid FROM deliveries WHERE mid IS NOT NULL")}
    assert before <= found
    restored = Installation(tmp_path)
    restored.environ["OBDTRACK_DATABASE_URL"] = f"sqlite:///{target}"
    try:
        assert " 0 differ" in restored.run("rebuild", "--check")
        restored.session.headers.update(served.session.headers)
        restored.start_server()
        assert restored.call(call["id"])["status"] == "completed"
    finally:
        restored.stop()


def test_it_is_one_file_for_its_owner_only(sqlite_store: Store, tmp_path: Path):
    folder = tmp_path / "backups"
    folder.mkdir()
    done = back_up(sqlite_store, folder / "copy.db")
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert done.size == done.path.stat().st_size > 0
    assert rows(done.path, "PRAGMA journal_mode") == [("delete",)]


def test_what_is_not_committed_is_not_in_it(sqlite_store: Store, tmp_path: Path):
    other = open_database(f"sqlite:///{sqlite_store.database}")
    models.Counter.insert(name="kept", value=1).execute()
    with other.write():
        other.execute_sql("INSERT INTO counters VALUES ('on its way', 1)")
        back_up(sqlite_store, tmp_path / "copy.db")
    other.close_all()
    assert rows(tmp_path / "copy.db", "SELECT name FROM counters") == [("kept",)]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "folder"])
def test_nothing_is_overwritten(sqlite_store: Store, tmp_path: Path, make):
    make(tmp_path / "there")
    with pytest.raises(ConfigError, match="exists already"):
        back_up(sqlite_store, tmp_path / "there")


def test_a_file_made_meanwhile_is_not_overwritten(sqlite_store, tmp_path: Path, monkeypatch):
    target = tmp_path / "copy.db"
    monkeypatch.setattr(backup, "_check", lambda _: target.write_text("somebody's"))
    with pytest.raises(ConfigError):
        back_up(sqlite_store, target)
    assert target.read_text() == "somebody's"


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
    path.write_bytes(content)


def test_a_damaged_copy_is_found_out_and_removed(sqlite_store: Store, tmp_path: Path, monkeypatch):
    copy = backup._copy

    def copy_badly(store: SqliteStore, part: Path) -> None:
        copy(store, part)
        damage(part)

    monkeypatch.setattr(backup, "_copy", copy_badly)
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(ConfigError, match=r"damaged|malformed"):
        back_up(sqlite_store, folder / "copy.db")
    assert list(folder.iterdir()) == []


def test_it_is_on_disk_before_it_has_its_name(sqlite_store: Store, tmp_path: Path, monkeypatch):
    steps = []
    monkeypatch.setattr(backup.os, "fsync", lambda _: steps.append("sync"))
    monkeypatch.setattr(backup.os, "link", lambda *_: steps.append("name"))
    back_up(sqlite_store, tmp_path / "copy.db")
    assert steps == ["sync", "name", "sync"]


def test_a_file_system_without_links_will_do(sqlite_store: Store, tmp_path: Path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(backup.os, "link", refuse)
    assert back_up(sqlite_store, tmp_path / "copy.db").path.exists()


def test_for_postgresql_the_right_tool_is_named(postgres_store: Store, tmp_path: Path):
    with pytest.raises(ConfigError, match="pg_dump --format=custom"):
        back_up(postgres_store, tmp_path / "copy.db")


def test_a_plain_copy_of_the_file_would_lack_what_is_in_the_log(sqlite_store, tmp_path: Path):
    """The control: what `back_up` gives and the obvious way does not."""
    models.Counter.insert(name="committed", value=1).execute()
    shutil.copy(sqlite_store.database, tmp_path / "plain.db")
    back_up(sqlite_store, tmp_path / "copy.db")
    assert rows(tmp_path / "plain.db", "SELECT name FROM counters") == []
    assert rows(tmp_path / "copy.db", "SELECT name FROM counters") == [("committed",)]


REFUSED = {
    "no folder": ("missing/copy.db", "There is no folder"),
    "no database": ("copy.db", "There is no database"),
    "a full disk": ("/dev/full/copy.db", "There is no folder"),
}


@pytest.mark.parametrize(("target", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_a_sentence(tmp_path: Path, target: str, words: str):
    fresh = Installation(tmp_path)
    if words != "There is no database":
        fresh.run("migrate")
    command = [*COMMAND, "backup", str(tmp_path / target)]
    done = subprocess.run(command, env=fresh.environ, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def used_store(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The database that commands use, and go on using in this process."""
    monkeypatch.setattr(command, "open_database", lambda *_, **__: sqlite_store)
    return sqlite_store


@pytest.mark.parametrize("by_us", [True, False])
def test_a_backup_is_noted_whoever_made_it(used_store: Store, tmp_path: Path, by_us: bool):
    before = utc_now()
    assert CliRunner().invoke(command.command, []).exit_code == 2
    assert BACKED_UP not in {row.name for row in models.Counter.select()}
    given = str(tmp_path / "copy.db") if by_us else "--note"
    done = CliRunner().invoke(command.command, [given])
    assert done.exit_code == 0, done.output
    noted = models.Counter.get(models.Counter.name == BACKED_UP).value
    assert to_microseconds(before) <= noted <= to_microseconds(utc_now())
    assert (tmp_path / "copy.db").exists() is by_us


def test_a_copy_that_cannot_be_noted_is_a_copy(used_store: Store, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(type(used_store), "write", raising)
    done = CliRunner().invoke(command.command, [str(tmp_path / "copy.db")])
    assert done.exit_code == 0
    assert "could not be noted: The disk is full." in done.output
    assert CliRunner().invoke(command.command, ["--note"]).exit_code == 1


def raising(*_: object) -> None:
    raise ObdtrackError(Code.UNAVAILABLE, "The disk is full.")
