"""Derives a call's events anew from what is raw: deliveries, and what the provider's API returned.

Reports are read again from the bytes they came in. What the provider said to our request comes from
the stored response: its failure, code and time, and from its body the charges beside the call's id.
An event stays as it is where nothing rawer is left. So does a response that said yes to a call
which is not known by the id it gave: that was another call's, or a person or a search found ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from obdtrack.calls import responses
from obdtrack.calls.placing.place import response_event
from obdtrack.calls.queries import CallRow
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.record import (
    IncomingReport,
    place_among,
    rows_about,
    tells_something,
)
from obdtrack.domain.acceptance import Verdict
from obdtrack.domain.events import Event
from obdtrack.domain.naming import is_of_other_number
from obdtrack.domain.reports import FoundCall, Report, believable
from obdtrack.domain.status import Kind, Outcome, Source
from obdtrack.domain.submission import AcceptedNumber, Failure, SendResponse
from obdtrack.domain.times import settled
from obdtrack.providers.base import CallLog
from obdtrack.services import Services
from obdtrack.store import models

log = structlog.get_logger()

REDERIVABLE = (Kind.RESPONSE, Kind.REPORT)
"""The kinds of events that have something raw behind them; nothing rawer is known of the others."""


def rederive(
    match: CallRow, row: models.Call, stored: Sequence[Event], services: Services
) -> tuple[list[Event], list[Event]]:
    """Return the response to our request and the reports of a call, as its raw material tells them.

    `row` and `stored` are what is known of the call now; the journal that gave it holds it.
    """
    exchanges = responses.of_call(match.id)
    answered = _answered(match, row, stored, exchanges, services)
    return answered, _reports(match, stored, exchanges, services)


def _answered(
    match: CallRow,
    row: models.Call,
    stored: Sequence[Event],
    exchanges: Sequence[models.ResponseRow],
    services: Services,
) -> list[Event]:
    """Return the event of the provider's response to our request, made from the stored one."""
    old = [event for event in stored if event.kind is Kind.RESPONSE]
    sent = next((exchange for exchange in exchanges if exchange.kind == "send"), None)
    if sent is None:
        return old
    known = old[0] if old else None
    number = _accepted(match, row, stored, sent, services) if sent.failure is None else None
    if sent.failure is None and number is None:
        return old
    failure = Failure(sent.failure) if sent.failure else None
    # Kept as it is: where a number was erased since, the same words may read otherwise in both.
    message = known.detail.get("message", sent.message) if known else sent.message
    response = SendResponse(failure, message, http_status=sent.http_status)
    event = response_event(response, Verdict(failure, number), sent.id, sent.responded_at)
    return [event._replace(id=known.id) if known else event]


def _accepted(
    match: CallRow,
    row: models.Call,
    stored: Sequence[Event],
    sent: models.ResponseRow,
    services: Services,
) -> AcceptedNumber | None:
    """Return what a yes told of this call; None if the id it told, if any, did not become ours."""
    known = next((event for event in stored if event.kind is Kind.RESPONSE), None)
    told = known.detail if known else {}
    provider_id = told.get("provider_id") or match.provider_id
    attached = (e.detail.get("provider_id") for e in stored if e.kind is Kind.RESOLUTION)
    if provider_id is None or provider_id in attached:
        return None
    # The response to a request lists calls in the words of the provider's log.
    canonical = services.provider_of(match).ids.canonical
    same = (
        call
        for call in _found_in(sent, match, services)
        if canonical(call.report.provider_id or "") == canonical(provider_id)
    )
    found = next(same, FoundCall(Report()))
    charges, submitted_at = found.report.charges, found.created_at
    if submitted_at is None:
        submitted_at = known.occurred_at if known else row.submitted_at
    elif believable(submitted_at, match.created_at, sent.responded_at):
        submitted_at = settled(submitted_at, match.created_at)
    else:
        submitted_at = None
    return AcceptedNumber(provider_id, None, charges or told.get("charges"), submitted_at)


