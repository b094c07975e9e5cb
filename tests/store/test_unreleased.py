"""A database from before the first release takes its old steps and ends with the same schema."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from playhouse.migrations import Runner

from obdtrack.errors import ConfigError
from obdtrack.store.database import Store
from obdtrack.store.migrate import FOLDER, check_schema, migrate
from tests.store.test_schema import columns, indexes, of_each_table

STEPS = FOLDER / "unreleased"
NAMES = sorted(path.stem for path in STEPS.glob("*.py"))
LATER = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))[1:]
ID, OTHER = b"\x01" * 16, b"\x02" * 16


@pytest.fixture
def old(empty_store: Store) -> Store:
    """A database as the previews made it, with a call that the provider took."""
    Runner(empty_store, str(STEPS)).up("0005_idempotency")
    with empty_store.connection_context():
        insert(
            empty_store, "submissions", id=ID, created_at=1, bridge="+918068280000", interval=0,
            variable_names="[]",
        )  # fmt: skip
        insert(
            empty_store, "calls", id=ID, submission_id=ID, to_number="+918867135001", interval=0,
            created_at=1, status="queued", status_source="api", status_as_of=2, conflict=False,
            attempt_count=0, provider_id="a:1", mid="a", next_check_at=7,
        )  # fmt: skip
        insert(
            empty_store, "events", call_id=ID, id=OTHER, kind="answer", source="api",
            status="queued", recorded_at=2, answer_id=OTHER, detail="{}", times_seen=1,
        )  # fmt: skip
        insert(
            empty_store, "answers", id=OTHER, call_id=ID, kind="send", requested_at=1,
            answered_at=2,
        )  # fmt: skip
        insert(empty_store, "paces", name="poll", next_at=3)
    return empty_store


def insert(store: Store, table: str, **values: Any) -> None:
    marks = ", ".join([store.param] * len(values))
    store.execute_sql(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", (*values.values(),)
    )


def test_it_is_said_to_be_older(old: Store) -> None:
    with pytest.raises(ConfigError, match=r"older .*0011_names.*python -m obdtrack migrate"):
        check_schema(old)


def test_migrating_names_what_was_applied_and_then_nothing_is_left_to_do(old: Store) -> None:
    assert migrate(old) == NAMES[NAMES.index("0005_idempotency") + 1 :] + LATER
    check_schema(old)
    assert migrate(old) == []


def test_what_it_held_stands_under_the_new_names(old: Store) -> None:
    migrate(old)
    with old.connection_context():
        found = old.execute_sql("SELECT kind, response_id FROM events").fetchall()
        assert [(kind, bytes(response)) for kind, response in found] == [("response", OTHER)]
        assert old.execute_sql("SELECT responded_at FROM responses").fetchall() == [(2,)]
        assert old.execute_sql("SELECT next_at FROM rate_limits").fetchall() == [(3,)]
        assert old.execute_sql("SELECT kind, due_at FROM tasks").fetchall() == [("poll", 7)]


def test_its_schema_is_that_of_a_new_database(old: Store, request: pytest.FixtureRequest) -> None:
    kind = "postgres" if old.for_update else "sqlite"
    new: Store = request.getfixturevalue(f"{kind}_store")
    migrate(old)
    with new.connection_context(), old.connection_context():
        for ask in (columns, indexes):
            assert of_each_table(partial(ask, old)) == of_each_table(partial(ask, new))
