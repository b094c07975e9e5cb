"""A call in sentences a customer can be told: what happened, how we know, what happens next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.event import Event
from obdtrack.domain.fold import Attempt, CallState
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.web.pages.words import SOURCE, reason_text

_SOON = timedelta(days=2)

ENDED = {
    Status.BUSY: "The line was busy",
    Status.NO_ANSWER: "Nobody answered",
    Status.CANCELED: "The call ended before anybody picked up",
    Status.FAILED: "The call did not get through",
}


class Story(NamedTuple):
    """The answer, where it comes from, and what is to be expected."""

    answer: str
    known: str
    next: str


class Clock(NamedTuple):
    """How days and times are written for this reader."""

    day: Callable[[datetime | None], str]
    time: Callable[[datetime | None], str]

    def at(self, moment: datetime) -> str:
        """Say when: `on 23 Nov at 11:57:39`."""
        return f"on {self.day(moment)} at {self.time(moment)}"


def tell(
    state: CallState, events: Sequence[Event], interval: int, check: datetime | None, clock: Clock
) -> Story:
    """Tell a call; `check` is when the provider is asked next, `interval` minutes are redials."""
    return Story(
        answer=_answer(state, events, clock),
        known=_known(state, events, clock),
        next=_next(state, interval, check, clock),
    )


def length(seconds: float) -> str:
    """Say a length of time in its two largest units: `16 s`, `2 min 5 s`, `3 h`, `2 d 4 h`."""
    left = max(round(seconds), 0)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _answer(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    if state.status is Status.COMPLETED:
        return _sentence(_answered(state, clock), _told(state, events))
    if state.status in ENDED:
        return _sentence(_ended(state, clock), _told(state, events))
    return _UNDECIDED[state.status](state, events, clock)


def _answered(state: CallState, clock: Clock) -> str:
    said = "Answered"
    if state.reason:
        said += f" ({reason_text(state.reason)})"
    begun, ended = state.started_at, state.ended_at
    if begun and ended:
        lasted = length((ended - begun).total_seconds())
        when = f"on {clock.day(ended)}; the call ended at {clock.time(ended)}"
        return f"{said} {when}, {lasted} after it started"
    if begun or ended:
        verb = "started" if begun else "ended"
        return f"{said}; the call {verb} {clock.at(begun or ended or state.status_as_of)}"
    return f"{said}; the provider did not say when"


def _ended(state: CallState, clock: Clock) -> str:
    said = ENDED[state.status]
    if state.reason:
        said += f" ({reason_text(state.reason)})"
    when = state.ended_at or state.started_at
    said = f"{said} {clock.at(when)}" if when else f"{said}; the provider did not say when"
    begun, ended = state.started_at, state.ended_at
    if begun and ended and ended > begun:
        said += f", {length((ended - begun).total_seconds())} after the call began"
    tries = len(state.attempts)
    return f"{said}, at attempt {tries}" if tries > 1 else said


def _told(state: CallState, events: Sequence[Event]) -> str:
    """Say how long after its end the provider's word came, and by which way."""
    first = next(iter(_words(state, events)), None)
    if first is None:
        return ""
    way = (
        "found by asking the provider"
        if first.source is Source.POLL
        else "reported by the provider"
    )
    ended = state.ended_at
    if ended is None:
        return way
    late = first.recorded_at - ended
    if not timedelta(0) <= late < _SOON:
        return f"{way}, by a clock that differs from ours"
    if late < timedelta(seconds=1):
        return f"{way} at once"
    return f"{way} {length(late.total_seconds())} later"


def _words(state: CallState, events: Sequence[Event]) -> list[Event]:
    """Give what was reported or found that the last attempt ended so, in the order it came."""
    if not state.attempts:
        return []
    last: Attempt = state.attempts[-1]
    told = [e for e in events if e.id in last.event_ids and e.status is state.status]
    return sorted(told, key=lambda event: event.recorded_at)


def _sentence(*parts: str) -> str:
    return "; ".join(part for part in parts if part) + "."


