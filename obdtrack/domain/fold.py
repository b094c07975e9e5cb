"""A call's state, computed from its events and from nothing else.

Two kinds of events count. Claims are what we did or a person said (submission, response, deadline,
resolution): the last one holds. Reports are facts about attempts: they beat every claim, whatever
the order or number of their arrivals. A conflict changes no status, and is shown beside it. Neither
does a review: who looked at the call has seen what had come by then, and nothing that came later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from obdtrack.domain.attempts import group_attempts, word_of
from obdtrack.domain.events import Event, place_in_story
from obdtrack.domain.facts import BY_WEIGHT, FACTS, CallFacts, measure, read_facts, record
from obdtrack.domain.status import FINAL, NEEDS_ATTENTION, Kind, Source, Status, strength

NOT_TAKEN = frozenset({Status.REJECTED, Status.UNKNOWN})
"""Statuses of calls that the provider has not said it took: its words about that are told."""

_facts = attrgetter(*FACTS)
_OVERTAKEN = frozenset({Kind.INTERRUPTION, Kind.RESPONSE})


@record
class Attempt(CallFacts):
    """One dialling of the call, put together from every report about it.

    `as_of` is the provider's time for what it says, or ours if the provider gave none. `words` are
    the provider's words in order of weight; more than one final meaning is a `conflict`.
    """

    number: int
    status: Status | None
    reason: str | None
    source: Source
    as_of: datetime
    words: tuple[str, ...]
    conflict: bool
    event_ids: tuple[UUID, ...]


@record
class CallState(CallFacts):
    """Where a call stands, how we know (`status_source`) and since when (`status_as_of`).

    It `needs_attention` while it is unknown, unresolved or in conflict and no person has decided or
    looked at it since it came to be so.
    `provider_message` is what the provider's response said where it did not take the call.
    """

    status: Status
    reason: str | None
    status_source: Source
    status_as_of: datetime
    provider_message: str | None = None
    conflict: bool = False
    needs_attention: bool = False
    attempts: tuple[Attempt, ...] = ()
    report_count: int = 0


def fold(events: Iterable[Event], interval: int = 0) -> CallState:
    """Compute the state of one call; `interval` is its minutes between redials, 0 for none.

    Raises ValueError if no event says how the call began.
    """
    reports, claims, disputes, review = _told(events)
    claims = _without_guesses(claims)
    if not claims:
        raise ValueError("a call needs at least the event of its submission")
    groups = group_attempts(reports, interval)
    attempts = tuple(_attempt(number, group) for number, group in enumerate(groups, start=1))
    for attempt, group in zip(attempts, groups, strict=True):
        if attempt.conflict:
            disputes += _contradictions(group)
    conflict = bool(disputes)
    if decisive := [attempt for attempt in attempts if attempt.status in FINAL]:
        state = _decided(decisive[-1], claims, reports, attempts, conflict=conflict)
    else:
        state = _undecided(claims, reports, attempts, conflict=conflict)
        if state.status in NEEDS_ATTENTION and state.status_source is not Source.PERSON:
            disputes.append(claims[-1])
    if not disputes or (review and max(map(place_in_story, disputes)) < place_in_story(review)):
        return state
    return state._replace(needs_attention=True)


def ended_at_once(report: Event, facts: Mapping[str, Any], charges: str | None) -> CallState:
    """Return what `fold` gives of a call whose first report says how it ended.

    `facts` are those of the report's detail, times as such; `charges` are those of the provider's
    response. The call was in no conflict, and what stood before it decides nothing any more.
    """
    assert report.status in FINAL
    as_of = report.occurred_at or report.recorded_at
    attempt = Attempt(
        number=1,
        status=report.status,
        reason=report.reason,
        source=report.source,
        as_of=as_of,
        words=(word_of(report),),
        conflict=False,
        event_ids=(report.id,),
        **facts,
    )
    return CallState(
        status=report.status,
        reason=report.reason,
        status_source=report.source,
        status_as_of=as_of,
        attempts=(attempt,),
        report_count=1,
        **{**facts, "charges": facts.get("charges") or charges},
    )


def _told(events: Iterable[Event]) -> tuple[list[Event], list[Event], list[Event], Event | None]:
    """Return the reports, claims and conflicts in the order of the story, and the last review."""
    reports: list[Event] = []
    claims: list[Event] = []
    disputes: list[Event] = []
    review: Event | None = None
    for event in sorted(events, key=place_in_story):
        if event.kind is Kind.REPORT:
            reports.append(event)
        elif event.status:
            claims.append(event)
        elif event.kind is Kind.CONFLICT:
            disputes.append(event)
        elif event.kind is Kind.REVIEW:
            review = event
    return reports, claims, disputes, review


def _contradictions(group: Iterable[Event]) -> list[Event]:
    """Return the first report of each end that an attempt is said to have: the last began it."""
    first: dict[Status | None, Event] = {}
    for event in sorted(group, key=place_in_story):
        if event.status in FINAL:
            first.setdefault(event.status, event)
    return list(first.values())


def _without_guesses(claims: list[Event]) -> list[Event]:
    """Leave out that we were interrupted where the response came after all.

    It was written down by a process that took another one, busy or slow, for dead.
    """
    if {claim.kind for claim in claims} >= _OVERTAKEN:
        return [claim for claim in claims if claim.kind is not Kind.INTERRUPTION]
    return claims


def _attempt(number: int, group: Sequence[Event]) -> Attempt:
    ranked = sorted(group, key=_weight, reverse=True) if len(group) > 1 else group
    first = ranked[0]
    finals = {event.status for event in group if event.status in FINAL}
    facts = read_facts(_together(ranked))
    # The word is that of the report which decides; one that has none has not said another's.
    facts["provider_status"] = first.detail.get("provider_status")
    return Attempt(
        number=number,
        status=first.status,
        reason=first.reason,
        source=first.source,
        as_of=first.occurred_at or first.recorded_at,
        words=tuple(dict.fromkeys(map(word_of, ranked))),
        conflict=len(finals) > 1,
        event_ids=tuple(event.id for event in group),
        **facts,
    )


def _together(ranked: Sequence[Event]) -> Mapping[str, Any]:
    """Return each fact as the weightiest report that states it says."""
    if len(ranked) == 1:
        return ranked[0].detail
    facts: dict[str, Any] = {}
    for event in reversed(ranked):
        facts.update(event.detail)
    return facts


def _decided(
    last: Attempt,
    claims: Sequence[Event],
    reports: Sequence[Event],
    attempts: tuple[Attempt, ...],
    *,
    conflict: bool,
) -> CallState:
    assert last.status is not None
    facts = dict(zip(FACTS, _facts(last), strict=True))
    facts["charges"] = last.charges or _claimed(claims, "charges")
    return CallState(
        status=last.status,
        reason=last.reason,
        status_source=last.source,
        status_as_of=last.as_of,
        conflict=conflict,
        attempts=attempts,
        report_count=len(reports),
        **facts,
    )


def _undecided(
    claims: Sequence[Event],
    reports: Sequence[Event],
    attempts: tuple[Attempt, ...],
    *,
    conflict: bool,
) -> CallState:
    claim = claims[-1]
    word = _claimed(claims, "provider_status")
    # The words of the provider's response; where none came the message is ours.
    said = [one.detail.get("message") for one in claims if "http_status" in one.detail]
    if reports:
        latest = max(reports, key=_weight_by_time)
        word = latest.detail.get("provider_status") or word
        if claim.status in (Status.SUBMITTING, Status.UNKNOWN):
            # A report of any kind proves that the provider has the call.
            since = latest.occurred_at or latest.recorded_at
            claim = latest._replace(status=Status.QUEUED, recorded_at=since)
    assert claim.status is not None
    return CallState(
        status=claim.status,
        reason=claim.reason,
        provider_status=word,
        status_source=claim.source,
        status_as_of=claim.recorded_at,
        started_at=attempts[-1].started_at if attempts else None,
        charges=_claimed(claims, "charges"),
        provider_message=said[-1] if said and claim.status in NOT_TAKEN else None,
        conflict=conflict,
        attempts=attempts,
        report_count=len(reports),
    )


def _weight(report: Event) -> tuple[Any, ...]:
    """Order the reports of one attempt by how much they say, never by when they arrived.

    Values are compared by what they mean: an amount of `10.0000` is more than one of `9.5000`.

    A report that says all another says, and more, comes before it: whether the lesser one was
    kept, or came later and was a duplicate, must make no difference.
    """
    facts = [measure(name, report.detail.get(name)) for name in BY_WEIGHT]
    return (
        strength(report.status),
        *((fact is not None, fact) for fact in facts),
        report.source is Source.WEBHOOK,
    )


def _weight_by_time(report: Event) -> tuple[Any, ...]:
    started_at = measure("started_at", report.detail.get("started_at"))
    return started_at is not None, started_at, _weight(report)


def _claimed(claims: Sequence[Event], name: str) -> Any:
    for claim in reversed(claims):
        if (value := claim.detail.get(name)) is not None:
            return value
    return None
