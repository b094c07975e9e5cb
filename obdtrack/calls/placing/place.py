"""Places calls: the intention is stored first, and the response says what we know."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from datetime import datetime
from functools import partial
from itertools import chain, repeat
from typing import Any, NamedTuple
from uuid import UUID

import peewee
import structlog

from obdtrack.calls import responses
from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.as_stored import StoredSubmission, as_stored
from obdtrack.calls.placing.send_right import SendRight
from obdtrack.calls.placing.submissions import ClosedSubmission, PendingCall, PendingSubmission
from obdtrack.calls.reports.conflicts import dispute_id
from obdtrack.calls.reports.reprocess import reprocess_waiting
from obdtrack.domain.acceptance import Verdict, share_out
from obdtrack.domain.events import Event
from obdtrack.domain.naming import ProviderName
from obdtrack.domain.redaction import mask_all, remove_values
from obdtrack.domain.reports import believable
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import (
    CallRequest,
    Failure,
    Permit,
    Placement,
    SendResponse,
)
from obdtrack.domain.times import settled
from obdtrack.errors import ObdtrackError
from obdtrack.providers.base import Provider, TakesLists
from obdtrack.services import Services, new_id
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()

STATUS_AFTER: dict[Placement, Status] = {
    Placement.PLACED: Status.QUEUED,
    Placement.NOT_PLACED: Status.REJECTED,
    Placement.UNKNOWN: Status.UNKNOWN,
}

_PAUSES_BEFORE_RESPONDING = (0, 0.5)
_MOST_NOTES = 100
_WORTH_WAITING = 0.5
"""Seconds after which whoever placed the call waits for no further try."""

_PAUSES_AFTERWARDS = (2, 4, 8)
"""Seconds before each try to store a response. It is all we will ever get: the tries go on, by the
last of these, until it is stored; whoever placed the call need not wait for that."""


Condition = Callable[[PendingSubmission, Journal], PendingSubmission | None]
"""Something that must hold when the intention is stored, checked in the same transaction; it raises
ObdtrackError if it does not. It may return the intention with some calls to be skipped."""

Chosen = Callable[[Journal], Sequence[PendingSubmission]]
"""Says, in the transaction that stores them, what is to be sent; it may be asked again."""

Shown = Callable[[StoredSubmission], None]
"""Is given what was placed once its response is stored; not if that takes long, or is unusual."""


def place_call(
    request: CallRequest,
    key_id: UUID | None,
    services: Services,
    conditions: Sequence[Condition] = (),
) -> UUID:
    """Ask the provider, once, to place this call; returns the call's id.

    The call is then `queued`, `rejected` or `unknown`, or still `submitting` if its response could
    not be stored. Raises as `place_submission` does.
    """
    return place_submission([request], key_id, services, conditions).call_id


def place_submission(
    requests: Sequence[CallRequest],
    key_id: UUID | None,
    services: Services,
    conditions: Sequence[Condition] = (),
    show: Shown | None = None,
) -> PendingSubmission:
    """Ask the provider, once and by one request, to place these calls; returns what was stored.

    The requests differ in `to`, `reference`, `metadata` and `retry_of` only, and no number is
    twice among them. Raises ObdtrackError (unavailable), before anything has left, if too many are
    being placed or the intention could not be stored, or whatever a condition raised.
    """
    with services.limits.placing.hold():
        pending = pend(requests, key_id, services)

        def choose(journal: Journal) -> list[PendingSubmission]:
            intention = pending._replace(created_at=journal.now)
            # Or twins would not see each other.
            journal.lock({call.fingerprint for call in pending.calls if call.fingerprint})
            for condition in conditions:
                intention = condition(intention, journal) or intention
            return [intention]

        (placed,) = place_chosen(choose, services, show=show)
        return placed


def pend(
    requests: Sequence[CallRequest],
    key_id: UUID | None,
    services: Services,
    variables_encrypted: bytes | None = None,
) -> PendingSubmission:
    """Return the submission that asks for these calls, to be stored and sent from now on.

    `variables_encrypted` are the variables of each, if somebody has sealed them already.
    """
    sealed = variables_encrypted
    if sealed is None and requests[0].variables:
        sealed = services.encryption.seal(requests[0].variables)
    return PendingSubmission(
        id=new_id(),
        calls=tuple(PendingCall(new_id(), one, _fingerprint(one, services)) for one in requests),
        created_at=services.now(),
        key_id=key_id,
        provider=services.provider.name,
        process_id=services.process_id,
        variables_encrypted=sealed,
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


def place_chosen(
    choose: Chosen,
    services: Services,
    executor: Executor | None = None,
    may_leave: Permit | None = None,
    heard: Callable[[SendResponse], None] = lambda _: None,
    show: Shown | None = None,
) -> list[PendingSubmission]:
    """Store what is to be sent, all at once, and send each of it once; returns what was stored.

    The requests leave side by side if there is an `executor`. `may_leave` is asked before each,
    and by raising NotPermittedError keeps it from leaving; `heard` is called with each response,
    before it is stored. Raises what `choose` raises, and
    ObdtrackError (unavailable) before anything has left if the intentions could not be stored.
    """
    intentions, right = _intend(choose, services)
    services.store.close()  # the provider may take seconds; somebody else can use the connection

    def send(intention: PendingSubmission) -> _Sent:
        sent = _send(intention, right, may_leave, services)
        heard(sent.response)
        return sent

    asked = [one for one in intentions if one.requests]
    for sent in _as_completed(send, asked, executor):
        _persist(partial(_settle, sent, services, show))
    return intentions


def _as_completed(
    send: Callable[[PendingSubmission], _Sent],
    asked: Sequence[PendingSubmission],
    executor: Executor | None,
) -> Iterator[list[_Sent]]:
    """Send all of these; yields what came back while the last of it was stored, so in batches."""
    if executor is None or len(asked) < 2:
        yield from ([send(one)] for one in asked)
        return
    waiting: Collection[Future[_Sent]] = [executor.submit(send, one) for one in asked]
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield [one.result() for one in done]


@repeated
def _intend(choose: Chosen, services: Services) -> tuple[list[PendingSubmission], SendRight]:
    with open_journal(services) as journal:
        chosen = choose(journal)
        # Only now: who has waited for a turn may come too late for the hours of calling.
        right = SendRight([one.id for one in chosen], services)
        intentions = [one._replace(send_until=right.until) for one in chosen]
        journal.create([(one, _beginnings(one, journal)) for one in intentions])
    return intentions, right


def _beginnings(intention: PendingSubmission, journal: Journal) -> list[Event]:
    """Return the first event of each call of a submission."""
    # A default may be another when somebody looks; the submission keeps what was asked of us.
    shared = intention.calls[0].request
    webhook_id = journal.services.provider.completed(shared).webhook_id
    detail = {"webhook_id": webhook_id} if webhook_id else {}
    return [
        Event(new_id(), Kind.SUBMISSION, Source.API, journal.now, Status.SUBMITTING, detail=detail)
        if call.skipped is None
        else Event(
            new_id(), Kind.SUBMISSION, Source.SYSTEM, journal.now, Status.SKIPPED, call.skipped
        )
        for call in intention.calls
    ]


class _Sent(NamedTuple):
    """A submission and what came back for it: as it was read, and as it is stored."""

    intention: PendingSubmission
    response: SendResponse
    exchange: responses.ProviderResponse


def _send(
    intention: PendingSubmission,
    right: SendRight,
    may_leave: Permit | None,
    services: Services,
) -> _Sent:
    requests, requested_at = intention.requests, services.now()

    confirmed, begun = right.of(intention.id), False

    def permit() -> None:
        nonlocal begun
        if may_leave is not None and not begun:  # who has begun to ask goes on
            may_leave()
        confirmed()
        begun = True

    try:
        response = _send_by(services.provider, requests, permit)
    except Exception:  # the request may have left: what we do not know, we say
        log.exception("send_failed")
        response = SendResponse(Failure.INTERNAL_ERROR)
    finally:
        services.store.close()
    hidden = requests[0].variables.values()
    exchange = responses.ProviderResponse(
        id=new_id(),
        call_id=None,
        submission_id=intention.id,
        kind="send",
        requested_at=requested_at,
        responded_at=services.now(),
        http_status=response.http_status,
        failure=response.failure,
        message=response.message,
        body=remove_values(response.body, hidden, services.provider.own_keys),
    )
    return _Sent(intention, response, exchange)


def _send_by(provider: Provider, requests: Sequence[CallRequest], permit: Permit) -> SendResponse:
    if len(requests) == 1:
        return provider.send(requests[0], permit)
    if not isinstance(provider, TakesLists):
        raise TypeError(f"{provider.name} takes one number a request.")
    return provider.send_list(requests, permit)


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
def _settle(sent: Sequence[_Sent], services: Services, show: Shown | None) -> None:
    """Store responses, and what each means for the calls of its request."""
    outcomes = [(one, _outcomes(one, services)) for one in sent]
    names = [told.name for _, told_of in outcomes for told in told_of.calls if told.name]
    with open_journal(services, now=max(one.exchange.responded_at for one in sent)) as journal:
        journal.lock(known := {spelled for one in names for spelled in one[2:4]})
        taken = journal.assign_provider_ids(names)
        journal.assign_mids(_mids_of_unlisted(outcomes))
        involved = {call.id for one in sent for call in one.intention.calls} | set(taken.values())
        present = {row.id for row in journal.calls(involved)}
        responses.add(*(one.exchange for one in sent))
        for one, told_of in outcomes:
            for told in told_of.calls:
                if told.call_id in present:
                    _note(told, one, taken.get(told.call_id), journal)
        submissions.close([_closed(one, told_of, taken) for one, told_of in outcomes])
        strangers = {one.intention.id: told_of.strangers for one, told_of in outcomes}
        submissions.note({one: told[:_MOST_NOTES] for one, told in strangers.items() if told})
        if known:
            reprocess_waiting(services.provider.name, known, journal)
    if show and not taken:
        for one, told_of in outcomes:
            called = {told.call_id: told.name for told in told_of.calls}
            notes = told_of.strangers[:_MOST_NOTES]
            if found := as_stored(one.intention, one.exchange, called, journal.stored, notes):
                show(found)


class _CallOutcome(NamedTuple):
    """What a response means for one call, and how the provider calls it if it took it."""

    call_id: UUID
    verdict: Verdict
    name: ProviderName | None


class _Outcomes(NamedTuple):
    """What a response means for the calls of its request, and what it says of nobody's."""

    calls: list[_CallOutcome]
    strangers: list[dict[str, Any]]


