"""Puts reports on the timelines they belong to. Webhooks, replays and polls all come through here.

Runs inside the caller's transaction, for many reports at once: one look-up of their calls, one of
their events, and one write of what changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.domain.event import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.phone import fits
from obdtrack.domain.report import Report, adds_nothing, facts, occurred_at, submission_of
from obdtrack.domain.status import Kind, Outcome, Source, Status
from obdtrack.storage import calls
from obdtrack.storage.calls import Match
from obdtrack.workflows.context import Context, new_id
from obdtrack.workflows.refold import save

log = structlog.get_logger()


class Arrival(NamedTuple):
    """A report on its way to a timeline; `call_id` is set if the question named the call."""

    report: Report
    source: Source
    received_at: datetime
    delivery_id: UUID | None = None
    answer_id: UUID | None = None
    call_id: UUID | None = None


class Verdict(NamedTuple):
    """What became of a report; `reason` says why it was not simply matched."""

    outcome: Outcome
    reason: str | None = None
    call_id: UUID | None = None


class _Timeline:
    """One call's events while reports are added; `state` is their newest fold, if any was."""

    __slots__ = ("counted", "events", "match", "state", "stored")

    def __init__(self, match: Match, events: list[Event]) -> None:
        self.match = match
        self.events = events
        self.stored = len(events)
        self.state: CallState | None = None
        self.counted: set[int] = set()

    def add(self, event: Event) -> None:
        events = [*self.events, event]
        self.state = fold(events, self.match.interval)
        self.events = events

    def count(self, place: int) -> None:
        event = self.events[place]
        self.events[place] = event._replace(times_seen=event.times_seen + 1)
        self.counted.add(place)


def _open(matches: Iterable[Match]) -> dict[UUID, _Timeline]:
    """Give the timelines of these calls; the history is read of those that have one."""
    found = {match.id: match for match in matches}
    past = calls.history([match.id for match in found.values() if match.report_count])
    return {
        call_id: _Timeline(match, past.get(call_id) or [_standing(match)])
        for call_id, match in found.items()
    }


def _save(timelines: Collection[_Timeline], context: Context) -> None:
    calls.add_events((t.match.id, event) for t in timelines for event in t.events[t.stored :])
    again = ((t, place) for t in timelines for place in t.counted if place < t.stored)
    calls.count_again((t.match.id, t.events[place]) for t, place in again)
    save([(t.match, t.state) for t in timelines if t.state], context.now(), context)


def _standing(match: Match) -> Event:
    """Give what a call without any report is known to be, as the one claim that its row holds.

    Most reports are a call's first. Its row says all that folding its history would.
    """
    return Event(
        id=match.id,
        kind=Kind.ANSWER,
        source=Source(match.status_source),
        recorded_at=match.status_as_of,
        status=Status(match.status),
        reason=match.reason,
        detail={"charges": match.charges},
    )


def record_reports(arrivals: Sequence[Arrival], context: Context) -> list[Verdict]:
    """Match each report, add it to its call's timeline, and store the calls' new states.

    Must run in a transaction of `context.store`. A fault in one report is its own verdict
    (`failed`) and does not touch the others.
    """
    found = _match(arrivals, context)
    timelines = _open(match for match in found if isinstance(match, Match))
    verdicts = [
        _record(arrival, timelines[match.id])
        if isinstance(match, Match)
        else Verdict(Outcome.UNMATCHED, match)
        for arrival, match in zip(arrivals, found, strict=True)
    ]
    _save(timelines.values(), context)
    return verdicts


def _record(arrival: Arrival, timeline: _Timeline) -> Verdict:
    call_id = timeline.match.id
    try:
        event = make_event(arrival)
        same = same_fact(event, timeline.events)
        if same is not None:
            timeline.count(timeline.events.index(same))
            return Verdict(Outcome.DUPLICATE, None, call_id)
        timeline.add(event)
    except Exception as error:  # whatever is wrong with this report, the next one is innocent
        log.exception("report_failed", delivery_id=str(arrival.delivery_id))
        return Verdict(Outcome.FAILED, f"{type(error).__name__}: {error}", call_id)
    return Verdict(Outcome.MATCHED, None, call_id)


def make_event(arrival: Arrival) -> Event:
    """Give the event that a report is on its call's timeline."""
    report = arrival.report
    return Event(
        id=new_id(),
        kind=Kind.REPORT,
        source=arrival.source,
        recorded_at=arrival.received_at,
        status=report.status,
        reason=report.reason,
        occurred_at=occurred_at(report),
        delivery_id=arrival.delivery_id,
        answer_id=arrival.answer_id,
        detail=facts(report),
    )


def tells_something(report: Report) -> bool:
    """Tell whether a row of the provider's log is news; one that only says `queued` is not."""
    return report.status is not Status.QUEUED or report.started_at is not None


def same_fact(event: Event, known: Iterable[Event]) -> Event | None:
    """Give the report among `known` that says all that `event` says, whoever brought it."""
    return next(
        (
            other
            for other in known
            if other.kind is Kind.REPORT
            and other.status == event.status
            and adds_nothing(event.detail, other.detail)
        ),
        None,
    )


def _match(arrivals: Sequence[Arrival], context: Context) -> list[Match | str]:
    """Give the call of each report, or why there is none."""
    reports = [arrival.report for arrival in arrivals]
    provider_ids = {report.provider_id for report in reports if report.provider_id}
    mids = {mid for report in reports if (mid := submission_of(report))}
    context.store.lock_names(provider_ids | mids)
    known = calls.match_reports(provider_ids, mids)
    asked = {arrival.call_id for arrival in arrivals if arrival.call_id}
    by_id = {match.id: match for match in (calls.match_calls(asked) if asked else ())}
    by_provider_id = {match.provider_id: match for match in known}
    by_mid: dict[str | None, list[Match]] = defaultdict(list)
    for match in known:
        by_mid[match.mid].append(match)

    def one(arrival: Arrival) -> Match | str:
        report = arrival.report
        if arrival.call_id:
            return by_id.get(arrival.call_id) or "the call it answers about is not there any more"
        if exact := by_provider_id.get(report.provider_id) if report.provider_id else None:
            return exact
        of_submission = [
            match
            for match in by_mid.get(submission_of(report), ())
            if report.to and fits(match.to_number, report.to)
        ]
        if len(of_submission) == 1:
            return of_submission[0]
        return _why_unmatched(report, len(of_submission))

    return [one(arrival) for arrival in arrivals]


def _why_unmatched(report: Report, candidates: int) -> str:
    if candidates > 1:
        return f"{candidates} calls of this submission went to this number"
    if report.provider_id:
        return f"no call is known by the id {report.provider_id}"
    if report.mid and report.to:
        return f"no call of submission {report.mid} went to this number"
    if report.mid:
        return "it names a submission but no number"
    return "it names neither a call nor a submission; a number alone is never enough"
