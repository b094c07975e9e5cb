"""What is written to `calls` and `events`; only the journal calls this."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.calls import queries
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.submissions import OF_REQUEST, PendingCall, PendingSubmission
from obdtrack.calls.queries import EVENT_COLUMNS, STATE_COLUMNS, CallRow
from obdtrack.calls.states import NewState, state_row
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState
from obdtrack.domain.naming import ProviderName
from obdtrack.domain.poll_schedule import POLL
from obdtrack.domain.status import Kind
from obdtrack.domain.trial import is_trial
from obdtrack.statistics.counters import Change, slot_of
from obdtrack.store import bulk_sql, models, tasks


class NewCall(NamedTuple):
    """A call of a new submission, and where it stands by its first event, as in `NewState`."""

    submission: PendingSubmission
    pending: PendingCall
    state: CallState
    rest: Mapping[str, Any]


def create_calls(created: Sequence[NewCall]) -> list[CallRow]:
    """Store submissions with their calls; returns the rows of these, in the same order."""
    submissions.create({new.submission.id: new.submission for new in created}.values())
    bulk_sql.insert(models.Call, _NEW_COLUMNS, map(_call_row, created))
    return [
        CallRow(
            pending.id, pending.request.interval, None, None, pending.request.to,
            submission.created_at, 0, state.status, state.status_source, state.status_as_of,
            state.reason, state.charges, pending.request.name, 0, submission.provider, False,
            pending.request.campaign_id,
        )
        for submission, pending, state, _ in created
    ]  # fmt: skip


_requested = attrgetter(*OF_REQUEST)
_NEW_COLUMNS = (
    "id", "submission", "created_at", "provider", "fingerprint", "to_number", *OF_REQUEST,
    *STATE_COLUMNS, "state",
)  # fmt: skip


def _call_row(new: NewCall) -> tuple[Any, ...]:
    submission, (call_id, request, fingerprint, _), state, rest = new
    return (
        call_id, submission.id, submission.created_at, submission.provider, fingerprint,
        request.to, *_requested(request), *state_row(state), rest,
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
    changes = [(*state_row(state), rest, check, row.id) for row, state, rest, check in states]
    bulk_sql.update(models.Call, (*STATE_COLUMNS, "state", "next_check_at"), ("id",), changes)
    tasks.plan(POLL, {one.row.id: one.next_check_at for one in states})


def changes(row: CallRow, state: CallState, *, new: bool = False) -> list[Change]:
    """Return how the figures change when a call, which may be `new`, comes to stand so.

    The call of a test report is in none of them.
    """
    if is_trial(row.name, row.to_number):
        return []
    before = None if new else (row.status, row.status_source, row.attempt_count, row.charges)
    after = state.status, state.status_source, len(state.attempts), state.charges
    return [((row.name, slot_of(row.created_at)), before, after)]


def set_provider_ids(names: Sequence[ProviderName]) -> dict[UUID, UUID]:
    """Note how their providers call these calls; returns the other call that has an id, if one has.

    Then nothing is noted of this call. The id of a submission is that of each of its calls.
    """
    held: dict[tuple[str, str], UUID] = {}
    for key, wanted in (
        ("mid", [name.mid for name in names if name.provider_id == name.mid]),
        ("provider_id", [n for name in names if name.mid != name.provider_id for n in name[2:4]]),
    ):
        columns = ("id", "provider", key)
        for call_id, provider, held_id in bulk_sql.fetch(
            models.Call, columns, key, wanted, order="id"
        ):
            held.setdefault((provider, held_id), call_id)
    taken: dict[UUID, UUID] = {}
    free = []
    for name in names:
        holders = (held.get((name.provider, one)) for one in (name.provider_id, name.mid))
        holder = next((one for one in holders if one not in (None, name.call_id)), None)
        if holder is not None:
            taken[name.call_id] = holder
        else:
            held[name.provider, name.provider_id] = name.call_id
            free.append((name.provider_id, name.mid, name.submitted_at, name.call_id))
    bulk_sql.update(models.Call, ("provider_id", "mid", "submitted_at"), ("id",), free)
    return taken


def set_mids(mids: Mapping[UUID, str]) -> None:
    """Note how their provider calls the submission of these calls."""
    rows = [(mid, call_id) for call_id, mid in mids.items()]
    bulk_sql.update(models.Call, ("mid",), ("id",), rows)


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
    found = [row.id for row in call.select(call.id).where(waiting)]
    plan_polls({row.id: None for row in queries.lock_calls(found)})


def _event_row(call_id: UUID, event: Event) -> tuple[Any, ...]:
    return (
        call_id, event.id, event.kind, event.source, event.status, event.reason,
        event.occurred_at, event.recorded_at, event.delivery_id, event.response_id,
        event.detail, event.times_seen,
    )  # fmt: skip
