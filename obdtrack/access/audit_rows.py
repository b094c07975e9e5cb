"""The audit: who did what to keys, numbers and calls. Rows are added and read, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.store import models


class AuditEntry(NamedTuple):
    """One deed. `key_id` is the API key it was done with, None at the command line.

    A second entry with the same `once` is not stored.
    """

    id: UUID
    recorded_at: datetime
    action: str
    subject: str
    actor: str
    key_id: UUID | None
    detail: Mapping[str, Any]
    once: str | None = None


def add(entry: AuditEntry) -> None:
    """Store an entry, unless one with the same `once` is there."""
    models.Audit.insert(**entry._asdict()).on_conflict_ignore().execute()


def is_noted(once: str) -> bool:
    """Whether there is an entry with this `once`."""
    return bool(models.Audit.select().where(models.Audit.once == once).exists())


def newest(
    limit: int, before: UUID | None = None, subject: str | None = None
) -> list[models.Audit]:
    """List entries, newest first, at most `limit`, older than `before`, about `subject`."""
    row = models.Audit
    query = row.select()
    if subject is not None:
        query = query.where(row.subject == subject)
    if before is not None:
        query = query.where(row.id < before)
    return list(query.order_by(row.id.desc()).limit(limit))
