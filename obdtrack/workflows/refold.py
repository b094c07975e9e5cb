"""Folds calls whose events changed, and stores where they stand and when to look again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from obdtrack.domain.event import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.schedule import Plan, plan
from obdtrack.storage import calls
from obdtrack.storage.calls import Match
from obdtrack.storage.models import Call
from obdtrack.workflows.context import Context


class Refolded(NamedTuple):
    """Where a call stands now; `given_up` if its last check has passed without an outcome."""

    state: CallState
    next_check_at: datetime | None
    given_up: bool


def refold(
    changed: Iterable[tuple[Match, Sequence[Event]]], now: datetime, context: Context
) -> list[Refolded]:
    """Store the newest fold of each call; must run in a transaction that added the events."""
    return save([(match, fold(events, match.interval)) for match, events in changed], now, context)


def next_look(call: Match | Call, state: CallState, now: datetime, context: Context) -> Plan:
    """Say when a call that stands so is asked about next, by the schedule of the settings."""
    return plan(
        state,
        created_at=call.created_at,
        interval=call.interval,
        now=now,
        schedule=context.settings.poll_schedule,
    )


def save(
    folded: Iterable[tuple[Match, CallState]], now: datetime, context: Context
) -> list[Refolded]:
    """Store where calls stand, and when to look again; must run in a transaction."""
    refolded: list[tuple[Match, Refolded]] = []
    for match, state in folded:
        planned = next_look(match, state, now, context)
        refolded.append((match, Refolded(state, planned.next_check_at, planned.given_up)))
    calls.save_states((match, new.state, new.next_check_at) for match, new in refolded)
    return [new for _, new in refolded]


def add_and_refold(
    call_id: UUID, events: Sequence[Event], now: datetime, context: Context
) -> Refolded:
    """Add events to one call and store its new state; must run in a transaction."""
    (match,) = calls.match_calls([call_id])
    calls.add_events((call_id, event) for event in events)
    (refolded,) = refold([(match, calls.history([call_id])[call_id])], now, context)
    return refolded
