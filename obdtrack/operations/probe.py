"""Proves that a report could be stored now, by storing something."""

from __future__ import annotations

from datetime import timedelta

from obdtrack.services import Services
from obdtrack.store import leases

LEASE = "write-check"


def prove_writable(services: Services) -> None:
    """Commit a small change; raises ObdtrackError (unavailable) if that cannot be done.

    A transaction that changes nothing would succeed on a full disk.
    """
    with services.store.write():
        leases.hold_lease(LEASE, services.process_id, services.now(), timedelta())
