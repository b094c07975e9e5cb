"""What stands in the database, without ids and times: the stages that work may stop at."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from tests.torture.databases import as_left

_CALLS = """
SELECT calls.status, calls.reason, provider_id, mid, answered, attempt_count,
       next_check_at IS NULL, settled_at IS NULL, variables_encrypted IS NULL,
       (SELECT group_concat(told, '; ') FROM (
          SELECT kind || ' ' || source || ' ' || coalesce(status, '') || ' ' || times_seen AS told
          FROM events WHERE call_id = calls.id ORDER BY id))
FROM calls LEFT JOIN submissions ON submissions.id = submission_id ORDER BY calls.id
"""
_REST = {
    "submissions": "SELECT count(*) FROM submissions",
    "events": "SELECT count(*) FROM events",
    "deliveries": "SELECT outcome, reason, call_id IS NULL FROM deliveries ORDER BY id",
    "responses": "SELECT kind, http_status, failure FROM responses ORDER BY id",
    "keys": "SELECT call_id IN (SELECT id FROM calls), http_status FROM idempotency_keys",
    "statistics": "SELECT status, calls FROM statistics WHERE slot = -1 AND calls <> 0 ORDER BY 1",
}


Rows = tuple[tuple[object, ...], ...]


class Stage(NamedTuple):
    """What a process would find that starts now."""

    calls: Rows
    rest: tuple[tuple[str, Rows], ...]

    @property
    def statuses(self) -> list[object]:
        """Return the statuses of the calls."""
        return [call[0] for call in self.calls]

    @property
    def outcomes(self) -> list[object]:
        """Return the outcomes of the deliveries."""
        return [row[0] for row in dict(self.rest)["deliveries"]]


def stage(path: Path) -> Stage:
    """See what is left if the process that writes this database dies at this instant."""
    with as_left(path) as database:
        rest = tuple((name, _rows(database, sql)) for name, sql in _REST.items())
        return Stage(_rows(database, _CALLS), rest)


def _rows(database: sqlite3.Connection, sql: str) -> Rows:
    return tuple(database.execute(sql).fetchall())
