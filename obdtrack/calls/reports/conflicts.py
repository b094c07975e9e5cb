"""Notes on a call what the provider said of it that contradicts it: shown, and not believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from obdtrack.calls.journal import Journal
from obdtrack.domain.events import Event
from obdtrack.domain.phone import masked
from obdtrack.domain.reports import Report
from obdtrack.domain.status import Kind, Source
from obdtrack.domain.submission import Failure
from obdtrack.services import new_id

OTHER_NUMBER = "other-number"

MOST_CONFLICTS = 20


def dispute_report(
    call_id: UUID,
    report: Report,
    source: Source,
    journal: Journal,
    *,
    delivery_id: UUID | None = None,
    response_id: UUID | None = None,
) -> None:
    """Note that a report names this call (open in the journal), and another number than its own."""
    detail = {"provider_status": report.provider_status, "number": masked(report.to or "")}
    _note(call_id, source, OTHER_NUMBER, detail, journal, (delivery_id, response_id))


def dispute_id(
    provider_id: str, call_ids: tuple[UUID, UUID], response_id: UUID, journal: Journal
) -> None:
    """Note on both calls that the provider's response gave them one id."""
    opened = {row.id for row in journal.calls(call_ids)}
    for one, other in (call_ids, call_ids[::-1]):
        detail = {"id_of_both": provider_id, "other_call": str(other)}
        if one in opened:
            _note(one, Source.API, Failure.ID_GIVEN_TWICE, detail, journal, (None, response_id))


def _note(
    call_id: UUID,
    source: Source,
    reason: str,
    detail: Mapping[str, Any],
    journal: Journal,
    origin: tuple[UUID | None, UUID | None],
) -> None:
    """Append a conflict, once for all that say the same; a timeline has MOST_CONFLICTS at most."""
    known = (event for event in journal.events(call_id) if event.kind is Kind.CONFLICT)
    told = [(event.reason, event.detail) for event in known]
    if len(told) < MOST_CONFLICTS and (reason, detail) not in told:
        delivery_id, response_id = origin
        event = Event(
            new_id(), Kind.CONFLICT, source, journal.now, None, reason, None, delivery_id,
            response_id, detail,
        )  # fmt: skip
        journal.append(call_id, event)
