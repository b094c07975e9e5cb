"""A call in sentences for a customer: what happened, how we know, what happens next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.web.pages.clocks import Clock, length
from obdtrack.web.pages.labels import reason_text
from obdtrack.web.pages.provenance import (
    how_soon,
    is_test,
    known,
    last_attempt,
    last_check,
    ringing,
    teller,
    tellers,
)

# How many redials the provider makes is not reported; this long after the next was due it is over.
_REDIAL_MARGIN = timedelta(minutes=15)

ENDED = {
    Status.COMPLETED: "Answered",
    Status.BUSY: "The line was busy",
    Status.NO_ANSWER: "Nobody answered",
    Status.CANCELED: "The call ended before anybody picked up",
    Status.FAILED: "The call did not get through",
}


class Story(NamedTuple):
    """What happened, how we know, and what is to be expected."""

    sentence: str
    known: str
    next: str


class Outlook(NamedTuple):
    """What the future depends on: now, when the provider is next polled, minutes between dials."""

    now: datetime
    check: datetime | None = None
    interval: int = 0


def tell(state: CallState, events: Sequence[Event], outlook: Outlook, clock: Clock) -> Story:
    """Return a call's story."""
    say = _test if is_test(events) else _ended if state.status in ENDED else _OPEN[state.status]
    return Story(
        sentence=say(state, events, clock),
        known=known(state, events, clock),
        next=_next(state, outlook, clock),
    )


def _test(_state: CallState, events: Sequence[Event], clock: Clock) -> str:
    posted = f"obdtrack posted it to its own callback {clock.at(_begun(events))}"
    came = next((event.recorded_at for event in events if event.kind is Kind.REPORT), None)
    return f"{posted}; {f'it arrived {clock.at(came)}' if came else 'it has not arrived'}."


