"""Services that tell what happens, and what the feed says by now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from obdtrack import application
from obdtrack.domain.feed import Numbers
from obdtrack.notifications.envelope import envelopes
from obdtrack.services import Services
from obdtrack.store import feed


def telling(services: Services, **settings: Any) -> Services:
    """The same installation with those who listen to the journal."""
    chosen = replace(services.settings, **settings)
    return replace(services, settings=chosen, listeners=application.LISTENERS)


def told(numbers: Numbers = Numbers.FULL) -> list[dict[str, Any]]:
    """Every event of the feed, oldest first."""
    return envelopes(feed.page(0, feed.settled(), 1000), numbers)


def types() -> list[str]:
    """The types of all events, oldest first."""
    return [event["type"] for event in told()]
