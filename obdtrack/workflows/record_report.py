"""Puts reports on the timelines they belong to. Webhooks, replays and polls all come through here.

Runs inside the caller's transaction, for many reports at once: one look-up of their calls, one of
their events, and one write of what changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.domain.event import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.report import Report, adds_nothing, facts, occurred_at
from obdtrack.domain.status import Kind, Outcome, Source, Status
from obdtrack.domain.submission import submission_uuid
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


class _Ledger:
    """The timelines touched by one batch, read once and written once."""

    def __init__(self, matches: Sequence[Match]) -> None:
        self.events = calls.history([match.id for match in matches if match.report_count])
        for match in matches:
            self.events.setdefault(match.id, [_standing(match)])
        self.added: list[tuple[UUID, Event]] = []
        self.folded: dict[UUID, tuple[Match, CallState]] = {}
        self.counted: dict[UUID, tuple[UUID, Event]] = {}

    def add(self, match: Match, event: Event) -> None:
        events = [*self.events[match.id], event]
        self.folded[match.id] = match, fold(events, match.interval)
        self.events[match.id] = events
        self.added.append((match.id, event))

    def count(self, call_id: UUID, event: Event) -> None:
        again = event._replace(times_seen=event.times_seen + 1)
        events = self.events[call_id]
        events[events.index(event)] = again
        self.counted[event.id] = (call_id, again)

    def save(self, context: Context) -> None:
        fresh = {event.id: (call_id, event) for call_id, event in self.added}
        fresh.update({key: row for key, row in self.counted.items() if key in fresh})
        calls.add_events(fresh.values())
        calls.count_again(row for key, row in self.counted.items() if key not in fresh)
        save(self.folded.values(), context.now(), context)


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
    ledger = _Ledger(list({match.id: match for match, _ in found if match}.values()))
    verdicts = [
        _record(arrival, match, reason, ledger)
        for arrival, (match, reason) in zip(arrivals, found, strict=True)
    ]
    ledger.save(context)
    return verdicts


def _record(arrival: Arrival, match: Match | None, reason: str | None, ledger: _Ledger) -> Verdict:
    if match is None:
        return Verdict(Outcome.UNMATCHED, reason)
    try:
        event = make_event(arrival)
        same = same_fact(event, ledger.events[match.id])
        if same is not None:
            ledger.count(match.id, same)
            return Verdict(Outcome.DUPLICATE, None, match.id)
        ledger.add(match, event)
    except Exception as error:  # whatever is wrong with this report, the next one is innocent
        log.exception("report_failed", delivery_id=str(arrival.delivery_id))
        return Verdict(Outcome.FAILED, f"{type(error).__name__}: {error}", match.id)
    return Verdict(Outcome.MATCHED, None, match.id)


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


def _match(arrivals: Sequence[Arrival], context: Context) -> list[tuple[Match | None, str | None]]:
    reports = [arrival.report for arrival in arrivals]
    names = {name for report in reports for name in _names(report)}
    context.store.lock_names(names)
    known = calls.match_reports(names, {name for r in reports if (name := _mid(r))})
    asked = {arrival.call_id for arrival in arrivals if arrival.call_id}
    by_id = {match.id: match for match in (calls.match_calls(asked) if asked else ())}
    by_provider_id = {match.provider_id: match for match in known}
    by_mid: dict[tuple[str | None, str], list[Match]] = defaultdict(list)
    for match in known:
        by_mid[match.mid, match.to_number].append(match)

    def one(arrival: Arrival) -> tuple[Match | None, str | None]:
        report = arrival.report
        if arrival.call_id:
            return by_id.get(arrival.call_id), None
        if exact := by_provider_id.get(report.provider_id) if report.provider_id else None:
            return exact, None
        of_submission = by_mid.get((_mid(report), report.to or ""), [])
        if len(of_submission) == 1:
            return of_submission[0], None
        return None, _why_unmatched(report, len(of_submission))

    return [one(arrival) for arrival in arrivals]


def _mid(report: Report) -> str | None:
    return report.mid or (submission_uuid(report.provider_id) if report.provider_id else None)


def _names(report: Report) -> set[str]:
    return {name for name in (report.provider_id, _mid(report)) if name}


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
