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
from obdtrack.store.columns import to_microseconds
from obdtrack.store.database import Store

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
    send_until: datetime | None = None
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
        "send_until": intention.send_until,
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


def confirm_right(submission_id: UUID, until: datetime, store: Store) -> bool:
    """Whether the request of this submission may be sent until then: nobody has settled it.

    What is changed need not outlive a power cut: the process that sends would not, either.
    """
    sql = _CONFIRM.format(store.param)
    return bool(store.change_unsynced(sql, (to_microseconds(until), submission_id.bytes)))


_CONFIRM = "UPDATE submissions SET send_until = {0} WHERE id = {0} AND settled_at IS NULL"


def close_submission(
    submission_id: UUID,
    settled_at: datetime,
    *,
    keep_variables: bool,
    send_until: datetime | None = None,
) -> None:
    """Note that nothing more is awaited; the variables' values go unless still needed.

    `send_until` is when whoever was placing it will have stopped at the latest; None: it has.
    """
    change: dict[str, object] = {"settled_at": settled_at, "send_until": send_until}
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


class SubmissionInFlight(NamedTuple):
    """A call that is `submitting`, and who is placing it until when at the latest."""

    call_id: UUID
    submission_id: UUID
    process_id: UUID | None
    send_until: datetime | None


def in_flight() -> list[SubmissionInFlight]:
    """List the calls that are `submitting`."""
    call, submission = models.Call, models.Submission
    query = (
        call.select(call.id, submission.id, submission.process_id, submission.send_until)
        .join(submission)
        .where(call.status == Status.SUBMITTING)
    )
    found: Iterable[Any] = query.tuples()
    return [SubmissionInFlight(*row) for row in found]