def _outcomes(sent: _Sent, services: Services) -> _Outcomes:
    intention, response, exchange = sent
    ids = services.provider.ids
    shared = share_out(response, [request.to for request in intention.requests])
    found = []
    asked = (call for call in intention.calls if call.skipped is None)
    for call, verdict in zip(asked, shared.verdicts, strict=True):
        name = None
        if number := verdict.number:
            told = number.submitted_at
            if told:
                placed_at = intention.created_at
                fits = believable(told, placed_at, exchange.responded_at)
                told = settled(told, placed_at) if fits else None
                verdict = verdict._replace(number=number._replace(submitted_at=told))
            provider_id = ids.canonical(number.provider_id or "")
            mid = ids.submission(provider_id)
            name = ProviderName(call.id, intention.provider, provider_id, mid, told)
        found.append(_CallOutcome(call.id, verdict, name))
    return _Outcomes(found, shared.strangers)


def _mids_of_unlisted(outcomes: Iterable[tuple[_Sent, _Outcomes]]) -> dict[UUID, str]:
    """Return the submission's id of calls that have no id while others of their request do.

    Their reports may name them by it, and their number.
    """
    found: dict[UUID, str] = {}
    for _, told_of in outcomes:
        names = [one.name for one in told_of.calls if one.name]
        mids = {name.mid for name in names}
        if len(mids) == 1 and all(name.provider_id != name.mid for name in names):
            found |= dict.fromkeys((one.call_id for one in told_of.calls if not one.name), *mids)
    return found


