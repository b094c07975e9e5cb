"""A person's decision about a call whose outcome is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from obdtrack.access import audit
from obdtrack.access.audit import Action
from obdtrack.access.keys import Access
from obdtrack.calls import queries
from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.calling_rules import dialling_rules
from obdtrack.calls.placing.place import Condition, place_submission
from obdtrack.calls.placing.send_right import require_over
from obdtrack.calls.placing.submissions import PendingSubmission
from obdtrack.calls.provider_ids import DECLARED, assign_provider_id
from obdtrack.calls.reports import deliveries
from obdtrack.domain.events import Event, place_in_story
from obdtrack.domain.phone import is_erased
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import CallRequest
from obdtrack.domain.texts import N_, Said
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.database_errors import repeated

PLACED_AGAIN = "placed-again"

REPORT_GIVEN = "report-given"
"""The reason beside a report that a person said is about the call."""


def resolve(
    call_id: UUID,
    *,
    action: str,
    access: Access,
    services: Services,
    provider_id: str | None = None,
    note: str | None = None,
) -> UUID:
    """Carry out a decision: `attach` (needs `provider_id`), `not-placed`, `place-again` or `seen`.

    Returns the call to look at next: this one, or the new one. Raises ObdtrackError as the
    decisions below and `review_call` do.
    """
    if action == "seen":
        review_call(call_id, note, access, services)
        return call_id
    if action == "place-again":
        return place_again(call_id, note, access, services)
    if action == "not-placed":
        declare_not_placed(call_id, note, access, services)
    elif provider_id is not None:
        attach_by_person(call_id, provider_id, note, access, services)
    return call_id


def resolve_submission(
    submission_id: UUID,
    *,
    action: str,
    access: Access,
    services: Services,
    note: str | None = None,
) -> UUID:
    """Carry out a decision about all calls of a submission that are unknown, as one.

    Returns the submission to look at next: this one, or the one that places them again. Raises
    ObdtrackError as the decisions about one call do, and conflict if no call of it is unknown.
    """
    calls = submissions.calls_of(submission_id)
    unknown = [call.id for call in calls if call.status == Status.UNKNOWN]
    if not unknown:
        raise ObdtrackError(Code.CONFLICT, "No call of this submission is unknown.")
    if action == "place-again":
        return _place_again(unknown, note, access, services).id
    _declare_not_placed(unknown, note, access, services)
    return submission_id


@repeated
def review_call(call_id: UUID, note: str | None, access: Access, services: Services) -> None:
    """Say that a person has looked at a call, which needs no attention then until more comes.

    Raises ObdtrackError: not found, or conflict if it needs none.
    """
    with open_journal(services) as journal:
        if journal.call(call_id) is None:
            raise ObdtrackError(Code.NOT_FOUND, f"There is no call {call_id}.")
        if not journal.state(call_id).needs_attention:
            said = decided_before(call_id) or "This call needs no attention."
            raise ObdtrackError(Code.CONFLICT, said)
        detail = _who(access, note)
        event = Event(new_id(), Kind.REVIEW, Source.PERSON, journal.now, detail=detail)
        journal.append(call_id, event)
        _record(call_id, access, services, action="seen")


@repeated
def attach_by_person(
    call_id: UUID, provider_id: str, note: str | None, access: Access, services: Services
) -> None:
    """Say that this call is the provider's so named; its waiting reports join it.

    Raises ObdtrackError: invalid if the provider has no such ids; conflict if the call has an id
    already, another call has this one, or the call's outcome is known otherwise than by a person.
    """
    call = queries.find(str(call_id))
    if call is not None:
        ids = services.provider_of(call).ids
        name = ids.canonical(provider_id)
        # A report may give an id of another shape; one that waits is no slip of the pen.
        if not ids.is_id(provider_id) and not deliveries.waiting_for(call.provider, [name]):
            wrong = f"Not a provider's id; it looks like {ids.example}."
            raise ObdtrackError(
                Code.INVALID, "Some fields are invalid.", fields={"provider_id": [wrong]}
            )
    with open_journal(services) as journal:
        assign_provider_id(call_id, provider_id, Source.PERSON, _who(access, note), journal)
        _record(call_id, access, services, action="attach", provider_id=provider_id)


def declare_not_placed(call_id: UUID, note: str | None, access: Access, services: Services) -> None:
    """Say that no phone rang; a report that comes all the same is still believed.

    Raises ObdtrackError (conflict) if the call's outcome is not unknown, or its request may still
    be sent.
    """
    _declare_not_placed([call_id], note, access, services)


@repeated
def _declare_not_placed(
    call_ids: Sequence[UUID], note: str | None, access: Access, services: Services
) -> None:
    with open_journal(services) as journal:
        for call in _all_in_doubt(call_ids, services, journal):
            _decide(call, Status.REJECTED, DECLARED, _who(access, note), journal)
            _record(call.id, access, services, action="not-placed")


def place_again(call_id: UUID, note: str | None, access: Access, services: Services) -> UUID:
    """Place the call anew, as a new call that names the old one; returns the new call's id.

    The old one stays on record as never known. Raises ObdtrackError (conflict) if its outcome is
    not unknown, somebody has decided meanwhile, its request may still be sent, its variables cannot
    be read any more, or its number may not be called.
    """
    return _place_again([call_id], note, access, services).call_id


def _place_again(
    call_ids: Sequence[UUID], note: str | None, access: Access, services: Services
) -> PendingSubmission:
    requests = [_request(_undecided(queries.find(str(one)), one), services) for one in call_ids]
    conditions = [*dialling_rules(requests[0], services), _replace(note, access, services)]
    return place_submission(requests, access.key_id, services, conditions)


def _replace(note: str | None, access: Access, services: Services) -> Condition:
    def replace_old(intention: PendingSubmission, journal: Journal) -> None:
        new = {one.request.retry_of: str(one.id) for one in intention.calls if one.request.retry_of}
        for call in _all_in_doubt(list(new), services, journal):
            replaced_by = new[call.id]
            detail = {**_who(access, note), "replaced_by": replaced_by}
            _decide(call, Status.UNRESOLVED, PLACED_AGAIN, detail, journal)
            _record(call.id, access, services, action="place-again", replaced_by=replaced_by)

    return replace_old


def _decide(
    call: models.Call, status: Status, reason: str, detail: dict[str, Any], journal: Journal
) -> None:
    now = journal.now
    event = Event(new_id(), Kind.RESOLUTION, Source.PERSON, now, status, reason, detail=detail)
    journal.append(call.id, event)


def _all_in_doubt(
    call_ids: Sequence[UUID], services: Services, journal: Journal
) -> list[models.Call]:
    """Return these calls of one submission, which are unknown and not sent by anybody any more."""
    present = {row.id for row in journal.calls(call_ids)}
    calls = [_undecided(queries.find(str(i)) if i in present else None, i) for i in call_ids]
    submission = calls[0].submission
    require_over(submission, services)
    submissions.decide(submission.id, call_ids, journal.now)
    return calls


def _undecided(call: models.Call | None, call_id: UUID) -> models.Call:
    if call is None:
        raise ObdtrackError(Code.NOT_FOUND, Said("There is no call %(call_id)s.", call_id=call_id))
    if call.status != Status.UNKNOWN:
        raise ObdtrackError(
            Code.CONFLICT,
            decided_before(call_id)
            or Said(
                "Only a call whose outcome is unknown can be resolved; it is %(status)s.",
                status=call.status,
            ),
        )
    return call


def decided_before(call_id: UUID) -> str | None:
    """Say what a person recorded about a call last, for another who comes too late; None: nothing.

    Times in it are UTC.
    """
    events = queries.history([call_id])[call_id]
    by_person = [event for event in events if event.source is Source.PERSON]
    if not by_person:
        return None
    last = max(by_person, key=place_in_story)
    template = _RECORDED.get(last.reason or last.kind, _ATTACHED)
    return Said(
        template,
        who=last.detail.get("by", "?"),
        when=to_text(last.recorded_at),
        provider_id=last.detail.get("provider_id"),
    )


_RECORDED = {
    DECLARED: N_("%(who)s recorded at %(when)s that no phone rang; nothing was changed."),
    PLACED_AGAIN: N_("%(who)s had it placed again at %(when)s; nothing was changed."),
    REPORT_GIVEN: N_(
        "%(who)s recorded at %(when)s that a report is about it; nothing was changed."
    ),
    Kind.REVIEW: N_("%(who)s recorded at %(when)s to have looked at it; nothing was changed."),
}
_ATTACHED = N_(
    "%(who)s recorded at %(when)s that it is the provider's call %(provider_id)s; nothing was "
    "changed."
)


def _request(call: models.Call, services: Services) -> CallRequest:
    if is_erased(call.to_number):
        raise ObdtrackError(Code.CONFLICT, "The number of this call was erased.")
    return replace(
        submissions.request_of(call),
        variables=_variables(call.submission, services),
        metadata={**(call.metadata or {}), "replaces": str(call.id)},
        campaign_id=None,
        retry_of=call.id,
    )


def _variables(submission: models.Submission, services: Services) -> dict[str, str]:
    if not submission.variable_names:
        return {}
    try:
        return services.encryption.open(submission.variables_encrypted or b"")
    except ValueError as error:
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "The values of its variables can no longer be read (%(error)s); place a new call.",
                error=error,
            ),
        ) from None


def _record(call_id: UUID, access: Access, services: Services, **detail: Any) -> None:
    audit.record(Action.CALL_RESOLVED, call_id, access, services, detail)


def _who(access: Access, note: str | None) -> dict[str, Any]:
    return {"by": access.name, **({"note": note} if note else {})}