def _ended(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    return f"{_how_it_ended(state, events, clock)}; {how_soon(state, events)}."


def _how_it_ended(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    last = last_attempt(state)
    why = f" ({reason_text(state.reason)})" if state.reason else ""
    many = f" at attempt {last.number}" if last and len(state.attempts) > 1 else ""
    said, begun, ended = f"{ENDED[state.status]}{why}{many}", state.started_at, state.ended_at
    if begun is None or ended is None:
        moment = begun or ended
        if moment is None:
            return f"{said}; the provider did not say when"
        return f"{said}; the call {'started' if begun else 'ended'} {clock.at(moment)}"
    rang = ringing(last, _begun(events)) if last else timedelta(0)
    after = f", after {length(rang.total_seconds())} of ringing," if rang else ""
    said = f"{said} on {clock.day(begun)}; the call started at {clock.time(begun)}{after}"
    if ended < begun:
        return f"{said}; the reported end time ({clock.after(ended, begun)}) is before the start"
    lasted = length((ended - begun).total_seconds())
    return f"{said} and ended {lasted} later, {clock.after(ended, begun)}"


def _begun(events: Sequence[Event]) -> datetime:
    return min(event.recorded_at for event in events)


def _queued(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    first = tellers(state, events)[-1]
    when = clock.at(first.recorded_at)
    if first.kind is Kind.RESPONSE:
        said = f"The provider accepted the call {when}"
    elif first.kind is Kind.RESOLUTION and first.source is Source.PERSON:
        who, theirs = teller(first), first.detail.get("provider_id")
        said = (
            f"{who[0].upper()}{who[1:]} recorded {when} that it is the call {theirs} at the "
            "provider, which has not confirmed it"
        )
    else:
        way = "a report" if first.source is Source.WEBHOOK else "its log"
        said = f"The provider has the call, as {way} showed {when}"
    said += "; it has not reported the outcome yet."
    if state.provider_status and state.provider_status.lower() != "queued":
        said += f" Its last status, “{state.provider_status}”, is not one we know."
    return said


def _submitting(_state: CallState, _events: Sequence[Event], _clock: Clock) -> str:
    return "The request is on its way to the provider."


def _unknown(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    sent = _begun(events)
    why = reason_text(state.reason) or "no usable response came"
    return f"We do not know whether the phone rang: the request left {clock.at(sent)}, but {why}."


def _rejected(state: CallState, _events: Sequence[Event], clock: Clock) -> str:
    why = reason_text(state.reason) or "the provider refused it"
    return f"No phone rang: {why} ({clock.at(state.status_as_of)})."


def _skipped(state: CallState, _events: Sequence[Event], clock: Clock) -> str:
    why = reason_text(state.reason) or "it was left out"
    return f"Not called: {why} ({clock.at(state.status_as_of)}). Nothing was sent."


def _unresolved(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    said = "The outcome of this call is not known"
    if state.reason == "placed-again":
        return f"{said}; a person had it placed again."
    came = "no report came"
    if state.report_count:
        came = f"no report said how it ended (the last status was “{state.provider_status}”)"
    return f"{said}: {came}{last_check(events, clock)}."


_OPEN: dict[Status, Callable[[CallState, Sequence[Event], Clock], str]] = {
    Status.QUEUED: _queued,
    Status.SUBMITTING: _submitting,
    Status.UNKNOWN: _unknown,
    Status.REJECTED: _rejected,
    Status.UNRESOLVED: _unresolved,
    Status.SKIPPED: _skipped,
}


def _next(state: CallState, outlook: Outlook, clock: Clock) -> str:
    poll = f"obdtrack polls the provider {clock.at(outlook.check)}" if outlook.check else ""
    if state.status is Status.QUEUED:
        return f"If no report comes, {poll}." if poll else "Waiting for the provider's report."
    if state.status is Status.UNKNOWN:
        looked = poll or "obdtrack has stopped looking for it: someone has to decide what happened"
        return f"{looked}. The call is never sent again unless someone decides to."
    if state.status is Status.UNRESOLVED:
        return "Nothing automatic; a late report is still accepted."
    if state.status is Status.SUBMITTING:
        return "The provider's response, within seconds."
    if outlook.interval and state.answered is False:
        return _redial(state, outlook, clock) + (f" To be sure, {poll}." if poll else "")
    return "Nothing more is expected."


def _redial(state: CallState, outlook: Outlook, clock: Clock) -> str:
    until = state.status_as_of + timedelta(minutes=outlook.interval) + _REDIAL_MARGIN
    if outlook.now >= until:
        return "No further attempt was reported in time: nothing more is expected."
    return (
        f"The provider may dial again: {outlook.interval} minutes lie between its attempts. "
        f"If no attempt is reported until {clock.time(until)}, none is expected any more."
    )


def kind_text(event: Event) -> str:
    """Say what an event is, in a few words."""
    if event.kind is Kind.CHECK:
        return _poll_text(event)
    if event.kind is Kind.RESPONSE and event.status is Status.UNKNOWN:
        return "No usable response"
    if event.kind is Kind.REPORT:
        what = "Found by polling" if event.source is Source.POLL else "Report"
        silent = event.status is None and not event.detail.get("provider_status")
        return f"{what}, which says nothing about how the call went" if silent else what
    if event.source is Source.SYSTEM and event.kind in _MADE_UP:
        return _MADE_UP[event.kind]
    return {
        Kind.SUBMISSION: "Request sent to the provider",
        Kind.RESPONSE: "The provider's response",
        Kind.INTERRUPTION: "obdtrack was interrupted",
        Kind.DEADLINE: "The last deadline passed",
        Kind.CONFLICT: "Not believed: it may be about another call",
        Kind.LIMIT: "So many distinct reports: further ones are kept in the inbox only",
        Kind.RESOLUTION: "Decided by a person" if event.source is Source.PERSON else "Resolved",
    }.get(event.kind, str(event.kind))


_MADE_UP = {
    Kind.SUBMISSION: "Test call created",
    Kind.RESPONSE: "Test call given an id; nothing was sent",
}
"""What the timeline of a test report shows in place of a request and its response."""


def _poll_text(event: Event) -> str:
    if event.reason:
        return "Polled the provider: no usable response"
    candidates = event.detail.get("candidates")
    if candidates:
        return f"Looked for it at the provider; possible matches: {len(candidates)}"
    found = event.detail.get("found")
    return "Polled the provider: nothing new" if found else "Polled the provider: nothing found"
