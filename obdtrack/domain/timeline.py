"""A call's events as a story: which attempt each belongs to, and what it changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from obdtrack.domain.events import Event, place_in_story
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.status import FINAL, Kind, Status, strength


class TimelineEntry(NamedTuple):
    """One event, its place in the story from 1 on, its attempt, and whether that is in conflict."""

    event: Event
    number: int
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
        TimelineEntry(event, number, attempt.number, attempt.conflict)
        if (attempt := attempt_of.get(event.id))
        else TimelineEntry(event, number, None, conflict=event.kind is Kind.CONFLICT)
        for number, event in enumerate(sorted(events, key=place_in_story), start=1)
    ]


def build_changes(events: Iterable[Event], interval: int = 0, since: int = 0) -> list[Change]:
    """Return the events in the order we recorded them, each with what it changed when it came.

    `interval` is the call's minutes between redials, 0 for none; the first `since` events are left
    out. Raises ValueError if the first event does not say how the call began.
    """
    ordered = sorted(events, key=place_in_story)
    before = fold(ordered[:since], interval).status if since else None
    changes: list[Change] = []
    for count, event in enumerate(ordered[since:], start=since + 1):
        if before is None or _may_change(event, before, interval):
            after = fold(ordered[:count], interval).status
        else:
            after = before
        changes.append(Change(event, before, after))
        before = after
    return changes


def _may_change(event: Event, status: Status, interval: int) -> bool:
    """Whether a call that stands so may stand otherwise with one event more; no fold is needed.

    Without redials all reports are about one attempt, and the strongest of them decides.
    """
    if event.kind is not Kind.REPORT:
        return event.status is not None
    if interval:
        return True
    if status in FINAL:
        return strength(event.status) > strength(status)
    return event.status in FINAL or status in (Status.SUBMITTING, Status.UNKNOWN)
