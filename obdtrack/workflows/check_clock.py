"""Compares the provider's clock with ours over the last reports."""

from __future__ import annotations

from obdtrack.domain.clock import Skew, find_skew
from obdtrack.storage import queues
from obdtrack.workflows.context import Context

REPORTS = 50


def check_clock(context: Context) -> Skew | None:
    """Give the steady offset of the last reports' end times, or None if there is none to see."""
    pairs = queues.recent_ends(REPORTS)
    return find_skew(pairs, context.settings.provider_timezone, context.now())
