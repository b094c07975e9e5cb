"""Numbers whose owners do not want to be called."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from obdtrack.storage import models


def note(
    number: str, occurred_at: datetime | None, recorded_at: datetime, delivery_id: UUID | None
) -> None:
    """Store that a number opted out; what was stored first stays."""
    models.OptOut.insert(
        number=number,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        delivery_id=delivery_id,
    ).on_conflict_ignore().execute()


def of_numbers(numbers: Collection[str]) -> dict[str, datetime]:
    """Give since when each of these numbers has opted out; those that have not are left out."""
    row = models.OptOut
    found = row.select().where(row.number.in_(list(numbers)))
    return {opt_out.number: opt_out.occurred_at or opt_out.recorded_at for opt_out in found}
