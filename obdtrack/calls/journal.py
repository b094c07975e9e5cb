"""Folds calls whose events changed, and stores where they stand and when to look again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from obdtrack.calls import queries
from obdtrack.calls.queries import CallRow
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.poll_schedule import Plan, plan
from obdtrack.services import Services
from obdtrack.store.models import Call


class Refolded(NamedTuple):
    """Where a call stands now; `given_up` if its last check has passed without an outcome."""

    state: CallState
    next_check_at: datetime | None
    given_up: bool


def refold(
    changed: Iterable[tuple[CallRow, Sequence[Event]]], now: datetime, context: Services
) -> list[Refolded]:
    """Store the newest fold of each call; must run in a transaction that added the events."""
    return save([(match, fold(events, match.interval)) for match, events in changed], now, context)


def next_look(call: CallRow | Call, state: CallState, now: datetime, context: Services) -> Plan:
    """Say when a call that stands so is asked about next, by the schedule of the settings."""
    return plan(
        state,
        created_at=call.created_at,
        interval=call.interval,
        now=now,
        schedule=context.settings.poll_schedule,
    )


def save(
    folded: Iterable[tuple[CallRow, CallState]], now: datetime, context: Services
) -> list[Refolded]:
    """Store where calls stand, and when to look again; must run in a transaction."""
    refolded: list[tuple[CallRow, Refolded]] = []
    for match, state in folded:
        planned = next_look(match, state, now, context)
        refolded.append((match, Refolded(state, planned.next_check_at, planned.given_up)))
    queries.save_states((match, new.state, new.next_check_at) for match, new in refolded)
    return [new for _, new in refolded]


def add_and_refold(
    call_id: UUID, events: Sequence[Event], now: datetime, context: Services
) -> Refolded:
    """Add events to one call and store its new state; must run in a transaction."""
    (match,) = queries.lock_calls([call_id])
    queries.add_events((call_id, event) for event in events)
    (refolded,) = refold([(match, queries.history([call_id])[call_id])], now, context)
    return refolded
