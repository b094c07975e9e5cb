"""One line of a call's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.status import Kind, Source, Status


class Event(NamedTuple):
    """Something we did, were told or found out about one call.

    `occurred_at` is the provider's clock (None if it said nothing), `recorded_at` ours; both are
    aware UTC. `detail` holds the facts, JSON-ready. `times_seen` counts the same fact's arrivals.
    """

    id: UUID
    kind: Kind
    source: Source
    recorded_at: datetime
    status: Status | None = None
    reason: str | None = None
    occurred_at: datetime | None = None
    delivery_id: UUID | None = None
    response_id: UUID | None = None
    detail: Mapping[str, Any] = {}
    times_seen: int = 1


def place_in_story(event: Event) -> tuple[bool, datetime, UUID]:
    """Return the sort key of a timeline: as recorded, but the submission first.

    A report may come in by another machine, or after a clock was set back.
    """
    return event.kind is not Kind.SUBMISSION, event.recorded_at, event.id
