"""Places one call: the intention is stored first, and the response says what we know."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any
from uuid import UUID

import peewee
import structlog

from obdtrack.calls import responses
from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.send_right import SendRight
from obdtrack.calls.placing.submissions import PendingCall
from obdtrack.calls.reports.conflicts import dispute_id
from obdtrack.calls.reports.reprocess import reprocess_waiting
from obdtrack.domain.events import Event
from obdtrack.domain.redaction import mask_all, remove_values
from obdtrack.domain.reports import believable
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import (
    AcceptedNumber,
    CallRequest,
    Failure,
    Placement,
    SendResponse,
)
from obdtrack.domain.times import settled
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()

STATUS_AFTER: dict[Placement, Status] = {
    Placement.PLACED: Status.QUEUED,
    Placement.NOT_PLACED: Status.REJECTED,
    Placement.UNKNOWN: Status.UNKNOWN,
}

_PAUSES_BEFORE_RESPONDING = (0, 0.5)
_WORTH_WAITING = 0.5
"""Seconds after which whoever placed the call waits for no further try."""

_PAUSES_AFTERWARDS = (2, 4, 8)
"""Seconds before each try to store a response. It is all we will ever get: the tries go on, by the
last of these, until it is stored; whoever placed the call need not wait for that."""


Condition = Callable[[PendingCall, Journal], None]
"""Something that must hold when the intention is stored, checked in the same transaction; it raises
ObdtrackError if it does not."""


def place_call(
    request: CallRequest,
    key_id: UUID | None,
    services: Services,
    conditions: Sequence[Condition] = (),
) -> UUID:
    """Ask the provider, once, to place this call; returns the call's id.

    The call is then `queued`, `rejected` or `unknown`, or still `submitting` if its response could
    not be stored. Raises ObdtrackError (unavailable), before anything has left, if too many are
    being placed or the intention could not be stored, or whatever a condition raised.
    """
    with services.limits.placing.hold():
        return _place(request, key_id, services, conditions)


def _place(
    request: CallRequest, key_id: UUID | None, services: Services, conditions: Sequence[Condition]
) -> UUID:
    intention = _intention(request, key_id, services)
    right = _intend(request, intention, conditions, services)
    services.store.close()  # the provider may take seconds; somebody else can use the connection
    requested_at = services.now()
    response = _send(request, right, services)
    exchange = responses.ProviderResponse(
        id=new_id(),
        call_id=intention.call_id,
        kind="send",
        requested_at=requested_at,
        responded_at=services.now(),
        http_status=response.http_status,
        failure=response.failure,
        message=response.message,
        body=remove_values(response.body, request.variables.values(), services.provider.own_keys),
    )
    _persist(lambda: _settle(request, intention, response, exchange, services))
    return intention.call_id


def _intention(request: CallRequest, key_id: UUID | None, services: Services) -> PendingCall:
    return PendingCall(
        submission_id=new_id(),
        call_id=new_id(),
        created_at=services.now(),
        key_id=key_id,
        provider=services.provider.name,
        process_id=services.process_id,
        variables_encrypted=services.encryption.seal(request.variables)
        if request.variables
        else None,
        fingerprint=_fingerprint(request, services),
    )


def _fingerprint(request: CallRequest, services: Services) -> str | None:
    """Return how a twin of this call is told, None if nobody looks for twins."""
    if not services.settings.duplicate_guard_seconds:
        return None
    heard = [request.to, request.flow_id, request.audio, dict(request.variables)]
    return services.encryption.fingerprint(canonical(heard))


def canonical(content: object) -> bytes:
    """Return the same bytes for the same content."""
    return json.dumps(content, sort_keys=True, default=str).encode()


@repeated
def _intend(
    request: CallRequest,
    intention: PendingCall,
    conditions: Sequence[Condition],
    services: Services,
) -> SendRight:
    with open_journal(services) as journal:
        if intention.fingerprint is not None:
            journal.lock({intention.fingerprint})  # or twins would not see each other
        # Only now: who has waited for a turn may come too late for the hours of calling.
        now, right = journal.now, SendRight(intention.submission_id, services)
        intention = intention._replace(created_at=now, send_until=right.until)
        # A default may be another when somebody looks; the submission keeps what was asked of us.
        webhook_id = services.provider.completed(request).webhook_id
        detail = {"webhook_id": webhook_id} if webhook_id else {}
        event = Event(new_id(), Kind.SUBMISSION, Source.API, now, Status.SUBMITTING, detail=detail)
        for condition in conditions:
            condition(intention, journal)
        journal.create(request, intention, event)
    return right


def _send(request: CallRequest, right: SendRight, services: Services) -> SendResponse:
    try:
        return services.provider.send(request, right.check)
    except Exception:  # the request may have left: what we do not know, we say
        log.exception("send_failed")
        return SendResponse(Failure.INTERNAL_ERROR)


def _persist(store_response: Callable[[], None]) -> None:
    if not _stored(store_response, _awaited()):
        endless = chain(_PAUSES_AFTERWARDS, repeat(_PAUSES_AFTERWARDS[-1]))
        go_on = partial(_stored, store_response, endless, again=True)
        threading.Thread(target=go_on, name="response", daemon=True).start()


def _awaited() -> Iterator[float]:
    """Return the pauses before the tries that whoever placed the call waits for."""
    began = time.monotonic()
    for pause in _PAUSES_BEFORE_RESPONDING:
        if time.monotonic() - began < _WORTH_WAITING:
            yield pause


def _stored(
    store_response: Callable[[], None], pauses: Iterable[float], *, again: bool = False
) -> bool:
    """Try after each of these pauses; False if the database was out of use each time."""
    for pause in pauses:
        if pause:
            time.sleep(pause)
        try:
            store_response()
        except ObdtrackError as error:
            log.warning("response_not_stored", reason=error.message, exc_info=True)
            again = True
        except Exception as error:  # the phone may ring: an error would have it asked for again
            if again and isinstance(error, peewee.IntegrityError):
                log.warning("response_already_stored")  # the commit that failed had succeeded
            else:
                log.exception("response_not_stored")
            return True
        else:
            return True
    return False


@repeated
def _settle(
    request: CallRequest,
    intention: PendingCall,
    response: SendResponse,
    exchange: responses.ProviderResponse,
    services: Services,
) -> None:
    ours = (number for number in response.numbers if number.to in (None, request.to))
    number = next(ours, None) if response.failure is None else None
    with open_journal(services, now=exchange.responded_at) as journal:
        if number is not None:
            placed_at, told = intention.created_at, number.submitted_at
            if told:
                fits = believable(told, placed_at, exchange.responded_at)
                submitted_at = settled(told, placed_at) if fits else None
                number = number._replace(submitted_at=submitted_at)
            ids = services.provider.ids
            call_id, provider_id = intention.call_id, ids.canonical(number.provider_id)
            mid = ids.submission(provider_id)
            journal.lock({provider_id, mid})
            holder = journal.assign_provider_id(
                call_id, intention.provider, provider_id, mid, number.submitted_at
            )
            if holder is not None:
                log.error("provider_id_taken", call_id=str(call_id), provider_id=provider_id)
                response, number = SendResponse(Failure.ID_GIVEN_TWICE), None
                dispute_id(provider_id, (holder, call_id), exchange.id, journal)
        responses.add(exchange)
        _conclude(intention, response, exchange, number, journal)
        if number is not None:
            reprocess_waiting(intention.provider, provider_id, mid, journal)


def _conclude(
    intention: PendingCall,
    response: SendResponse,
    exchange: responses.ProviderResponse,
    number: AcceptedNumber | None,
    journal: Journal,
) -> None:
    submissions.close_submission(
        intention.submission_id,
        exchange.responded_at,
        # While it is unknown a person may decide to place it again.
        keep_variables=response.placement is Placement.UNKNOWN,
    )
    event = response_event(response, number, exchange.id, exchange.responded_at)
    if journal.call(intention.call_id):
        journal.append(intention.call_id, event)


def response_event(
    response: SendResponse, number: AcceptedNumber | None, response_id: UUID, responded_at: datetime
) -> Event:
    """Return the event that the provider's response to our request is on its call's timeline."""
    return Event(
        id=new_id(),
        kind=Kind.RESPONSE,
        source=Source.API,
        recorded_at=responded_at,
        status=STATUS_AFTER[response.placement],
        reason=response.failure,
        occurred_at=number.submitted_at if number else None,
        response_id=response_id,
        detail=_detail(response, number),
    )


def _detail(response: SendResponse, number: AcceptedNumber | None) -> dict[str, Any]:
    detail = {
        "http_status": response.http_status,
        "message": mask_all(response.message) if response.message else None,
        "provider_id": number.provider_id if number else None,
        "charges": number.charges if number else None,
    }
    return {name: value for name, value in detail.items() if value is not None}
