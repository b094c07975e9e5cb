"""A submission's way through the tables: intended, then settled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.calls import queries
from obdtrack.domain.events import Event
from obdtrack.domain.status import Kind, Status
from obdtrack.domain.submission import CallRequest
from obdtrack.statistics import counters
from obdtrack.store import bulk_sql, models


class PendingCall(NamedTuple):
    """What is known of a call before the provider is asked."""

    submission_id: UUID
    call_id: UUID
    created_at: datetime
    key_id: UUID | None
    process_id: UUID | None = None
    variables_encrypted: bytes | None = None
    fingerprint: str | None = None


def create_submission(request: CallRequest, intention: PendingCall) -> None:
    """Store the submission and its call as `submitting`; nothing has left yet."""
    submission = {
        "id": intention.submission_id,
        "created_at": intention.created_at,
        "bridge": request.bridge,
        "flow_id": request.flow_id,
        "audio": request.audio,
        "name": request.name,
        "interval": request.interval,
        "webhook_id": request.webhook_id,
        "variable_names": sorted(request.variables),
        "variables_encrypted": intention.variables_encrypted,
        "key_id": intention.key_id,
        "process_id": intention.process_id,
        "fingerprint": intention.fingerprint,
    }
    call = {
        "id": intention.call_id,
        "submission": intention.submission_id,
        "to_number": request.to,
        "name": request.name,
        "reference": request.reference,
        "metadata": request.metadata,
        "interval": request.interval,
        "created_at": intention.created_at,
        "status": "submitting",
        "status_source": "api",
        "status_as_of": intention.created_at,
        "conflict": False,
        "attempt_count": 0,
        "report_count": 0,
    }
    bulk_sql.insert(models.Submission, tuple(submission), [tuple(submission.values())])
    bulk_sql.insert(models.Call, tuple(call), [tuple(call.values())])
    place = request.name, counters.slot_of(intention.created_at)
    counters.count([(place, None, ("submitting", "api", 0, None))])
    counters.note_campaign(*place)


def close_submission(submission_id: UUID, settled_at: datetime, *, keep_variables: bool) -> None:
    """Note that the provider has answered; the variables' values go unless still needed."""
    change: dict[str, object] = {"settled_at": settled_at}
    if not keep_variables:
        change["variables_encrypted"] = None
    values = (*change.values(), submission_id)
    bulk_sql.update(models.Submission, tuple(change), ("id",), [values])


def set_provider_id(
    call_id: UUID, provider_id: str, mid: str, submitted_at: datetime | None
) -> bool:
    """Note how the provider calls this call; False if another call has that id.

    Both names must be locked: nobody may take the id between this look and this change.
    """
    holders = bulk_sql.fetch(models.Call, ("id",), "provider_id", [provider_id], order="id")
    if any(holder != call_id for (holder,) in holders):
        return False
    columns = ("provider_id", "mid", "submitted_at")
    bulk_sql.update(models.Call, columns, ("id",), [(provider_id, mid, submitted_at, call_id)])
    return True


def replace_responses(call_id: UUID, answered: Iterable[Event]) -> None:
    """Put these events in the place of all that tell of the provider's answers to our request."""
    event = models.EventRow
    event.delete().where((event.call == call_id) & (event.kind == Kind.ANSWER)).execute()
    queries.add_events((call_id, response) for response in answered)


def recent_duplicate(fingerprint: str, since: datetime) -> UUID | None:
    """Return the newest call made since then with this fingerprint that was not refused."""
    call, submission = models.Call, models.Submission
    found: models.Call | None = (
        call.select(call.id)
        .join(submission)
        .where((submission.fingerprint == fingerprint) & (submission.created_at >= since))
        .where(call.status != Status.REJECTED)
        .order_by(call.id.desc())
        .first()
    )
    return found.id if found else None


def in_flight() -> list[tuple[UUID, UUID, UUID | None, datetime]]:
    """List calls that are `submitting`: call, submission, process that sends, and since when."""
    call, submission = models.Call, models.Submission
    query = (
        call.select(call.id, submission.id, submission.process_id, submission.created_at)
        .join(submission)
        .where(call.status == Status.SUBMITTING)
    )
    found: Iterable[Any] = query.tuples()
    return list(found)
