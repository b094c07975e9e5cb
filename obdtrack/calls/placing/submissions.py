"""Submissions: one request to the provider each, for one call or several; pending, then closed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.status import Status
from obdtrack.domain.submission import CallRequest
from obdtrack.store import bulk_sql, models
from obdtrack.store.connections import asking, connected
from obdtrack.store.database import Store
from obdtrack.store.database_errors import unavailable_if_locked

OF_REQUEST = ("name", "reference", "metadata", "interval", "campaign_id", "retry_of")
"""What of a request is stored with its call, under the same name."""

REQUESTED = tuple(
    field.name for field in fields(CallRequest) if field.name in models.Submission._meta.fields
)
"""What of a request stands with its submission, under the same name. The rest is the call's."""


class PendingCall(NamedTuple):
    """What is known of a call before the provider is asked.

    `skipped` says why it is not to be asked at all; `fingerprint` is the same for twins of the
    call, and None if nobody looks for them.
    """

    id: UUID
    request: CallRequest
    fingerprint: str | None = None
    skipped: str | None = None


class HeardLately(NamedTuple):
    """What the newest requests let people hear: flows and sounds, each once, the newest first."""

    flows: list[str]
    sounds: list[str]


class PendingSubmission(NamedTuple):
    """What is known of a submission before the provider is asked.

    The requests of its calls differ in `to`, `reference`, `metadata` and `retry_of` only.
    """

    id: UUID
    calls: tuple[PendingCall, ...]
    created_at: datetime
    key_id: UUID | None
    provider: str
    process_id: UUID | None = None
    send_until: datetime | None = None
    variables_encrypted: bytes | None = None

    @property
    def requests(self) -> list[CallRequest]:
        """The calls that the provider is asked for, in order."""
        return [call.request for call in self.calls if call.skipped is None]

    @property
    def call_id(self) -> UUID:
        """The id of its first call."""
        return self.calls[0].id

    def skipping(self, reasons: Mapping[UUID, str]) -> PendingSubmission:
        """Return it without asking for these calls (by id), each for its reason."""
        calls = (call._replace(skipped=reasons.get(call.id, call.skipped)) for call in self.calls)
        return self._replace(calls=tuple(calls))


def create(intentions: Iterable[PendingSubmission]) -> None:
    """Store submissions, before anything leaves; one that asks for nothing awaits nothing."""
    rows = [row_of(intention) for intention in intentions]
    if not rows:
        return
    bulk_sql.insert(models.Submission, tuple(rows[0]), [tuple(row.values()) for row in rows])


def row_of(intention: PendingSubmission) -> dict[str, Any]:
    """Return what is stored of a submission before the provider is asked, by column."""
    request = intention.calls[0].request
    is_sent = any(call.skipped is None for call in intention.calls)
    return {
        "id": intention.id,
        "created_at": intention.created_at,
        **{name: getattr(request, name) for name in REQUESTED},
        "variable_names": sorted(request.variables),
        "variables_encrypted": intention.variables_encrypted if is_sent else None,
        "key_id": intention.key_id,
        "process_id": intention.process_id,
        "send_until": intention.send_until if is_sent else None,
        "settled_at": None if is_sent else intention.created_at,
    }


def request_of(call: models.Call) -> CallRequest:
    """Return the request that placed a call (with its submission), without values of variables."""
    return CallRequest(
        to=call.to_number,
        reference=call.reference,
        metadata=call.metadata,
        campaign_id=call.campaign_id,
        retry_of=call.retry_of,
        **{name: getattr(call.submission, name) for name in REQUESTED},
    )


def heard_lately(newest: int = 200) -> HeardLately:
    """Return which flows and sounds the newest requests named."""
    row = models.Submission
    rows: Any = row.select(row.flow_id, row.audio).order_by(row.id.desc()).limit(newest).tuples()
    columns = list(zip(*rows, strict=True)) or [(), ()]
    return HeardLately(*(list(filter(None, dict.fromkeys(column))) for column in columns))


def find(submission_id: UUID) -> models.Submission | None:
    """Return a submission."""
    return next(iter(bulk_sql.load(models.Submission, "id", [submission_id])), None)


