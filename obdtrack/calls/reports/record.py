"""Puts reports on the timelines they belong to. Webhooks, replays and polls all come through here.

Many reports are one unit of the journal: one look-up of their calls, one of their events, and one
write of what changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import structlog

from obdtrack.calls import queries
from obdtrack.calls.journal import Journal
from obdtrack.calls.outside_hours import count_if_outside
from obdtrack.calls.queries import CallRow
from obdtrack.calls.reports.conflicts import dispute_report
from obdtrack.domain.events import Event
from obdtrack.domain.facts import TIMES
from obdtrack.domain.naming import (
    OF_OTHER_NUMBER,
    Named,
    Names,
    Naming,
    ProviderIds,
    is_about,
    is_another,
    is_of_other_number,
    may_be,
    names_of,
    why_unmatched,
)
from obdtrack.domain.redaction import mask_all
from obdtrack.domain.reports import (
    MOMENTS,
    PlainReport,
    Report,
    adds_nothing,
    believable,
    facts,
    occurred_at,
    readings,
    within_life,
)
from obdtrack.domain.status import FINAL, Kind, Outcome, Source, Status, strength
from obdtrack.providers.base import Provider
from obdtrack.services import new_id

log = structlog.get_logger()

_MOST_KEYS = 20
_PROMPT = timedelta(minutes=30)

MOST_REPORTS = 100
"""Distinct reports on one timeline: folding a call costs as much as it has. A call that is dialled
five times and reported at each step has some thirty."""

KEPT_RAW = f"its call has {MOST_REPORTS} distinct reports already; it is kept raw only"


class CallOfProvider(Named, Protocol):
    """A call as its provider names it, and which provider that is."""

    @property
    def provider(self) -> str:
        """The provider's name."""


class IncomingReport(NamedTuple):
    """A report on its way to a timeline; `call_id` is set if the question named the call."""

    report: Report | PlainReport
    source: Source
    received_at: datetime
    provider: str
    delivery_id: UUID | None = None
    response_id: UUID | None = None
    call_id: UUID | None = None


class ReportResult(NamedTuple):
    """What became of a report; `reason` says why it is not matched, or what it left unsaid."""

    outcome: Outcome
    reason: str | None = None
    call_id: UUID | None = None


def record_reports(incoming: Sequence[IncomingReport], journal: Journal) -> list[ReportResult]:
    """Match each report and append it to its call's timeline; returns what became of each.

    One that names a call and another number than its own is a conflict on that timeline. A fault in
    one report is its own result (`failed`) and does not touch the others.
    """
    found = _match(incoming, journal)
    journal.read(
        row.id
        for one, row in zip(incoming, found, strict=True)
        if isinstance(row, CallRow)
        and not (isinstance(one.report, PlainReport) and journal.is_fresh(row))
        and (row.report_count < MOST_REPORTS or not _is_full(row.id, one.report, journal))
    )
    return [
        _record(one, row, journal)
        if isinstance(row, CallRow)
        else ReportResult(Outcome.UNMATCHED, row)
        for one, row in zip(incoming, found, strict=True)
    ]


def _record(incoming: IncomingReport, row: CallRow, journal: Journal) -> ReportResult:
    report = incoming.report
    try:
        if isinstance(report, PlainReport):
            if _ended(incoming, report, row, journal):
                return ReportResult(Outcome.MATCHED, None, row.id)
            if journal.is_fresh(row):
                journal.read([row.id])
            report = report.whole()
            incoming = incoming._replace(report=report)
        if is_of_other_number(report, row):
            dispute_report(
                row.id, report, incoming.source, journal,
                delivery_id=incoming.delivery_id, response_id=incoming.response_id,
            )  # fmt: skip
            return ReportResult(Outcome.UNMATCHED, OF_OTHER_NUMBER, row.id)
        count, known = journal.report_count(row.id), journal.known(row.id)
        if count >= MOST_REPORTS and _is_full(row.id, report, journal):
            return ReportResult(Outcome.IGNORED, KEPT_RAW, row.id)
        event, same = place_among(incoming, row, known)
        if same is None:
            count_if_outside(row.id, event, known, journal)
            journal.append(row.id, event)
            if count + 1 == MOST_REPORTS:
                limit = Event(new_id(), Kind.LIMIT, Source.SYSTEM, event.recorded_at)
                journal.append(row.id, limit)
        else:
            journal.seen_again(row.id, same)
    except Exception as error:  # whatever is wrong with this report, the next one is innocent
        log.exception("report_failed", delivery_id=str(incoming.delivery_id))
        return ReportResult(Outcome.FAILED, f"{type(error).__name__}: {error}", row.id)
    outcome = Outcome.MATCHED if same is None else Outcome.DUPLICATE
    return ReportResult(outcome, what_is_missing(report), row.id)


