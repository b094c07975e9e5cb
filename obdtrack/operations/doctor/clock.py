"""Compares the provider's clock with ours over the last reports."""

from __future__ import annotations

from obdtrack.domain.clock_offset import Skew, find_skew
from obdtrack.operations import backlog
from obdtrack.services import Services

REPORTS = 50


def check_clock(context: Services) -> Skew | None:
    """Return the steady offset of the last reports' end times, or None if there is none to see."""
    pairs = backlog.recent_ends(REPORTS)
    return find_skew(pairs, context.settings.provider_timezone, context.now())
