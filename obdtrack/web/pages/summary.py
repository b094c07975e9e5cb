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
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.language import gettext as _
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
    Status.COMPLETED: N_("Answered"),
    Status.BUSY: N_("The line was busy"),
    Status.NO_ANSWER: N_("Nobody answered"),
    Status.CANCELED: N_("The call ended before anybody picked up"),
    Status.FAILED: N_("The call did not get through"),
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
    posted = clock.at(_begun(events))
    came = next((event.recorded_at for event in events if event.kind is Kind.REPORT), None)
    if came is None:
        return _(
            "obdtrack posted it to its own callback %(posted)s; it has not arrived.", posted=posted
        )
    return _(
        "obdtrack posted it to its own callback %(posted)s; it arrived %(came)s.",
        posted=posted,
        came=clock.at(came),
    )


def _ended(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    how = _how_it_ended(state, events, clock)
    return _("%(how)s; %(known)s.", how=how, known=how_soon(state, events))


def _how_it_ended(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    last = last_attempt(state)
    said, begun, ended = _(ENDED[state.status]), state.started_at, state.ended_at
    if state.reason:
        said = f"{said} ({reason_text(state.reason)})"
    if last and len(state.attempts) > 1:
        said = _("%(said)s at attempt %(number)s", said=said, number=last.number)
    if begun is None or ended is None:
        return _how_it_ended_in_part(said, begun, ended, clock)
    rang = ringing(last, _begun(events)) if last else timedelta(0)
    told = _BACKWARDS if ended < begun else _AFTER_RINGING if rang else _AT_ONCE
    return _(
        told,
        said=said,
        day=clock.day(begun),
        start=clock.whole(begun),
        end=clock.after(ended, begun),
        ringing=length(rang.total_seconds()),
        lasted=length((ended - begun).total_seconds()),
    )


_AT_ONCE = N_(
    "%(said)s on %(day)s; the call started at %(start)s and ended %(lasted)s later, %(end)s"
)
_AFTER_RINGING = N_(
    "%(said)s on %(day)s; the call started at %(start)s, after %(ringing)s of ringing, and ended "
    "%(lasted)s later, %(end)s"
)
_BACKWARDS = N_(
    "%(said)s on %(day)s; the call started at %(start)s; the reported end time (%(end)s) is before "
    "the start"
)


def _how_it_ended_in_part(
    said: str, begun: datetime | None, ended: datetime | None, clock: Clock
) -> str:
    if begun:
        return _("%(said)s; the call started %(when)s", said=said, when=clock.at(begun))
    if ended:
        return _("%(said)s; the call ended %(when)s", said=said, when=clock.at(ended))
    return _("%(said)s; the provider did not say when", said=said)


def _begun(events: Sequence[Event]) -> datetime:
    return min(event.recorded_at for event in events)


def _queued(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    first = tellers(state, events)[-1]
    when = clock.at(first.recorded_at)
    if first.kind is Kind.RESPONSE:
        said = _(
            "The provider accepted the call %(when)s; it has not reported the outcome yet.",
            when=when,
        )
    elif first.kind is Kind.RESOLUTION and first.source is Source.PERSON:
        who, theirs = teller(first), first.detail.get("provider_id")
        said = _(
            "%(who)s recorded %(when)s that it is the call %(id)s at the provider, which has not "
            "confirmed it; it has not reported the outcome yet.",
            who=f"{who[0].upper()}{who[1:]}",
            when=when,
            id=theirs,
        )
    elif first.source is Source.WEBHOOK:
        said = _(
            "The provider has the call, as a report showed %(when)s; it has not reported the "
            "outcome yet.",
            when=when,
        )
    else:
        said = _(
            "The provider has the call, as its log showed %(when)s; it has not reported the "
            "outcome yet.",
            when=when,
        )
    word = state.provider_status
    if word and word.lower() != "queued":
        said += " " + _("Its last status, “%(word)s”, is not one we know.", word=word)
    return said


def _submitting(_state: CallState, _events: Sequence[Event], _clock: Clock) -> str:
    return _("The request is on its way to the provider.")


def _unknown(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    return _(
        "We do not know whether the phone rang: the request left %(when)s, but %(why)s.",
        when=clock.at(_begun(events)),
        why=reason_text(state.reason) or _("no usable response came"),
    )


def _rejected(state: CallState, _events: Sequence[Event], clock: Clock) -> str:
    why = reason_text(state.reason) or _("the provider refused it")
    return _("No phone rang: %(why)s (%(when)s).", why=why, when=clock.at(state.status_as_of))


def _skipped(state: CallState, _events: Sequence[Event], clock: Clock) -> str:
    return _(
        "Not called: %(why)s (%(when)s). Nothing was sent.",
        why=reason_text(state.reason) or _("it was left out"),
        when=clock.at(state.status_as_of),
    )


def _unresolved(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    if state.reason == "placed-again":
        return _("The outcome of this call is not known; a person had it placed again.")
    came = _("no report came")
    if state.report_count:
        came = _(
            "no report said how it ended (the last status was “%(word)s”)",
            word=state.provider_status,
        )
    why = last_check(came, events, clock)
    return _("The outcome of this call is not known: %(why)s.", why=why)


_OPEN: dict[Status, Callable[[CallState, Sequence[Event], Clock], str]] = {
    Status.QUEUED: _queued,
    Status.SUBMITTING: _submitting,
    Status.UNKNOWN: _unknown,
    Status.REJECTED: _rejected,
    Status.UNRESOLVED: _unresolved,
    Status.SKIPPED: _skipped,
}


def _next(state: CallState, outlook: Outlook, clock: Clock) -> str:
    when = clock.at(outlook.check) if outlook.check else None
    if state.answered is False and outlook.interval and state.status not in _NEXT:
        redial = _redial(state, outlook, clock)
        polled = _("To be sure, obdtrack polls the provider %(when)s.", when=when)
        return f"{redial} {polled}" if when else redial
    unpolled, polled = _NEXT.get(state.status, _NOTHING)
    return _(polled, when=when) if when else _(unpolled)


_NOTHING = (N_("Nothing more is expected."),) * 2
_NEXT = {
    Status.QUEUED: (
        N_("Waiting for the provider's report."),
        N_("If no report comes, obdtrack polls the provider %(when)s."),
    ),
    Status.UNKNOWN: (
        N_(
            "obdtrack has stopped looking for it: someone has to decide what happened. The call is "
            "never sent again unless someone decides to."
        ),
        N_(
            "obdtrack polls the provider %(when)s. The call is never sent again unless someone "
            "decides to."
        ),
    ),
    Status.UNRESOLVED: (N_("Nothing automatic; a late report is still accepted."),) * 2,
    Status.SUBMITTING: (N_("The provider's response, within seconds."),) * 2,
}
"""What happens next, if the provider is not polled again and if it is."""


def _redial(state: CallState, outlook: Outlook, clock: Clock) -> str:
    until = state.status_as_of + timedelta(minutes=outlook.interval) + _REDIAL_MARGIN
    if outlook.now >= until:
        return _("No further attempt was reported in time: nothing more is expected.")
    return _(
        "The provider may dial again: %(minutes)s minutes lie between its attempts. If no attempt "
        "is reported until %(time)s, none is expected any more.",
        minutes=outlook.interval,
        time=clock.time(until),
    )


def kind_text(event: Event) -> str:
    """Say what an event is, in a few words."""
    if event.kind is Kind.CHECK:
        return _poll_text(event)
    if event.kind is Kind.RESPONSE and event.status is Status.UNKNOWN:
        return _("No usable response")
    if event.kind is Kind.REPORT:
        telling, silent = _REPORT[event.source is Source.POLL]
        says = event.status is not None or event.detail.get("provider_status")
        return _(telling if says else silent)
    if event.source is Source.SYSTEM and event.kind in _MADE_UP:
        return _(_MADE_UP[event.kind])
    if event.kind is Kind.RESOLUTION and event.source is Source.PERSON:
        return _("Decided by a person")
    return _(_KINDS[event.kind]) if event.kind in _KINDS else str(event.kind)


_REPORT = {
    True: (
        N_("Found by polling"),
        N_("Found by polling, which says nothing about how the call went"),
    ),
    False: (N_("Report"), N_("Report, which says nothing about how the call went")),
}
"""What was polled and what was reported, if it tells something and if it does not."""

_KINDS = {
    Kind.SUBMISSION: N_("Request sent to the provider"),
    Kind.RESPONSE: N_("The provider's response"),
    Kind.INTERRUPTION: N_("obdtrack was interrupted"),
    Kind.DEADLINE: N_("The last deadline passed"),
    Kind.CONFLICT: N_("Not believed: it may be about another call"),
    Kind.REVIEW: N_("Looked at by a person"),
    Kind.LIMIT: N_("So many distinct reports: further ones are kept in the inbox only"),
    Kind.RESOLUTION: N_("Resolved"),
}

_MADE_UP = {
    Kind.SUBMISSION: N_("Test call created"),
    Kind.RESPONSE: N_("Test call given an id; nothing was sent"),
}
"""What the timeline of a test report shows in place of a request and its response."""


def _poll_text(event: Event) -> str:
    if event.reason:
        return _("Polled the provider: no usable response")
    candidates = event.detail.get("candidates")
    if candidates:
        number = len(candidates)
        return _("Looked for it at the provider; possible matches: %(number)s", number=number)
    if event.detail.get("found"):
        return _("Polled the provider: nothing new")
    return _("Polled the provider: nothing found")
