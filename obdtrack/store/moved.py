"""Marks a database whose content was copied to another: nothing may be written to it any more.

Triggers refuse each change, so that it is refused to programs that are running already and to older
versions too, and costs others nothing. A row among the migrations makes every version refuse to
start on it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from playhouse.migrations import Runner

from obdtrack.domain.times import to_text
from obdtrack.store.schema import TABLES

MOVED = "was moved to"
"""What every refusal says, and how it is known for one whatever kind of error a driver makes it."""

_NAMES = tuple(table._meta.table_name for table in TABLES)
_CHANGES = ("INSERT", "UPDATE", "DELETE")
_FUNCTION = """CREATE FUNCTION obdtrack_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE USING ERRCODE = 'read_only_sql_transaction', MESSAGE = '{}'; END $$"""


def mark_moved(store: Any, target: str, now: datetime) -> None:
    """Refuse all changes from the end of the transaction on; `target` names the other database."""
    mark = f"{MOVED} {target} on {to_text(now)}"[:255]
    Runner(store).History.create(name=mark)
    words = f"this database {mark}".replace("'", "''")
    if store.for_update:  # PostgreSQL
        store.execute_sql(_FUNCTION.format(words.replace("%", "%%")))
    for name in _NAMES:
        for statement in _triggers(name, words, postgres=store.for_update):
            store.execute_sql(statement)


def unmark_moved(store: Any) -> None:
    """Let the database be used again."""
    if store.for_update:
        store.execute_sql("DROP FUNCTION IF EXISTS obdtrack_moved() CASCADE")
    else:
        for name in _NAMES:
            for change in _CHANGES:
                store.execute_sql(f"DROP TRIGGER IF EXISTS moved_{name}_{change}")
    history = Runner(store).History
    history.delete().where(history.name.startswith(MOVED)).execute()


def _triggers(table: str, words: str, *, postgres: bool) -> list[str]:
    if postgres:
        return [
            f'CREATE TRIGGER moved BEFORE {" OR ".join(_CHANGES)} ON "{table}" '
            "FOR EACH STATEMENT EXECUTE FUNCTION obdtrack_moved()"
        ]
    return [
        f"CREATE TRIGGER moved_{table}_{change} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        for change in _CHANGES
    ]
