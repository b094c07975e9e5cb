"""Migrating is done by one process, whole or not at all, and a wrong schema is refused."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from obdtrack.errors import ConfigError
from obdtrack.store.database import Store, open_database
from obdtrack.store.migrate import FOLDER, check_schema, migrate
from obdtrack.store.schema import TABLES

ROOT = FOLDER.parent
ALL_TABLES = {table._meta.table_name for table in TABLES}
ALL_MIGRATIONS = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))

ONE_DOES_AND_ALL_SUCCEED = [
    *[["applied"]] * 5,
    ["applied", *ALL_MIGRATIONS],
    ["codes", *["0"] * 6],
]

FROZEN = {
    "0001_initial": "14947999d5deb9a1",
    "0002_send_rights": "e1f967f34a0770b8",
    "0003_waiting_numbers": "0e57ecdb7cda7667",
    "0004_callers": "ed11d502143fdfa1",
    "0005_clock_marks": "7c434e895982e91a",
    "0006_call_type": "814529af4cebb753",
    "0007_campaigns": "d8453f008ffc787a",
    "0008_notifications": "25f1853c63d53dcc",
    "0009_people": "9b844ef17af7f38f",
    "0010_lists": "14491f2ae843cff5",
    "0011_attention": "70aec663da9d3888",
    "unreleased/0001_initial": "9c9401dc244fcbc4",
    "unreleased/0002_truth": "1476684f623edb4f",
    "unreleased/0003_pages": "c56357013aa28fe5",
    "unreleased/0004_privacy": "80dd1f2fa68ba1df",
    "unreleased/0005_idempotency": "1c8dc421092f590e",
    "unreleased/0006_billable_seconds": "33d7ccd1d30e2de3",
    "unreleased/0007_canonical_ids": "15002fc50431538f",
    "unreleased/0008_stored_state": "52cf0fcba3e64d22",
    "unreleased/0009_providers": "bf088c274f24a10d",
    "unreleased/0010_tasks": "2823c6b29ca4f447",
    "unreleased/0011_names": "ffbad518c5ddeb1d",
}
"""What databases have applied already, by the beginning of its SHA-256: a change to it reaches none
of them, so it is made by a new migration."""

DIES_HALF_WAY = """
import os

def up(migrator, db):
    db.execute_sql("CREATE TABLE half_made (id INTEGER)")
    os._exit(9)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to add to."""
    copy = tmp_path / "migrations"
    shutil.copytree(FOLDER, copy)
    return copy


def run(module: str, *arguments: object) -> list[list[str]]:
    """Run one of the programs beside this file; returns the words of each line it wrote."""
    command = [sys.executable, "-m", f"tests.store.{module}", *map(str, arguments)]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=100)
    assert ran.returncode == 0
    return [line.split() for line in ran.stdout.splitlines()]


def migrate_six_times_at_once(url: str, mutant: str) -> list[list[str]]:
    """Return what each of the processes applied, and then their exit codes."""
    *applied, codes = run("migrate_at_once", url, FOLDER, 6, mutant)
    return [*sorted(applied), codes]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def test_no_migration_that_was_applied_somewhere_is_changed() -> None:
    found = {str(path.relative_to(FOLDER).with_suffix("")): path for path in FOLDER.rglob("*.py")}
    assert {name: digest(path) for name, path in found.items()} == FROZEN


def test_a_changed_migration_would_be_noticed(folder: Path) -> None:
    first = folder / "0001_initial.py"
    first.write_text(first.read_text().replace("null=True", "null=False", 1))
    assert digest(first) != FROZEN["0001_initial"]


def test_an_empty_database_gets_every_migration_in_order(empty_store: Store) -> None:
    assert migrate(empty_store) == ALL_MIGRATIONS
    with empty_store.connection_context():
        assert set(empty_store.get_tables()) >= ALL_TABLES


def test_a_second_time_there_is_nothing_to_apply(empty_store: Store) -> None:
    migrate(empty_store)
    assert migrate(empty_store) == []
    check_schema(empty_store)


def test_references_are_enforced_again_after_a_migration(empty_sqlite_url: str) -> None:
    store = open_database(empty_sqlite_url)
    migrate(store)
    with store.connection_context():
        assert store.pragma("foreign_keys") == 1


def test_an_older_database_is_refused_with_the_command_that_helps(empty_store: Store) -> None:
    with pytest.raises(ConfigError, match="python -m obdtrack migrate") as refusal:
        check_schema(empty_store)
    assert ALL_MIGRATIONS[0] in str(refusal.value)


def test_a_database_that_lacks_one_migration_is_older(empty_store: Store, folder: Path) -> None:
    migrate(empty_store)
    (folder / "9000_later.py").write_text("def up(migrator, db): pass\n")
    with pytest.raises(ConfigError, match=r"older .*9000_later"):
        check_schema(empty_store, folder)


def test_a_newer_database_is_refused(empty_store: Store, folder: Path) -> None:
    (folder / "9000_later.py").write_text("def up(migrator, db): pass\n")
    migrate(empty_store, folder)
    with pytest.raises(ConfigError, match=r"newer .*9000_later"):
        check_schema(empty_store)


def test_of_six_processes_that_migrate_at_once_one_does_and_all_succeed(empty_url: str) -> None:
    assert migrate_six_times_at_once(empty_url, "sound") == ONE_DOES_AND_ALL_SUCCEED


def test_migrating_without_keeping_others_out_would_be_noticed(empty_url: str) -> None:
    assert migrate_six_times_at_once(empty_url, "unprotected") != ONE_DOES_AND_ALL_SUCCEED


def test_a_migration_that_dies_half_way_leaves_the_old_schema(empty_url: str, folder: Path) -> None:
    (folder / "9000_dies.py").write_text(DIES_HALF_WAY)
    assert run("migrate_at_once", empty_url, folder, 1, "sound") == [["codes", "9"]]
    store = open_database(empty_url)
    assert migrate(store) == ALL_MIGRATIONS
    assert "half_made" not in store.get_tables()
    store.close_all()


def test_a_migration_that_fails_leaves_the_old_schema(empty_store: Store, folder: Path) -> None:
    (folder / "9000_fails.py").write_text(DIES_HALF_WAY.replace("os._exit(9)", "1 / 0"))
    with pytest.raises(ZeroDivisionError):
        migrate(empty_store, folder)
    with empty_store.connection_context():
        assert empty_store.get_tables() == []


def test_killed_before_any_of_its_statements_a_migration_leaves_the_old_schema_or_the_new(
    empty_url: str,
) -> None:
    *found, finished = run("killed_migrations", empty_url, "sound")
    assert len(found) > len(ALL_TABLES)
    assert set(finished) >= ALL_TABLES
    assert [tables for tables in found if tables not in ([], finished)] == []


def test_migrating_piecemeal_would_be_noticed(empty_sqlite_url: str) -> None:
    *found, finished = run("killed_migrations", empty_sqlite_url, "unprotected")
    assert [tables for tables in found if tables not in ([], finished)]