def callers_of(calls: Iterable[models.Call]) -> dict[UUID, str]:
    """Return the names of the keys that have asked for these calls, by the keys' ids."""
    keys = list({call.submission.key_id for call in calls} - {None})
    return dict(bulk_sql.fetch(models.ApiKey, ("id", "name"), "id", keys, order="id"))


def calls_of(submission_id: UUID) -> list[models.Call]:
    """List the calls of a submission, which is read with them, in the order of its numbers."""
    calls = bulk_sql.load(models.Call, "submission", [submission_id])
    for submission in bulk_sql.load(models.Submission, "id", [submission_id]):
        for call in calls:
            call.submission = submission
    return calls


def drop_variables(to_number: str, *, unless: Callable[[bytes], bool]) -> None:
    """Delete the encrypted variables of all submissions that went to this number.

    Those that another call needs, since it is unknown, are kept if `unless` says so of them.
    """
    call, submission, other = models.Call, models.Submission, models.Call.alias()
    theirs = call.select(call.submission).where(call.to_number == to_number)
    sealed = submission.id.in_(theirs) & submission.variables_encrypted.is_null(False)
    needed = (other.to_number != to_number) & (other.status == Status.UNKNOWN)
    by_others = {
        row.__data__["submission"]
        for row in other.select(other.submission).where(needed & other.submission.in_(theirs))
    }
    dropped = [
        row.id
        for row in submission.select(submission.id, submission.variables_encrypted).where(sealed)
        if not (row.id in by_others and unless(row.variables_encrypted))
    ]
    submission.update(variables_encrypted=None).where(submission.id.in_(dropped)).execute()


def confirm_rights(submission_ids: Sequence[UUID], store: Store) -> frozenset[UUID]:
    """Return those of these submissions that may still be sent: nobody has settled them.

    Raises ObdtrackError (unavailable) if the database cannot tell.
    """
    columns = ("id", "settled_at")
    with unavailable_if_locked(), connected(store), asking(store):
        found = bulk_sql.fetch(models.Submission, columns, "id", submission_ids, order="id")
    return frozenset(one for one, settled_at in found if settled_at is None)


class ClosedSubmission(NamedTuple):
    """That nothing more is awaited of a submission; the variables' values go unless still needed.

    `send_until` is when whoever was placing it will have stopped at the latest; None: it has.
    """

    id: UUID
    settled_at: datetime
    keep_variables: bool = False
    send_until: datetime | None = None


def close(closed: Collection[ClosedSubmission]) -> None:
    """Store that these submissions are closed."""
    kept = [(one.settled_at, one.send_until, one.id) for one in closed if one.keep_variables]
    gone = [
        (one.settled_at, one.send_until, None, one.id) for one in closed if not one.keep_variables
    ]
    columns = ("settled_at", "send_until")
    bulk_sql.update(models.Submission, columns, ("id",), kept)
    bulk_sql.update(models.Submission, (*columns, "variables_encrypted"), ("id",), gone)


def note(notes: Mapping[UUID, Sequence[Any]]) -> None:
    """Keep with submissions what of their responses belongs to none of their calls."""
    rows = [(told, submission_id) for submission_id, told in notes.items()]
    bulk_sql.update(models.Submission, ("notes",), ("id",), rows)


def decide(submission_id: UUID, call_ids: Collection[UUID], settled_at: datetime) -> None:
    """Note that these calls of a submission are decided: no process sends them any more.

    The variables' values go when no other call of it is unknown.
    """
    call = models.Call
    ours = call.submission == submission_id
    others = call.select().where(ours & call.id.not_in(list(call_ids)))
    keep = others.where(call.status == Status.UNKNOWN).exists()
    close([ClosedSubmission(submission_id, settled_at, keep)])


def recent_duplicates(fingerprints: Collection[str], since: datetime) -> dict[str, UUID]:
    """Return the newest call made since then by each fingerprint, of those not refused."""
    call = models.Call
    made = call.fingerprint.in_(list(fingerprints)) & (call.created_at >= since)
    never_left = (Status.REJECTED, Status.SKIPPED)
    found = call.select(call.id, call.fingerprint).where(made & call.status.not_in(never_left))
    return {str(row.fingerprint): row.id for row in found.order_by(call.id)}


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
