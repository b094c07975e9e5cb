"""A person's decision which call a report is about that names none, or none that is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from obdtrack.access import audit
from obdtrack.access.audit import Action
from obdtrack.access.keys import Access
from obdtrack.calls import queries, search
from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.provider_ids import assign_provider_id, can_be_named
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult
from obdtrack.calls.reports.process import read
from obdtrack.calls.reports.record import IncomingReport, record_reports
from obdtrack.calls.reports.reprocess import ON_A_TIMELINE, outcomes_now
from obdtrack.calls.resolve import REPORT_GIVEN
from obdtrack.calls.search import CallFilter
from obdtrack.domain.events import Event
from obdtrack.domain.naming import is_of_other_number, names_of
from obdtrack.domain.reports import Report, believable, occurred_at
from obdtrack.domain.status import Kind, Outcome, Source
from obdtrack.domain.texts import Said
from obdtrack.domain.times import to_text
from obdtrack.domain.trial import is_trial
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.database_errors import repeated

GIVABLE = (Outcome.UNMATCHED, Outcome.FAILED)
"""Outcomes of deliveries whose report may still be some call's."""

_BEFORE = timedelta(days=1)
_CLOCKS = timedelta(minutes=2)
_LOOKED_AT = 100


def when_of(report: Report, row: models.Delivery) -> datetime:
    """Return when its attempt was, as the report says or, if that cannot be, when it came."""
    told = report.started_at or occurred_at(report)
    received: datetime = row.received_at
    return told if told and believable(told, received - _BEFORE, received) else received


def possible_calls(report: Report, row: models.Delivery, limit: int) -> list[models.Call]:
    """List the calls to the number that a report gives, those placed nearest to its time first.

    Those of the day before it came. None if it gives no number, or hides too many of its digits.
    """
    sought = {
        CallFilter(number=number) if number.startswith("+") else CallFilter(ending=number)
        for number in report.called
        if number.lstrip("+").isdigit() and len(number) >= search.ENDING
    }
    since, until = row.received_at - _BEFORE, row.received_at + _CLOCKS
    found = [
        call
        for one in sought
        for call in search.newest(one._replace(since=since, until=until), _LOOKED_AT)
        if call.provider == row.provider and not is_trial(call.name, call.to_number)
    ]
    when = when_of(report, row)
    return sorted(found, key=lambda call: abs(call.created_at - when))[:limit]


@repeated
def give_report(
    delivery_id: UUID, call_id: UUID, note: str | None, access: Access, services: Services
) -> None:
    """Put a stored report on the timeline of the call that a person says it is about.

    Where the call's id at the provider is in doubt, that of the report is noted as the call's.
    Raises ObdtrackError: not found; conflict if the report has a call by now, it cannot be read, it
    gives another number than the call's or came from another provider, or the call takes no more.
    """
    row, call = deliveries.find(delivery_id), queries.find(str(call_id))
    if row is None:
        raise ObdtrackError(
            Code.NOT_FOUND, Said("There is no delivery %(delivery_id)s.", delivery_id=delivery_id)
        )
    if call is None:
        raise ObdtrackError(Code.NOT_FOUND, Said("There is no call %(call_id)s.", call_id=call_id))
    reading = read(deliveries.to_stored(row), services)
    if not isinstance(reading, Report):
        raise ObdtrackError(
            Code.CONFLICT, Said("This request cannot be read as a report of one call.")
        )
    if row.provider != call.provider:
        raise ObdtrackError(
            Code.CONFLICT, Said("The report came from another provider than the call's.")
        )
    if is_of_other_number(reading, call):
        raise ObdtrackError(Code.CONFLICT, Said("The report gives another number than the call's."))
    arrival = IncomingReport(
        reading, Source.WEBHOOK, row.received_at, row.provider, row.id, call_id=call_id
    )
    detail = {"by": access.name, **({"note": note} if note else {}), "delivery": str(delivery_id)}
    ids, named = services.provider_of(row).ids, reading.provider_id
    with open_journal(services) as journal:
        journal.lock(names_of(reading, ids).all())
        _require_givable(delivery_id)
        if named and ids.is_id(named) and can_be_named(call):
            assign_provider_id(call_id, named, Source.PERSON, detail, journal)
        if outcomes_now([delivery_id])[delivery_id] not in ON_A_TIMELINE:
            _put(arrival, call_id, detail, journal)
        told = {"action": "give-report", "delivery": str(delivery_id)}
        audit.record(Action.CALL_RESOLVED, call_id, access, services, told)


def _require_givable(delivery_id: UUID) -> None:
    outcome = outcomes_now([delivery_id]).get(delivery_id)
    if outcome in GIVABLE:
        return
    row = deliveries.find(delivery_id)
    events = queries.history([row.call_id])[row.call_id] if row and row.call_id else []
    by_person = (event for event in events if event.detail.get("delivery") == str(delivery_id))
    if given := next(by_person, None):
        who, when = given.detail.get("by"), to_text(given.recorded_at)
        said = Said(
            "%(who)s gave it to its call at %(when)s; nothing was changed.", who=who, when=when
        )
    elif outcome in ON_A_TIMELINE:
        said = Said("It is on the timeline of its call already; nothing was changed.")
    else:
        said = Said("Only an unmatched report can be given to a call.")
    raise ObdtrackError(Code.CONFLICT, said)


def _put(
    arrival: IncomingReport, call_id: UUID, detail: Mapping[str, str], journal: Journal
) -> None:
    """Put the report on the timeline, and beside it who said that it belongs there."""
    (result,) = record_reports([arrival], journal)
    if result.outcome not in ON_A_TIMELINE or arrival.delivery_id is None:
        raise ObdtrackError(
            Code.CONFLICT,
            Said("The call does not take it: %(why)s.", why=result.reason or result.outcome),
        )
    meaning = DeliveryResult(result.outcome, result.reason, call_id)
    deliveries.set_meanings([(arrival.delivery_id, meaning)])
    event = Event(
        new_id(), Kind.RESOLUTION, Source.PERSON, journal.now, reason=REPORT_GIVEN, detail=detail
    )
    journal.append(call_id, event)
