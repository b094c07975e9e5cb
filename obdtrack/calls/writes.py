"""What is written to `calls` and `events`; only the journal calls this."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.submissions import PendingCall
from obdtrack.calls.queries import EVENT_COLUMNS, STATE_COLUMNS, CallRow
from obdtrack.calls.states import rest_of, state_row
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState
from obdtrack.domain.poll_schedule import POLL
from obdtrack.domain.status import Kind
from obdtrack.domain.submission import CallRequest
from obdtrack.statistics.counters import Change, slot_of
from obdtrack.store import bulk_sql, models, tasks


class NewState(NamedTuple):
    """A call as it was read in this transaction, where it stands now, and its next check."""

    row: CallRow
    state: CallState
    next_check_at: datetime | None


def create_call(request: CallRequest, pending: PendingCall, state: CallState) -> CallRow:
    """Store a submission and its one call."""
    submissions.create_submission(request, pending)
    call = {
        "id": pending.call_id,
        "submission": pending.submission_id,
        "to_number": request.to,
        "name": request.name,
        "reference": request.reference,
        "metadata": request.metadata,
        "interval": request.interval,
        "created_at": pending.created_at,
        "provider": pending.provider,
    }
    columns = (*call, *STATE_COLUMNS, "state")
    row = (*call.values(), *state_row(state), rest_of(state))
    bulk_sql.insert(models.Call, columns, [row])
    return CallRow(
        pending.call_id, request.interval, None, None, request.to, pending.created_at, 0,
        state.status, state.status_source, state.status_as_of, state.reason, state.charges,
        request.name, 0, pending.provider, False,
    )  # fmt: skip


def add_events(events: Iterable[tuple[UUID, Event]]) -> None:
    """Store events, each with the id of its call."""
    bulk_sql.insert(
        models.EventRow, EVENT_COLUMNS, [_event_row(call, event) for call, event in events]
    )


def count_again(seen: Iterable[tuple[UUID, Event]]) -> None:
    """Store how often these facts have arrived by now (`times_seen`)."""
    changes = [(event.times_seen, call, event.id) for call, event in seen]
    bulk_sql.update(models.EventRow, ("times_seen",), ("call", "id"), changes)


def replace_events(call_id: UUID, kinds: Collection[Kind], events: Sequence[Event]) -> None:
    """Put these events in the place of all of these kinds that the call has."""
    event = models.EventRow
    event.delete().where((event.call == call_id) & event.kind.in_(list(kinds))).execute()
    add_events((call_id, event) for event in events)


def save_states(states: Sequence[NewState]) -> None:
    """Store where calls stand, and when they are polled."""
    changes = [(*state_row(state), rest_of(state), check, row.id) for row, state, check in states]
    bulk_sql.update(models.Call, (*STATE_COLUMNS, "state", "next_check_at"), ("id",), changes)
    tasks.plan(POLL, {row.id: check for row, _, check in states})


def change(row: CallRow, state: CallState, *, new: bool = False) -> Change:
    """Return how the figures change when a call, which may be `new`, comes to stand so."""
    before = None if new else (row.status, row.status_source, row.attempt_count, row.charges)
    after = state.status, state.status_source, len(state.attempts), state.charges
    return (row.name, slot_of(row.created_at)), before, after


def set_provider_id(
    call_id: UUID, provider: str, provider_id: str, mid: str, submitted_at: datetime | None
) -> UUID | None:
    """Note how its provider calls this call; returns another call that has that id, if one does.

    The id of a submission is that of each of its calls.
    """
    key, names = ("mid", [mid]) if provider_id == mid else ("provider_id", [provider_id, mid])
    holders = bulk_sql.fetch(models.Call, ("id", "provider"), key, names, order="id")
    others: list[UUID] = [one for one, its in holders if one != call_id and its == provider]
    if others:
        return others[0]
    columns = ("provider_id", "mid", "submitted_at")
    bulk_sql.update(models.Call, columns, ("id",), [(provider_id, mid, submitted_at, call_id)])
    return None


def set_submitted_at(call_id: UUID, events: Iterable[Event]) -> None:
    """Note when the provider says it was asked for a call, which these events of it tell."""
    told = [e.occurred_at for e in events if e.kind is Kind.RESPONSE and e.occurred_at]
    bulk_sql.update(models.Call, ("submitted_at",), ("id",), [(one, call_id) for one in told[-1:]])


def plan_polls(due: Mapping[UUID, datetime | None]) -> None:
    """Set when calls are polled next; None: never."""
    bulk_sql.update(
        models.Call, ("next_check_at",), ("id",), [(at, call) for call, at in due.items()]
    )
    tasks.plan(POLL, due)


def stop_polling(to_number: str) -> None:
    """Have nobody poll about calls to this number any more."""
    call = models.Call
    waiting = (call.to_number == to_number) & call.next_check_at.is_null(False)
    plan_polls({row.id: None for row in call.select(call.id).where(waiting).order_by(call.id)})


def _event_row(call_id: UUID, event: Event) -> tuple[Any, ...]:
    return (
        call_id, event.id, event.kind, event.source, event.status, event.reason,
        event.occurred_at, event.recorded_at, event.delivery_id, event.response_id,
        event.detail, event.times_seen,
    )  # fmt: skip
