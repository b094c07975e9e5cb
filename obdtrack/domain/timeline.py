"""A call's events as a story: which attempt each belongs to, and what it changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from obdtrack.domain.events import Event, place_in_story
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.status import Kind, Status


class TimelineEntry(NamedTuple):
    """One event, the number of the attempt it belongs to, and whether that is in conflict."""

    event: Event
    attempt: int | None
    conflict: bool


class Change(NamedTuple):
    """One event, and the status of its call before and after it."""

    event: Event
    before: Status | None
    after: Status


def build_timeline(events: Iterable[Event], state: CallState) -> list[TimelineEntry]:
    """Return the events of a call that stands so, in the order we recorded them."""
    attempt_of = {event_id: attempt for attempt in state.attempts for event_id in attempt.event_ids}
    return [
        TimelineEntry(event, attempt.number, attempt.conflict)
        if (attempt := attempt_of.get(event.id))
        else TimelineEntry(event, None, conflict=event.kind is Kind.CONFLICT)
        for event in sorted(events, key=place_in_story)
    ]


def build_changes(events: Iterable[Event], interval: int = 0) -> list[Change]:
    """Return the events in the order we recorded them, each with what it changed when it came.

    `interval` is the call's minutes between redials, 0 for none. Raises ValueError if the first
    event does not say how the call began.
    """
    ordered = sorted(events, key=place_in_story)
    after = [fold(ordered[:count], interval).status for count in range(1, len(ordered) + 1)]
    return list(map(Change, ordered, [None, *after], after))
