"""A call's events as a story: which attempt, and what each of them changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from obdtrack.domain.events import Event, place_in_story
from obdtrack.domain.fold import fold
from obdtrack.domain.status import Status


class TimelineEntry(NamedTuple):
    """One event in its place: the attempt it belongs to and the status before and after it."""

    event: Event
    attempt: int | None
    before: Status | None
    after: Status
    conflict: bool


def build_timeline(events: Iterable[Event], interval: int = 0) -> list[TimelineEntry]:
    """Return the events in the order we recorded them, each with what it changed.

    `interval` is the call's minutes between redials, 0 for none. Raises ValueError if the first
    event does not say how the call began.
    """
    ordered = sorted(events, key=place_in_story)
    if not ordered:
        return []
    final = fold(ordered, interval)
    attempt_of = {event_id: attempt for attempt in final.attempts for event_id in attempt.event_ids}
    entries: list[TimelineEntry] = []
    before: Status | None = None
    for count, event in enumerate(ordered, start=1):
        after = fold(ordered[:count], interval).status
        attempt = attempt_of.get(event.id)
        entries.append(
            TimelineEntry(
                event=event,
                attempt=attempt.number if attempt else None,
                before=before,
                after=after,
                conflict=bool(attempt and attempt.conflict),
            )
        )
        before = after
    return entries
