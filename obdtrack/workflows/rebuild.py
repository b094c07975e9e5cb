"""Computes calls anew from raw deliveries and answers, and compares or mends what is stored.

What we did and what persons said stays as it is: nothing rawer is known of that. Reports are read
again from the bytes they came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from obdtrack.domain.event import Event
from obdtrack.domain.fold import fold
from obdtrack.domain.report import Report
from obdtrack.domain.status import Kind, Outcome, Source
from obdtrack.storage import answers, calls, deliveries, models
from obdtrack.storage.calls import Match
from obdtrack.workflows.context import Context
from obdtrack.workflows.record_report import Arrival, make_event, same_fact, tells_something
from obdtrack.workflows.refold import refold

BATCH = 200
_FACTS = ("source", "status", "reason", "occurred_at", "recorded_at", "detail", "times_seen")


class Rebuilt(NamedTuple):
    """How many calls were looked at, and which of them differ (or differed)."""

    calls: int
    different: tuple[UUID, ...]


def rebuild(
    context: Context, *, check: bool, progress: Callable[[int], None] = lambda _: None
) -> Rebuilt:
    """Compute every call anew; with `check` only compare. Gives the calls that differ.

    Works in batches of short transactions, so that reports go on coming in meanwhile.
    """
    seen, different = 0, list[UUID]()
    for call_ids in _batches():
        with context.store.write():
            matches = calls.match_calls(call_ids)
            stored = calls.history(call_ids)
            for match in matches:
                if not _agrees(match, stored[match.id], context, mend=not check):
                    different.append(match.id)
        seen += len(call_ids)
        progress(seen)
    return Rebuilt(seen, tuple(different))


def _batches() -> Iterator[list[UUID]]:
    after: UUID | None = None
    while call_ids := calls.ids_after(after, BATCH):
        yield call_ids
        after = call_ids[-1]


def _agrees(match: Match, stored: Sequence[Event], context: Context, *, mend: bool) -> bool:
    rebuilt = _reports(match, stored, context)
    kept = [event for event in stored if event.kind is not Kind.REPORT]
    old = [event for event in stored if event.kind is Kind.REPORT]
    same_events = _facts(old) == _facts(rebuilt)
    same_state = calls.state_columns(match.id) == calls.state_row(
        fold([*kept, *rebuilt], match.interval)
    )
    if mend and not same_events:
        calls.replace_reports(match.id, rebuilt)
    if mend and not (same_events and same_state):
        refold([(match, [*kept, *rebuilt])], context.now(), context)
    return same_events and same_state


def _facts(events: Sequence[Event]) -> list[list[object]]:
    return sorted(([getattr(event, name) for name in _FACTS] for event in events), key=repr)


def _reports(match: Match, stored: Sequence[Event], context: Context) -> list[Event]:
    """Give the call's report events as reading all that is still raw would make them."""
    by_origin = {_origin(event): event for event in stored if event.kind is Kind.REPORT}
    arrivals = _as_recorded(_arrivals(match, stored, context), by_origin)
    raw = {_origin(arrival) for arrival in arrivals}
    # Raw requests are kept for a while only; what was read from those that went stays.
    rebuilt = [e for e in stored if e.kind is Kind.REPORT and _origin(e) not in raw]
    for arrival in arrivals:
        event = make_event(arrival)
        same = same_fact(event, rebuilt)
        if same is not None:
            rebuilt[rebuilt.index(same)] = same._replace(times_seen=same.times_seen + 1)
            continue
        known = by_origin.get(_origin(arrival))
        rebuilt.append(event._replace(id=known.id) if known else event)
    return rebuilt


def _as_recorded(
    arrivals: Sequence[Arrival], by_origin: Mapping[UUID | None, Event]
) -> list[Arrival]:
    """Give arrivals in the order in which they were recorded, which is that of their events' ids.

    A delivery that was replayed was received before what is on the timeline since. Arrivals without
    an event said nothing new, so they come last.
    """

    def place(arrival: Arrival) -> tuple[bool, UUID | datetime]:
        known = by_origin.get(_origin(arrival))
        return (known is None, arrival.received_at if known is None else known.id)

    return sorted(arrivals, key=place)


def _origin(told: Event | Arrival) -> UUID | None:
    return told.delivery_id or told.answer_id


def _arrivals(match: Match, stored: Sequence[Event], context: Context) -> list[Arrival]:
    found: list[tuple[datetime, Arrival]] = []
    for row in deliveries.of_call(match.id):
        reading = context.provider.read_delivery(deliveries.to_stored(row).raw)
        if isinstance(reading, Report) and row.outcome in (Outcome.MATCHED, Outcome.DUPLICATE):
            arrival = Arrival(reading, Source.WEBHOOK, row.received_at, delivery_id=row.id)
            found.append((row.received_at, arrival))
    for answer in answers.of_call(match.id):
        if answer.failure is None and answer.body and _was_believed(answer, match, stored):
            for call in context.provider.read_found(answer.body):
                if _counts(call.report, match):
                    arrival = Arrival(
                        call.report, Source.POLL, answer.answered_at, answer_id=answer.id
                    )
                    found.append((answer.answered_at, arrival))
    return [arrival for _, arrival in sorted(found, key=lambda pair: pair[0])]


def _was_believed(answer: models.Answer, match: Match, stored: Sequence[Event]) -> bool:
    """Tell whether an answer was about this call: what it was looked for in before is not."""
    named = next((e for e in stored if e.detail.get("provider_id") == match.provider_id), None)
    if answer.kind != "status" or named is None:
        return False
    return bool(answer.id == named.answer_id or answer.requested_at >= named.recorded_at)


def _counts(report: Report, match: Match) -> bool:
    return report.provider_id == match.provider_id and tells_something(report)