def _note(told: _CallOutcome, sent: _Sent, holder: UUID | None, journal: Journal) -> None:
    """Put a response on the timeline of one call; `holder` is the one that has its id already."""
    verdict, exchange = told.verdict, sent.exchange
    if holder is not None and told.name:
        provider_id = told.name.provider_id
        log.error("provider_id_taken", call_id=str(told.call_id), provider_id=provider_id)
        verdict = Verdict(Failure.ID_GIVEN_TWICE)
        dispute_id(provider_id, (holder, told.call_id), exchange.id, journal)
    event = response_event(sent.response, verdict, exchange.id, exchange.responded_at)
    journal.append(told.call_id, event)


def _closed(sent: _Sent, told_of: _Outcomes, taken: Collection[UUID]) -> ClosedSubmission:
    # While one is unknown a person may decide to place it again.
    keep = any(
        one.call_id in taken or one.verdict.placement is Placement.UNKNOWN for one in told_of.calls
    )
    return ClosedSubmission(sent.intention.id, sent.exchange.responded_at, keep)


def response_event(
    response: SendResponse, verdict: Verdict, response_id: UUID, responded_at: datetime
) -> Event:
    """Return the event that the provider's response to our request is on a call's timeline."""
    number = verdict.number
    detail = {
        "http_status": response.http_status,
        "message": mask_all(response.message) if response.message else None,
        "provider_id": number.provider_id if number else None,
        "charges": number.charges if number else None,
    }
    return Event(
        id=new_id(),
        kind=Kind.RESPONSE,
        source=Source.API,
        recorded_at=responded_at,
        status=STATUS_AFTER[verdict.placement],
        reason=verdict.failure,
        occurred_at=number.submitted_at if number else None,
        response_id=response_id,
        detail={name: value for name, value in detail.items() if value is not None},
    )