def _queued(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    sent = min(event.recorded_at for event in events)
    said = f"The provider accepted the call {clock.at(sent)}; it has not said yet how it ended."
    if state.provider_status and state.provider_status.lower() != "queued":
        said += f" Its last word, “{state.provider_status}”, is none we know."
    return said


def _submitting(_state: CallState, _events: Sequence[Event], _clock: Clock) -> str:
    return "The request is on its way to the provider."


def _unknown(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    sent = min(event.recorded_at for event in events)
    why = reason_text(state.reason) or "no usable answer came"
    return f"We do not know whether the phone rang: the request left {clock.at(sent)}, but {why}."


def _rejected(state: CallState, _events: Sequence[Event], clock: Clock) -> str:
    why = reason_text(state.reason) or "the provider refused it"
    return f"No phone rang: {why} ({clock.at(state.status_as_of)})."


def _unresolved(state: CallState, _events: Sequence[Event], _clock: Clock) -> str:
    if state.reason == "placed-again":
        return "It was never known what became of this call; a person had it placed again."
    return "It was never known what became of this call: no report came, and asking found nothing."


_UNDECIDED: dict[Status, Callable[[CallState, Sequence[Event], Clock], str]] = {
    Status.QUEUED: _queued,
    Status.SUBMITTING: _submitting,
    Status.UNKNOWN: _unknown,
    Status.REJECTED: _rejected,
    Status.UNRESOLVED: _unresolved,
}


def _known(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    since = clock.at(state.status_as_of)[3:]
    if state.status is Status.UNKNOWN:
        return f"From nobody: we sent the request and got no usable answer (noted {since})."
    ways = [SOURCE[source] for source in _sources(state, events)]
    word = f", whose word for it is “{state.provider_status}”" if state.provider_status else ""
    return f"Known from {' and from '.join(ways)}{word}, since {since}.{_waited(state, events)}"


def _sources(state: CallState, events: Sequence[Event]) -> list[Source]:
    """Give everybody who told what holds, the first first: a report and a poll may both have."""
    told = [event.source for event in _words(state, events)]
    return list(dict.fromkeys(told)) or [state.status_source]


def _waited(state: CallState, events: Sequence[Event]) -> str:
    """Say that a report was here before anybody knew that it is about this call."""
    first = next(iter(_words(state, events)), None)
    named = next((e for e in events if e.kind is Kind.RESOLUTION and e.reason == "attached"), None)
    if first is None or first.source is not Source.WEBHOOK or named is None:
        return ""
    waited = named.recorded_at - first.recorded_at
    if waited < timedelta(seconds=1):
        return ""
    who = "asking" if named.source is Source.POLL else SOURCE[named.source]
    return (
        f" The report could be put on this call only {length(waited.total_seconds())} after it "
        f"came, when {who} told what the provider calls it."
    )


def _next(state: CallState, interval: int, check: datetime | None, clock: Clock) -> str:
    asked = f"obdtrack asks the provider {clock.at(check)}" if check else ""
    if state.status is Status.QUEUED:
        return f"If no report comes, {asked}." if asked else "Waiting for the provider's report."
    if state.status is Status.UNKNOWN:
        looked = f"{asked}. " if asked else ""
        return f"{looked}The call is never sent again unless a person decides so."
    if state.status is Status.UNRESOLVED:
        return "Nothing by itself; a report that comes late is still taken."
    if state.status is Status.SUBMITTING:
        return "The provider's answer, within seconds."
    if interval and state.answered is False:
        return f"The provider may dial again: {interval} minutes lie between its attempts."
    return "Nothing more is expected."


def kind_text(event: Event) -> str:
    """Say what an event is, in a few words."""
    if event.kind is Kind.CHECK:
        found = event.detail.get("found")
        return "Asked the provider: nothing new" if found else "Asked the provider: nothing found"
    if event.kind is Kind.ANSWER and event.status is Status.UNKNOWN:
        return "No usable answer"
    return {
        Kind.SUBMISSION: "Request sent to the provider",
        Kind.ANSWER: "The provider's answer",
        Kind.REPORT: "Found by asking" if event.source is Source.POLL else "Report",
        Kind.INTERRUPTION: "obdtrack was interrupted",
        Kind.DEADLINE: "The last deadline passed",
        Kind.RESOLUTION: "Decided by a person" if event.source is Source.PERSON else "Resolved",
    }.get(event.kind, str(event.kind))
