"""Finds calls whose process died while it was placing them: what we do not know, we say."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from obdtrack.calls.journal import open_journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.submissions import ClosedSubmission, SubmissionInFlight
from obdtrack.domain.events import Event
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.services import Services, new_id
from obdtrack.store import leases
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()

PREFIX = "process:"
LEASE = timedelta(seconds=8)
"""How long a process counts as alive after its last sign; it gives one every second or so."""

NO_LEASE_YET = timedelta(seconds=40)
TOO_LONG = timedelta(minutes=5)
"""So long after a request could be sent even a live process has lost the response."""


def heartbeat(services: Services) -> None:
    """Renew this process's lease, so that others leave its submissions alone."""
    with services.store.write():
        name = f"{PREFIX}{services.process_id}"
        leases.hold_lease(name, services.process_id, services.shared_now(), LEASE)


def end_heartbeat(services: Services) -> None:
    """Return this process's lease back; what it still had in flight is looked up at once."""
    with services.store.write():
        name = f"{PREFIX}{services.process_id}"
        leases.hold_lease(name, services.process_id, services.shared_now(), -LEASE)


def any_lost(services: Services) -> bool:
    """Whether a submission of a dead process is in flight; a look that takes no turn to write."""
    now = services.shared_now()
    return any(_is_lost(found, now) for found in submissions.in_flight())


@repeated
def recover_interrupted(services: Services) -> int:
    """Make submissions of dead processes `unknown`; returns how many. Nothing is sent again."""
    now, shared_now = services.now(), services.shared_now()
    with open_journal(services, now=now) as journal:
        lost = [found for found in submissions.in_flight() if _is_lost(found, shared_now)]
        journal.calls([call_id for call_id, *_ in lost])  # in one order
        closed: list[ClosedSubmission] = []
        for call_id, submission_id, _, send_until in lost:
            row = journal.call(call_id)  # locked from here on: its response may just come
            if row is None or row.status != Status.SUBMITTING:
                continue
            event = Event(
                new_id(), Kind.INTERRUPTION, Source.SYSTEM, now, Status.UNKNOWN, "interrupted"
            )
            closed.append(ClosedSubmission(submission_id, now, True, send_until))
            journal.append(call_id, event)
            log.warning("submission_interrupted", call_id=str(call_id))
        submissions.close(closed)
    return len(lost)


def _is_lost(found: SubmissionInFlight, now: datetime) -> bool:
    if found.process_id is None or found.send_until is None:  # an older version's
        return True
    late = now - found.send_until
    if not -leases.FAR < late < TOO_LONG:
        return True
    end = leases.lease_end(f"{PREFIX}{found.process_id}")
    return late > NO_LEASE_YET if end is None else leases.is_over(end, now)
