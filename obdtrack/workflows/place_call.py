"""Places one call: the intention is stored first, and the answer says what we know."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import peewee
import structlog

from obdtrack.domain.event import Event
from obdtrack.domain.phone import mask_all
from obdtrack.domain.report import believable
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import (
    AcceptedNumber,
    CallRequest,
    Failure,
    Placement,
    SendAnswer,
    canonical_id,
    submission_uuid,
)
from obdtrack.errors import ObdtrackError
from obdtrack.storage import answers, calls, submissions
from obdtrack.storage.submissions import Intention
from obdtrack.workflows.context import Context, new_id
from obdtrack.workflows.read_again import join_waiting
from obdtrack.workflows.refold import add_and_refold
from obdtrack.workflows.room import PLACING
from obdtrack.workflows.scrub import scrub

log = structlog.get_logger()

STATUS_AFTER: dict[Placement, Status] = {
    Placement.PLACED: Status.QUEUED,
    Placement.NOT_PLACED: Status.REJECTED,
    Placement.UNKNOWN: Status.UNKNOWN,
}

_SETTLE_PAUSES = (0.5, 1, 2, 4, 8)
"""Seconds between tries to store an answer: it is all we will ever hear, so it is worth a wait."""


Condition = Callable[[Intention], None]
"""Something that must hold when the intention is stored, checked in the same transaction; it raises
ObdtrackError if it does not."""


def place_call(
    request: CallRequest,
    key_id: UUID | None,
    context: Context,
    conditions: Sequence[Condition] = (),
) -> UUID:
    """Ask the provider, once, to place this call; gives the call's id.

    The call is then `queued`, `rejected` or `unknown`, or still `submitting` if its answer could
    not be stored. Raises ObdtrackError (unavailable), before anything has left, if too many are
    being placed or the intention could not be stored, or whatever a condition raised.
    """
    with PLACING.hold():
        return _place(request, key_id, context, conditions)


def _place(
    request: CallRequest, key_id: UUID | None, context: Context, conditions: Sequence[Condition]
) -> UUID:
    intention = _intention(request, key_id, context)
    _intend(request, intention, conditions, context)
    context.store.close()  # the provider may take seconds; somebody else can use the connection
    requested_at = context.now()
    answer = _send(request, context)
    exchange = answers.Exchange(
        id=new_id(),
        call_id=intention.call_id,
        kind="send",
        requested_at=requested_at,
        answered_at=context.now(),
        http_status=answer.http_status,
        failure=answer.failure,
        message=answer.message,
        body=scrub(answer.body, request.variables.values()),
    )
    _persist(lambda: _settle(request, intention, answer, exchange, context))
    return intention.call_id


def _intention(request: CallRequest, key_id: UUID | None, context: Context) -> Intention:
    return Intention(
        submission_id=new_id(),
        call_id=new_id(),
        created_at=context.now(),
        key_id=key_id,
        process_id=context.process_id,
        variables_encrypted=context.vault.seal(request.variables) if request.variables else None,
        fingerprint=_fingerprint(request, context),
    )


def _fingerprint(request: CallRequest, context: Context) -> str | None:
    """Give how a twin of this call is told, None if nobody looks for twins."""
    if not context.settings.duplicate_guard_seconds:
        return None
    heard = [request.to, request.flow_id, request.audio, dict(request.variables)]
    return context.vault.fingerprint(canonical(heard))


def canonical(content: object) -> bytes:
    """Give the same bytes for the same content."""
    return json.dumps(content, sort_keys=True, default=str).encode()


def _intend(
    request: CallRequest, intention: Intention, conditions: Sequence[Condition], context: Context
) -> None:
    with context.store.write():
        if intention.fingerprint is not None:
            context.store.lock_names({intention.fingerprint})  # or twins would not see each other
        # Only now: who has waited for a turn may come too late for the hours of calling.
        now = context.now()
        intention = intention._replace(created_at=now)
        # A default may be another when somebody looks; the submission keeps what was asked of us.
        webhook_id = context.provider.completed(request).webhook_id
        detail = {"webhook_id": webhook_id} if webhook_id else {}
        event = Event(new_id(), Kind.SUBMISSION, Source.API, now, Status.SUBMITTING, detail=detail)
        for condition in conditions:
            condition(intention)
        submissions.intend(request, intention)
        calls.add_events([(intention.call_id, event)])


def _send(request: CallRequest, context: Context) -> SendAnswer:
    try:
        return context.provider.send(request)
    except Exception:  # the request may have left: what we do not know, we say
        log.exception("send_failed")
        return SendAnswer(Failure.INTERNAL_ERROR)


def _persist(store_answer: Callable[[], None]) -> None:
    for tries, pause in enumerate((*_SETTLE_PAUSES, None)):
        try:
            return store_answer()
        except ObdtrackError:
            log.exception("answer_not_stored", next_try_seconds=pause)
            if pause is None:
                return None
            time.sleep(pause)
        except Exception as error:  # the phone may ring: an error would have it asked for again
            if tries and isinstance(error, peewee.IntegrityError):
                log.warning("answer_stored_before")  # that commit was done, and reported as failed
            else:
                log.exception("answer_not_stored")
            return None
    return None


def _settle(
    request: CallRequest,
    intention: Intention,
    answer: SendAnswer,
    exchange: answers.Exchange,
    context: Context,
) -> None:
    number = _our_number(request, answer)
    with context.store.write():
        if number is not None:
            placed_at, told = intention.created_at, number.submitted_at
            if told and not believable(told, placed_at, exchange.answered_at):
                number = number._replace(submitted_at=None)
            call_id, provider_id = intention.call_id, canonical_id(number.provider_id)
            mid = submission_uuid(provider_id)
            context.store.lock_names({provider_id, mid})
            if not submissions.name_at_provider(call_id, provider_id, mid, number.submitted_at):
                log.error("provider_id_taken", call_id=str(call_id), provider_id=provider_id)
                answer, number = SendAnswer(Failure.ANSWER_WITHOUT_ID), None
        answers.add(exchange)
        _conclude(intention, answer, exchange, number, context)
        if number is not None:
            join_waiting(provider_id, mid, context)


def _conclude(
    intention: Intention,
    answer: SendAnswer,
    exchange: answers.Exchange,
    number: AcceptedNumber | None,
    context: Context,
) -> None:
    submissions.settle(
        intention.submission_id,
        exchange.answered_at,
        # While it is unknown a person may decide to place it again.
        keep_variables=answer.placement is Placement.UNKNOWN,
    )
    event = answer_event(answer, number, exchange.id, exchange.answered_at)
    add_and_refold(intention.call_id, [event], exchange.answered_at, context)


def answer_event(
    answer: SendAnswer, number: AcceptedNumber | None, answer_id: UUID, answered_at: datetime
) -> Event:
    """Give the event that the provider's answer to our request is on its call's timeline."""
    return Event(
        id=new_id(),
        kind=Kind.ANSWER,
        source=Source.API,
        recorded_at=answered_at,
        status=STATUS_AFTER[answer.placement],
        reason=answer.failure,
        occurred_at=number.submitted_at if number else None,
        answer_id=answer_id,
        detail=_detail(answer, number),
    )


def _our_number(request: CallRequest, answer: SendAnswer) -> AcceptedNumber | None:
    if answer.failure is not None:
        return None
    return next((number for number in answer.numbers if number.to in (None, request.to)), None)


def _detail(answer: SendAnswer, number: AcceptedNumber | None) -> dict[str, Any]:
    detail = {
        "http_status": answer.http_status,
        "message": mask_all(answer.message) if answer.message else None,
        "provider_id": number.provider_id if number else None,
        "charges": number.charges if number else None,
    }
    return {name: value for name, value in detail.items() if value is not None}
