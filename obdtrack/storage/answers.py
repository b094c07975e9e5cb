"""What the provider's API answered, kept as it came (without secrets)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from obdtrack.storage import models, rows


class Exchange(NamedTuple):
    """One question to the provider's API and its answer; times are aware UTC."""

    id: UUID
    call_id: UUID | None
    kind: str
    requested_at: datetime
    answered_at: datetime
    http_status: int | None
    failure: str | None
    message: str | None
    body: bytes | None


def add(exchange: Exchange) -> None:
    """Store one exchange."""
    rows.insert(models.Answer, Exchange._fields, [exchange])


def of_call(call_id: UUID) -> list[models.Answer]:
    """List the exchanges about one call, oldest first."""
    answer = models.Answer
    return list(answer.select().where(answer.call_id == call_id).order_by(answer.id))


def last_asked(call_id: UUID) -> datetime | None:
    """Give when the provider was last asked about this call."""
    answer = models.Answer
    found: models.Answer | None = (
        answer.select(answer.answered_at)
        .where((answer.call_id == call_id) & (answer.kind == "status"))
        .order_by(answer.id.desc())
        .first()
    )
    return found.answered_at if found else None
