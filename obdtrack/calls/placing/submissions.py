"""Submissions: one request to the provider each, pending and then closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.status import Status
from obdtrack.domain.submission import CallRequest
from obdtrack.store import bulk_sql, models

REQUESTED = tuple(
    field.name for field in fields(CallRequest) if field.name in models.Submission._meta.fields
)
"""What of a request stands with its submission, under the same name. The rest is the call's."""


class PendingCall(NamedTuple):
    """What is known of a call before the provider is asked."""

    submission_id: UUID
    call_id: UUID
    created_at: datetime
    key_id: UUID | None
    provider: str
    process_id: UUID | None = None
    variables_encrypted: bytes | None = None
    fingerprint: str | None = None


def create_submission(request: CallRequest, intention: PendingCall) -> None:
    """Store a submission, before anything leaves."""
    submission = {
        "id": intention.submission_id,
        "created_at": intention.created_at,
        **{name: getattr(request, name) for name in REQUESTED},
        "variable_names": sorted(request.variables),
        "variables_encrypted": intention.variables_encrypted,
        "key_id": intention.key_id,
        "process_id": intention.process_id,
        "fingerprint": intention.fingerprint,
    }
    bulk_sql.insert(models.Submission, tuple(submission), [tuple(submission.values())])


def request_of(call: models.Call) -> CallRequest:
    """Return the request that placed a call (with its submission), without values of variables."""
    return CallRequest(
        to=call.to_number,
        reference=call.reference,
        metadata=call.metadata,
        **{name: getattr(call.submission, name) for name in REQUESTED},
    )


def drop_variables(to_number: str) -> None:
    """Delete the encrypted variables of all calls to this number."""
    call, submission = models.Call, models.Submission
    theirs = call.select(call.submission).where(call.to_number == to_number)
    submission.update(variables_encrypted=None).where(submission.id.in_(theirs)).execute()


def close_submission(submission_id: UUID, settled_at: datetime, *, keep_variables: bool) -> None:
    """Note that the provider has answered; the variables' values go unless still needed."""
    change: dict[str, object] = {"settled_at": settled_at}
    if not keep_variables:
        change["variables_encrypted"] = None
    values = (*change.values(), submission_id)
    bulk_sql.update(models.Submission, tuple(change), ("id",), [values])


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
