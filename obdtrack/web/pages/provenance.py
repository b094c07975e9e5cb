"""How we know what the page of a call says: who reported it, with which status, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce

from obdtrack.domain.events import Event
from obdtrack.domain.fold import Attempt, CallState
from obdtrack.domain.status import FINAL, Kind, Source, Status
from obdtrack.domain.submission import Failure
from obdtrack.web.pages.clocks import Clock, length
from obdtrack.web.pages.labels import reason_text, source_text
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.language import gettext as _

_SECOND = timedelta(seconds=1)
# The provider reports whole seconds, rounded up or down, and clocks differ a little.
_ROUNDING = timedelta(seconds=2)
_LONGEST_RINGING = timedelta(minutes=5)


def is_test(events: Sequence[Event]) -> bool:
    """Whether the call was created to test the callback; no other one is submitted by us."""
    begun = (e for e in events if e.kind is Kind.SUBMISSION and e.source is Source.SYSTEM)
    return any(e.status is Status.SUBMITTING for e in begun)


def last_attempt(state: CallState) -> Attempt | None:
    """Return the attempt that decides how the call ended."""
    return next((a for a in reversed(state.attempts) if a.status in FINAL), None)


def ringing(attempt: Attempt, asked_at: datetime | None) -> timedelta:
    """Return how long the phone rang before an answered attempt started, as far as that is known.

    The provider's duration can be longer than from start to end: then it includes the ringing,
    which began so much before, though not before we had `asked_at` for the call.
    """
    start, end = attempt.started_at, attempt.ended_at
    if not attempt.answered or start is None or end is None or end < start:
        return timedelta(0)
    extra = timedelta(seconds=attempt.duration_seconds or 0) - (end - start)
    if not timedelta(0) < extra < _LONGEST_RINGING:
        return timedelta(0)
    return max(min(extra, start - asked_at), timedelta(0)) if asked_at else extra


def tellers(state: CallState, events: Sequence[Event]) -> list[Event]:
    """Return the events that say what holds now, as they came: a report and a poll may both."""
    last = last_attempt(state)
    if last is not None:
        telling = [e for e in events if e.id in last.event_ids and e.status is state.status]
    else:
        by_them = [event for event in events if event.source is state.status_source]
        telling = [e for e in by_them if e.status is state.status][-1:] or by_them[-1:]
    return sorted(telling, key=lambda event: event.recorded_at)


def teller(event: Event) -> str:
    """Say who an event is from."""
    ours = event.kind is Kind.SUBMISSION or event.status is Status.UNKNOWN
    if ours or event.reason == Failure.UNREACHABLE:
        return source_text(Source.SYSTEM)
    by = event.detail.get("by") if event.source is Source.PERSON else None
    return f"{source_text(event.source)}{f' ({by})' if by else ''}"


_HOW_SOON = {
    True: (
        N_("found by polling the provider"),
        N_("found by polling the provider, by a clock that differs from ours"),
        N_("found by polling the provider at once"),
        N_("found by polling the provider %(length)s after that"),
    ),
    False: (
        N_("reported by the provider"),
        N_("reported by the provider, by a clock that differs from ours"),
        N_("reported by the provider at once"),
        N_("reported by the provider %(length)s after that"),
    ),
}
"""By which way, polled or reported: some time, too early, at once, or so long after the end."""


def how_soon(state: CallState, events: Sequence[Event]) -> str:
    """Say how long after its end the provider's word came, and by which way."""
    first = tellers(state, events)[0]
    some_time, too_early, at_once, after = _HOW_SOON[first.source is Source.POLL]
    if state.ended_at is None:
        return _(some_time)
    late = first.recorded_at - state.ended_at
    if late < -_ROUNDING:
        return _(too_early)
    return _(at_once) if late < _SECOND else _(after, length=length(late.total_seconds()))


def last_check(told: str, events: Sequence[Event], clock: Clock) -> str:
    """Add to what is told what polling found when no report said how the call ended."""
    last = next((event for event in reversed(events) if event.kind is Kind.CHECK), None)
    if last is None:
        return told
    when, word = clock.at(last.recorded_at), last.detail.get("provider_status")
    if last.reason:
        return _(
            "%(told)s, and the provider, last polled %(when)s, gave no usable response: %(why)s",
            told=told, when=when, why=reason_text(last.reason),
        )  # fmt: skip
    if not last.detail.get("found"):
        said = N_("%(told)s, and the provider, last polled %(when)s, had no such call")
    elif word:
        said = N_("%(told)s, and the provider, last polled %(when)s, still said “%(word)s”")
    else:
        said = N_("%(told)s, and the provider, last polled %(when)s, had nothing new")
    return _(said, told=told, when=when, word=word)


def known(state: CallState, events: Sequence[Event], clock: Clock) -> str:
    """Say from whom we know what holds, in which of the provider's words, and since when."""
    since = clock.since(state.status_as_of)
    if is_test(events):
        return _("From obdtrack itself, which created the call and its report as a test.")
    if state.status is Status.UNKNOWN:
        return _(
            "Not known: we sent the request and got no usable response (recorded %(since)s).",
            since=since,
        )
    if state.status is Status.UNRESOLVED and state.reason == "placed-again":
        who = teller(tellers(state, events)[-1])
        return _("Not known: %(who)s had it placed again (%(since)s).", who=who, since=since)
    if state.status is Status.UNRESOLVED:
        return _("Not known: the last deadline passed (%(since)s).", since=since)
    ways: dict[str, str] = {}
    for event in tellers(state, events):
        who, word = teller(event), event.detail.get("provider_status")
        told = _("%(who)s (its status: “%(word)s”)", who=who, word=word) if word else who
        ways.setdefault(who, told)
    way = reduce(lambda one, other: _("%(one)s and from %(other)s", one=one, other=other),
                 ways.values())  # fmt: skip
    return _("Known from %(way)s, since %(since)s.", way=way, since=since) + _waited(state, events)


def _waited(state: CallState, events: Sequence[Event]) -> str:
    """Say that a report was here before anybody knew that it is about this call."""
    first = next((e for e in tellers(state, events) if e.kind is Kind.REPORT), None)
    named = next((e for e in events if e.kind is Kind.RESOLUTION and e.reason == "attached"), None)
    if first is None or first.source is not Source.WEBHOOK or named is None:
        return ""
    waited = named.recorded_at - first.recorded_at
    if waited < _SECOND:
        return ""
    who = _("polling") if named.source is Source.POLL else teller(named)
    return " " + _(
        "The report could be put on this call only %(length)s after it came, when %(who)s gave "
        "the provider's id for it.",
        length=length(waited.total_seconds()),
        who=who,
    )
