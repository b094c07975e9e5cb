"""The migrations and the models describe one and the same database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playhouse.schema_diff import diff_models

from obdtrack.store.database import Store
from obdtrack.store.postgres import PostgresStore
from obdtrack.store.schema import TABLES
from obdtrack.store.sqlite import SqliteStore


@pytest.fixture
def by_models(empty_store: Store) -> Iterator[Store]:
    """A database made from the models alone."""
    with empty_store.connection_context():
        empty_store.create_tables(TABLES)
        yield empty_store


@pytest.fixture
def by_migrations(empty_url: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A database of the same kind made by the migrations."""
    kind = "sqlite" if empty_url.startswith("sqlite") else "postgres"
    store: Store = request.getfixturevalue(f"{kind}_store")
    with store.connection_context():
        yield store


def of_each_table(ask: Callable[[str], Any]) -> dict[str, Any]:
    return {name: ask(name) for name in (table._meta.table_name for table in TABLES)}


def columns(store: Store, table: str) -> set[tuple[Any, ...]]:
    return {(c.name, c.data_type, c.null, c.primary_key) for c in store.get_columns(table)}


def indexes(store: Store, table: str) -> set[tuple[str, str]]:
    """Names and statements; SQLite makes one without a statement for a key (compared below)."""
    found = store.execute_sql(_INDEXES[type(store)], (table,)).fetchall()
    return {(name, plain(sql)) for name, sql in found}


_INDEXES = {
    SqliteStore: "SELECT name, sql FROM sqlite_master "
    "WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
    PostgresStore: "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s",
}


def plain(sql: str) -> str:
    """A statement without what may be written one way or another."""
    return re.sub(r'["\s]|IF NOT EXISTS|ON ONLY|ON ', "", sql).lower()


def test_peewee_finds_no_difference(each_store: Store) -> None:
    with each_store.connection_context():
        found = diff_models(each_store, TABLES)
    # It does not see the indexes of a partitioned table; the test after next does.
    partitioned = {"deliveries"} if isinstance(each_store, PostgresStore) else set()
    assert not found._replace(
        add_indexes=[index for index in found.add_indexes if index.table not in partitioned]
    )


def test_columns_agree_in_type_and_in_whether_they_may_be_empty(
    by_models: Store, by_migrations: Store
) -> None:
    migrated = of_each_table(lambda table: columns(by_migrations, table))
    assert migrated == of_each_table(lambda table: columns(by_models, table))


def test_indexes_agree_in_name_columns_uniqueness_and_condition(
    by_models: Store, by_migrations: Store
) -> None:
    migrated = of_each_table(lambda table: indexes(by_migrations, table))
    assert migrated == of_each_table(lambda table: indexes(by_models, table))


def test_keys_and_references_agree(by_models: Store, by_migrations: Store) -> None:
    for ask in ("get_primary_keys", "get_foreign_keys"):
        migrated = of_each_table(getattr(by_migrations, ask))
        assert migrated == of_each_table(getattr(by_models, ask))


def test_sqlite_keeps_the_rows_of_one_call_and_of_one_campaign_side_by_side(
    sqlite_store: Store,
) -> None:
    with sqlite_store.connection_context():
        found = "SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'"
        assert set(sqlite_store.execute_sql(found).fetchall()) == {
            ("events",),
            ("statistics",),
            ("tasks",),
        }
