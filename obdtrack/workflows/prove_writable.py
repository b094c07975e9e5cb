"""Proves that a report could be stored now, by storing something."""

from __future__ import annotations

from datetime import timedelta

from obdtrack.storage import coordination
from obdtrack.workflows.context import Context

LEASE = "write-check"


def prove_writable(context: Context) -> None:
    """Commit a small change; raises ObdtrackError (unavailable) if that cannot be done.

    A transaction that changes nothing would succeed on a full disk.
    """
    with context.store.write():
        coordination.hold_lease(LEASE, context.process_id, context.now(), timedelta())
