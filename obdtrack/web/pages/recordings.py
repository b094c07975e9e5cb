"""The links to recordings that reports brought, and how long they work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.events import Event
from obdtrack.domain.fold import Attempt


class Recording(NamedTuple):
    """A link to the recording of an attempt, when it reached us, and until when it works.

    `expires_at` is None where nobody knows.
    """

    attempt: int
    url: str
    came_at: datetime
    expires_at: datetime | None

    @property
    def hours(self) -> int | None:
        """How long such links work, None where nobody knows."""
        return (self.expires_at - self.came_at) // timedelta(hours=1) if self.expires_at else None

    @property
    def is_web_address(self) -> bool:
        """Whether it can be opened; a report may hold anything."""
        return self.url.lower().startswith(("http://", "https://"))


def recordings(
    attempts: Sequence[Attempt], events: Sequence[Event], work: timedelta | None
) -> list[Recording]:
    """Return the recordings of these attempts, out of the call's events; links `work` so long."""
    return [
        Recording(attempt.number, url, came_at, came_at + work if work else None)
        for attempt in attempts
        if (url := attempt.recording_url)
        and (came_at := _came_at(attempt, url, events)) is not None
    ]


def _came_at(attempt: Attempt, url: str, events: Sequence[Event]) -> datetime | None:
    """Return when the link first reached us: the provider made it no later than that."""
    brought = [
        event.recorded_at
        for event in events
        if event.id in attempt.event_ids and event.detail.get("recording_url") == url
    ]
    return min(brought, default=None)
