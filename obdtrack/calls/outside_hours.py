"""Attempts that rang outside the calling hours: the provider redials when it likes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from obdtrack.calls.journal import Journal
from obdtrack.domain.calling_hours import CallType, is_open
from obdtrack.domain.events import Event
from obdtrack.domain.fold import Attempt
from obdtrack.domain.times import from_text
from obdtrack.settings import Settings
from obdtrack.store import models

OUTSIDE_HOURS = "attempts-outside-hours"
"""Counts attempts that a report shows outside the hours of their call."""


def rang_outside(
    attempts: Iterable[Attempt], call_type: str | None, settings: Settings
) -> frozenset[int]:
    """Return the numbers of those attempts that began outside the hours, as they are set now."""
    return frozenset(
        attempt.number
        for attempt in attempts
        if attempt.started_at and _is_outside(attempt.started_at, call_type, settings)
    )


def count_if_outside(
    call_id: UUID, report: Event, before: Iterable[Event], journal: Journal
) -> None:
    """Count a report's attempt if it rang outside the hours and no report `before` has told so."""
    settings = journal.services.settings
    started_at = report.detail.get("started_at")
    if not started_at or not settings.has_hours:
        return
    if any(event.detail.get("started_at") == started_at for event in before):
        return
    if _is_outside(from_text(started_at), _type_of(call_id), settings):
        journal.count(OUTSIDE_HOURS)


def _is_outside(moment: datetime, call_type: str | None, settings: Settings) -> bool:
    hours = settings.hours_of(call_type)
    return hours is not None and not is_open(hours, moment)


def _type_of(call_id: UUID) -> str | None:
    call, submission = models.Call, models.Submission
    query = call.select(submission.call_type).join(submission).where(call.id == call_id)
    found: str | None = query.scalar()
    return found if found in set(CallType) else None
