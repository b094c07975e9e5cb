"""Migrating is done by one process, whole or not at all, and a wrong schema is refused."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from obdtrack.errors import ConfigError
from obdtrack.storage.database import Store, open_database
from obdtrack.storage.migrate import FOLDER, check_schema, migrate
from obdtrack.storage.models import TABLES

ROOT = FOLDER.parent
ALL_TABLES = {table._meta.table_name for table in TABLES}
ALL_MIGRATIONS = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))

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
    """Run one of the programs beside this file; gives the words of each line it wrote."""
    command = [sys.executable, "-m", f"tests.storage.{module}", *map(str, arguments)]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=100)
    assert ran.returncode == 0
    return [line.split() for line in ran.stdout.splitlines()]


def tables(path: Path) -> set[str]:
    database = sqlite3.connect(path)
    try:
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in found}
    finally:
        database.close()


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
    *applied, codes = run("migrate_at_once", empty_url, FOLDER, 6)
    assert codes == ["codes", *["0"] * 6]
    assert sorted(applied) == [["applied"]] * 5 + [["applied", *ALL_MIGRATIONS]]


def test_a_migration_that_dies_half_way_leaves_the_old_schema(empty_url: str, folder: Path) -> None:
    (folder / "9000_dies.py").write_text(DIES_HALF_WAY)
    assert run("migrate_at_once", empty_url, folder, 1) == [["codes", "9"]]
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


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Databases whose migration was killed before its 1st, 2nd, 3rd ... statement; one whole."""
    folder = tmp_path_factory.mktemp("killed")
    return [Path(line) for (line,) in run("killed_migrations", folder)]


def test_killed_before_any_of_its_statements_a_migration_leaves_the_old_schema_or_the_new(
    killed: list[Path],
) -> None:
    *died, finished = (tables(path) for path in killed)
    assert len(died) > len(ALL_TABLES)
    assert finished >= ALL_TABLES
    assert [found for found in died if found not in (set(), finished)] == []


def test_a_database_whose_migration_was_killed_can_be_migrated(killed: list[Path]) -> None:
    for path in killed[::5]:
        store = open_database(f"sqlite:///{path}")
        migrate(store)
        check_schema(store)
        store.close_all()
