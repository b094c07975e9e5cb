"""Finds calls whose process died while it was placing them: what we do not know, we say."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from obdtrack.domain.event import Event
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.storage import calls, coordination, submissions
from obdtrack.workflows.context import Context, new_id
from obdtrack.workflows.refold import add_and_refold

log = structlog.get_logger()

PREFIX = "process:"
LEASE = timedelta(seconds=8)
"""How long a process counts as alive after its last sign; it gives one every second or so."""

NO_LEASE_YET = timedelta(seconds=60)
TOO_LONG = timedelta(minutes=5)
"""No request takes this long; after it even a live process has lost the answer."""


def sign_of_life(context: Context) -> None:
    """Renew this process's lease, so that others leave its submissions alone."""
    with context.store.write():
        name = f"{PREFIX}{context.process_id}"
        coordination.hold_lease(name, context.process_id, context.now(), LEASE)


def say_goodbye(context: Context) -> None:
    """Give this process's lease back; what it still had in flight is looked up at once."""
    with context.store.write():
        name = f"{PREFIX}{context.process_id}"
        coordination.hold_lease(name, context.process_id, context.now(), -LEASE)


def recover_interrupted(context: Context) -> int:
    """Make submissions of dead processes `unknown`; gives how many. Nothing is sent again."""
    now = context.now()
    # Almost always there is nothing in flight, and a look costs no turn to write.
    if not any(_is_lost(found, now) for found in submissions.in_flight()):
        return 0
    with context.store.write():
        lost = [found for found in submissions.in_flight() if _is_lost(found, now)]
        for call_id, submission_id, _, _ in lost:
            (match,) = calls.match_calls([call_id])  # locked from here on: its answer may just come
            if match.status != Status.SUBMITTING:
                continue
            event = Event(
                new_id(), Kind.INTERRUPTION, Source.SYSTEM, now, Status.UNKNOWN, "interrupted"
            )
            submissions.settle(submission_id, now, keep_variables=True)
            add_and_refold(call_id, [event], now, context)
            log.warning("submission_interrupted", call_id=str(call_id))
    return len(lost)


def _is_lost(found: tuple[UUID, UUID, UUID | None, datetime], now: datetime) -> bool:
    _, _, process_id, created_at = found
    age = now - created_at
    if process_id is None or not -coordination.FAR < age < TOO_LONG:
        return True
    end = coordination.lease_end(f"{PREFIX}{process_id}")
    return age > NO_LEASE_YET if end is None else coordination.is_over(end, now)