def _ended(incoming: IncomingReport, plain: PlainReport, row: CallRow, journal: Journal) -> bool:
    """Write down how a call ended if this is the first word on it and nothing is to be weighed.

    It may decline, and never differs from what `place_among` and `fold` make of the report.
    """
    values, received_at = plain.values, incoming.received_at
    moments = [moment for name in MOMENTS if (moment := values.get(name))]
    if not (
        plain.to == row.to_number
        and journal.is_fresh(row)
        and all(believable(moment, row.created_at, received_at) for moment in moments)
    ):
        return False
    occurred = values.get("ended_at") or values.get("started_at") or values.get("reported_at")
    event = Event(
        new_id(), Kind.REPORT, incoming.source, received_at, values["status"], values["reason"],
        occurred, incoming.delivery_id, incoming.response_id, plain.detail(),
    )  # fmt: skip
    count_if_outside(row.id, event, (), journal)
    journal.end(row, event, plain.facts())
    return True


def _is_full(call_id: UUID, report: Report | PlainReport, journal: Journal) -> bool:
    """Whether a call has so many reports that this one is not put on its timeline.

    One that says how the call ended still is, if that says more than is known, and up to twice as
    many: beside redials a stronger word may change nothing.
    """
    count = journal.report_count(call_id)
    if count < MOST_REPORTS:
        return False
    status = report.status
    says_more = status in FINAL and strength(status) > strength(Status(journal.status(call_id)))
    return not says_more or count >= 2 * MOST_REPORTS


def what_is_missing(report: Report) -> str | None:
    """Return why a report says nothing about how its call went; None if it does."""
    if report.provider_status is not None:
        return None
    keys = ", ".join(list(map(mask_all, report.extra))[:_MOST_KEYS])
    return f"no status was read from it; keys not understood: {keys or 'none'}"


def make_event(arrival: IncomingReport, report: Report, placed_at: datetime) -> Event:
    """Return the event that an arrival is on its call's timeline, if it is meant as `report`."""
    report = within_life(report, placed_at, arrival.received_at)
    return Event(
        id=new_id(),
        kind=Kind.REPORT,
        source=arrival.source,
        recorded_at=arrival.received_at,
        status=report.status,
        reason=report.reason,
        occurred_at=occurred_at(report),
        delivery_id=arrival.delivery_id,
        response_id=arrival.response_id,
        detail=facts(report),
    )


def place_among(
    arrival: IncomingReport, call: CallRow, known: Sequence[Event]
) -> tuple[Event, Event | None]:
    """Return the event that a report is on its call's timeline, and the one that says it already.

    Where an hour came twice, a redial in its second run may be written as the attempt in its first
    was. It is the second if the report comes as promptly as reports do; else one that is known
    already is not taken for another attempt.
    """
    meant = readings(arrival.report.whole(), call.created_at, arrival.received_at)
    if len(meant) == 1:
        event = make_event(arrival, meant[0], call.created_at)
        return event, same_fact(event, known)
    if call.interval and arrival.source is Source.WEBHOOK:
        told = occurred_at(meant[-1])
        if told and arrival.received_at - told < _PROMPT:
            meant = meant[-1:]
    events = [make_event(arrival, report, call.created_at) for report in meant]
    for event in events:
        if same := same_fact(event, known):
            return event, same
    return events[-1 if call.interval else 0], None


