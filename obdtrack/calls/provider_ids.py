"""Tells a call how the provider calls it, once that is found out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from obdtrack.calls import queries
from obdtrack.calls.journal import Journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.reprocess import reprocess_waiting
from obdtrack.domain.events import Event
from obdtrack.domain.naming import ProviderName
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import new_id
from obdtrack.store import models

_IN_DOUBT: dict[Source, tuple[Status, ...]] = {
    Source.POLL: (Status.UNKNOWN,),
    # A person may still find out about a call that was given up.
    Source.PERSON: (Status.UNKNOWN, Status.UNRESOLVED),
}
"""Which calls may be told their id, by who found it: no others can be the provider's."""

DECLARED = "declared-not-placed"
"""The reason of a call that a person said was not placed; that can turn out to be wrong."""

_MOST_SHOWN = 20


def can_be_named(call: models.Call, source: Source = Source.PERSON) -> bool:
    """Whether a call may still be told its id by who found it."""
    declared = source is Source.PERSON and call.reason == DECLARED
    return call.provider_id is None and (call.status in _IN_DOUBT[source] or declared)


def waiting_reports(call: models.Call) -> list[models.Delivery]:
    """List the newest reports of the call's number that have no call, if it may be theirs."""
    if not can_be_named(call):
        return []
    return deliveries.waiting_of_number(call.provider, call.to_number, call.created_at, _MOST_SHOWN)


def assign_provider_id(
    call_id: UUID,
    provider_id: str,
    source: Source,
    evidence: Mapping[str, Any],
    journal: Journal,
    response_id: UUID | None = None,
) -> None:
    """Give the call this provider id, with the evidence on its timeline, and its waiting reports.

    The id may be spelled in any way; the timeline keeps its spelling, to ask the provider by it.
    `response_id` is the provider's response it was found in, if it was.
    Raises ObdtrackError (conflict) if the call has an id already, another call has this one, or
    there is no doubt about the call: what was refused rang nobody.
    """
    known = queries.find(str(call_id))  # whose provider never changes; the names are locked first
    if known is None:
        raise ObdtrackError(Code.NOT_FOUND, Said("There is no call %(call_id)s.", call_id=call_id))
    ids = journal.services.provider_of(known).ids
    told, provider_id = provider_id, ids.canonical(provider_id)
    now, mid = journal.now, ids.submission(provider_id)
    event = Event(
        id=new_id(),
        kind=Kind.RESOLUTION,
        source=source,
        recorded_at=now,
        status=Status.QUEUED,
        reason="attached",
        response_id=response_id,
        detail={"provider_id": told, **evidence},
    )
    journal.lock({provider_id, mid})
    call = _unnamed(call_id, source, journal)
    if journal.assign_provider_ids([ProviderName(call_id, call.provider, provider_id, mid, None)]):
        raise ObdtrackError(
            Code.CONFLICT,
            Said("Another call is %(provider_id)s at the provider.", provider_id=provider_id),
        )
    submissions.decide(call.submission.id, [call_id], now)
    journal.append(call_id, event)
    if journal.plan(call_id).given_up:
        journal.poll_at(call_id, now)  # found after the last check: one more is worth it
    reprocess_waiting(call.provider, [provider_id, mid], journal)


def _unnamed(call_id: UUID, source: Source, journal: Journal) -> models.Call:
    call = queries.find(str(call_id)) if journal.call(call_id) else None
    if call is None:
        raise ObdtrackError(Code.NOT_FOUND, Said("There is no call %(call_id)s.", call_id=call_id))
    if call.provider_id is not None:
        raise ObdtrackError(
            Code.CONFLICT,
            Said("The call is %(provider_id)s at the provider.", provider_id=call.provider_id),
        )
    if call.status == Status.SUBMITTING:
        raise ObdtrackError(Code.CONFLICT, "The call is being placed now.", retry_after=20)
    if not can_be_named(call, source):
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "Only a call whose outcome is unknown or unresolved can be given its id; "
                "it is %(status)s.",
                status=call.status,
            ),
        )
    return call
