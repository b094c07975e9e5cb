"""What the provider's API answered, kept as it came (without secrets)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from obdtrack.store import bulk_sql, models


class ProviderResponse(NamedTuple):
    """One question to the provider's API and its response; times are aware UTC.

    It was about a call, or it asked for the calls of a submission.
    """

    id: UUID
    call_id: UUID | None
    submission_id: UUID | None
    kind: str
    requested_at: datetime
    responded_at: datetime
    http_status: int | None
    failure: str | None
    message: str | None
    body: bytes | None


def add(*exchanges: ProviderResponse) -> None:
    """Store exchanges."""
    bulk_sql.insert(models.ResponseRow, ProviderResponse._fields, exchanges)


def of_call(call_id: UUID) -> list[models.ResponseRow]:
    """List the exchanges about one call, and the one in which it was submitted, oldest first."""
    submission = "(SELECT submission_id FROM calls WHERE id = ?)"
    about = f"WHERE call_id = ? OR submission_id = {submission} ORDER BY id"
    return bulk_sql.load_where(models.ResponseRow, about, call_id.bytes, call_id.bytes)


def of_submission(submission_id: UUID) -> list[models.ResponseRow]:
    """List the exchanges about a submission, oldest first: that in which it was sent, and polls."""
    return bulk_sql.load(models.ResponseRow, "submission_id", [submission_id])


def last_asked(call_id: UUID) -> datetime | None:
    """Return when the provider was last asked about this call."""
    last = "WHERE call_id = ? AND kind = 'status' ORDER BY id DESC LIMIT 1"
    found = bulk_sql.load_where(models.ResponseRow, last, call_id.bytes)
    return found[0].responded_at if found else None