def rows_about(call: CallOfProvider, rows: Sequence[Report], ids: ProviderIds) -> list[Report]:
    """Return those of the rows that the provider's log has on `call` which certainly are about it.

    It was asked about by its id, and may list all of the submission, or call it by that one's id.
    """
    if all(row.provider_id == call.provider_id for row in rows):
        return list(rows)
    of_submission = queries.of_submission(call.provider, call.mid)
    return [row for row in rows if is_about(row, call, of_submission, ids)]


def tells_something(report: Report) -> bool:
    """Whether a row of the provider's log is news; one that only says `queued` is not."""
    return report.status is not Status.QUEUED or report.started_at is not None


def same_fact(event: Event, known: Iterable[Event]) -> Event | None:
    """Return the report among `known` that says all that `event` says, whoever brought it."""
    return next(
        (
            other
            for other in known
            if other.kind is Kind.REPORT
            and other.status == event.status
            and adds_nothing(event.detail, _all_told(other))
        ),
        None,
    )


def _all_told(event: Event) -> Mapping[str, Any]:
    """Return a report's facts with the times that it was not believed; it came with them."""
    extra = event.detail.get("extra", {})
    return (
        {**{n: extra[n] for n in TIMES & extra.keys()}, **event.detail} if extra else event.detail
    )


def call_of(report: Report, provider: Provider) -> CallRow | str:
    """Return the call that a report of this provider would be put on now, or why on none.

    Nothing is locked, so by the time it is put there that may have changed.
    """
    names = names_of(report, provider.ids)
    provider_ids = {names.provider_id} if names.provider_id else set[str]()
    known = queries.reported_calls(provider_ids, names.submissions)
    found = _Known(known).call_of(report, names, provider.name)
    is_other = isinstance(found, CallRow) and is_of_other_number(report, found)
    return OF_OTHER_NUMBER if is_other else found


def _match(arrivals: Sequence[IncomingReport], journal: Journal) -> list[CallRow | str]:
    """Return the call of each report, or why there is none."""
    of = journal.services.provider_of
    named = [names_of(arrival.report, of(arrival).ids) for arrival in arrivals]
    provider_ids = {names.provider_id for names in named if names.provider_id}
    mids = {mid for names in named for mid in names.submissions}
    journal.lock(provider_ids | mids)
    known = _Known(journal.reported(provider_ids, mids))
    asked = {arrival.call_id for arrival in arrivals if arrival.call_id}
    by_id = {match.id: match for match in journal.calls(asked)}
    return [
        by_id.get(arrival.call_id) or "the call it is about no longer exists"
        if arrival.call_id
        else known.call_of(arrival.report, names, arrival.provider)
        for arrival, names in zip(arrivals, named, strict=True)
    ]


class _Known:
    """Calls by the names that their providers have for them."""

    def __init__(self, calls: Iterable[CallRow]) -> None:
        self._by_provider_id: dict[tuple[str, str | None], CallRow] = {}
        self._by_mid: dict[str | None, list[CallRow]] = defaultdict(list)
        for match in calls:
            self._by_provider_id[match.provider, match.provider_id] = match
            self._by_mid[match.mid].append(match)

    def call_of(self, report: Naming, names: Names, provider: str) -> CallRow | str:
        if names.provider_id and (exact := self._by_provider_id.get((provider, names.provider_id))):
            return exact
        of_submission = [
            match
            for mid in names.submissions
            for match in self._by_mid.get(mid, ())
            if match.provider == provider
        ]
        found = may_be(report, names, of_submission)
        if len(found) == 1:
            return found[0]
        if len(of_submission) == 1 and names.ids.is_unmistakable(of_submission[0].mid or ""):
            (only,) = of_submission
            if not is_another(names, only) and is_of_other_number(report.whole(), only):
                return only
        return why_unmatched(report, names, of_submission, len(found))