def _reports(
    match: CallRow,
    stored: Sequence[Event],
    exchanges: Sequence[models.ResponseRow],
    services: Services,
) -> list[Event]:
    """Return the call's report events as reading all that is still raw would make them."""
    by_origin = {_origin(event): event for event in stored if event.kind is Kind.REPORT}
    arrivals = _as_recorded(_arrivals(match, stored, exchanges, services), by_origin)
    raw = {_origin(arrival) for arrival in arrivals}
    # Raw requests are kept for a while only; what was read from those that went stays, and with it
    # how often it came: those of its copies that are still there are among them already.
    gone = {e.id: e for e in stored if e.kind is Kind.REPORT and _origin(e) not in raw}
    rebuilt = [event._replace(times_seen=1) for event in gone.values()]
    for arrival in arrivals:
        event, same = place_among(arrival, match, rebuilt)
        if same is not None:
            rebuilt[rebuilt.index(same)] = same._replace(times_seen=same.times_seen + 1)
            continue
        known = by_origin.get(_origin(arrival))
        rebuilt.append(event._replace(id=known.id) if known else event)
    return [
        event._replace(times_seen=max(event.times_seen, gone.get(event.id, event).times_seen))
        for event in rebuilt
    ]


def _as_recorded(
    arrivals: Sequence[IncomingReport], by_origin: Mapping[UUID | None, Event]
) -> list[IncomingReport]:
    """Return arrivals in the order in which they were recorded, which is that of their events' ids.

    A delivery that was replayed was received before what is on the timeline since. Arrivals without
    an event said nothing new, so they come last.
    """

    def place(arrival: IncomingReport) -> tuple[bool, UUID | datetime]:
        known = by_origin.get(_origin(arrival))
        return (known is None, arrival.received_at if known is None else known.id)

    return sorted(arrivals, key=place)


def _origin(told: Event | IncomingReport) -> UUID | None:
    return told.delivery_id or told.response_id


def _arrivals(
    match: CallRow,
    stored: Sequence[Event],
    exchanges: Sequence[models.ResponseRow],
    services: Services,
) -> list[IncomingReport]:
    found: list[tuple[datetime, IncomingReport]] = []
    for row in deliveries.of_call(match.id):
        if row.outcome not in (Outcome.MATCHED, Outcome.DUPLICATE):
            continue
        reading = services.provider_of(row).read_delivery(deliveries.to_stored(row).raw)
        if isinstance(reading, Report):
            arrival = IncomingReport(reading, Source.WEBHOOK, row.received_at, row.provider, row.id)
            found.append((row.received_at, arrival))
    for response in exchanges:
        if (
            response.failure is None
            and response.body
            and _was_believed(response, match, stored, services)
        ):
            listed = [call.report for call in _found_in(response, match, services)]
            for report in rows_about(match, listed, services.provider_of(match).ids):
                if tells_something(report) and not is_of_other_number(report, match):
                    arrival = IncomingReport(
                        report,
                        Source.POLL,
                        response.responded_at,
                        match.provider,
                        None,
                        response.id,
                    )
                    found.append((response.responded_at, arrival))
    return [arrival for _, arrival in sorted(found, key=lambda pair: pair[0])]


def _found_in(
    response: models.ResponseRow, match: CallRow, services: Services
) -> tuple[FoundCall, ...]:
    """Return the calls that a response lists; none if it cannot be read now."""
    provider = services.provider_of(match)
    if not isinstance(provider, CallLog):
        return ()
    try:
        return provider.read_found(response.body or b"")
    except Exception as error:
        log.warning("response_unreadable", response_id=str(response.id), error=type(error).__name__)
        return ()


def _was_believed(
    response: models.ResponseRow, match: CallRow, stored: Sequence[Event], services: Services
) -> bool:
    """Whether a response was about this call: what it was looked for in before is not."""
    told = ((e, e.detail.get("provider_id")) for e in stored)
    canonical = services.provider_of(match).ids.canonical
    named = next((e for e, name in told if name and canonical(name) == match.provider_id), None)
    if response.kind != "status" or named is None:
        return False
    return bool(response.id == named.response_id or response.requested_at >= named.recorded_at)
