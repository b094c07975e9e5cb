"""Forgets what is no longer needed, a little at a time."""

from __future__ import annotations

from datetime import timedelta

from obdtrack.storage import coordination, idempotency
from obdtrack.workflows.context import Context

BATCH = 500
"""Rows deleted in one transaction, so that reports wait for milliseconds at most."""


def forget_old(context: Context) -> None:
    """Delete idempotency keys and leases past their time."""
    now = context.now()
    oldest = now - timedelta(days=context.settings.idempotency_days)
    gone = BATCH
    while gone == BATCH:
        with context.store.write():
            gone = idempotency.forget_older(oldest, BATCH)
    with context.store.write():
        coordination.forget_leases(now - timedelta(days=1))
