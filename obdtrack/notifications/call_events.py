"""Puts what happens to calls into the feed, in the transaction in which it happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from obdtrack.calls.states import rest_of, snapshot
from obdtrack.domain.feed import OF_STATUS, EventType, FeedEvent
from obdtrack.domain.fold import CallState
from obdtrack.domain.status import FINAL, Status
from obdtrack.services import CallChange, Services, Standing, new_id


def tell(changes: Sequence[CallChange], services: Services) -> None:
    """Add to the feed what happened to these calls. A listener of the journal.

    What was otherwise before is not stored: the event before it of the same call tells that.
    """
    services.tell(_events(changes, services.now()))


def _events(changes: Iterable[CallChange], now: datetime) -> Iterator[FeedEvent]:
    for call_id, before, path, rest, campaign_id, rebuilt in changes:
        for after in path:
            kept = snapshot(after, rest if after is path[-1] else rest_of(after))
            stands = Standing(after.status, after.conflict, after.report_count, len(after.attempts))
            for event_type in _types(before, stands, after, rebuilt=rebuilt):
                yield FeedEvent(new_id(), event_type, now, call_id, campaign_id, kept)
            before = stands


def _types(
    before: Standing | None, stands: Standing, after: CallState, *, rebuilt: bool
) -> Iterator[EventType]:
    """Return what is told of a call that came to stand otherwise, or of which a report came."""
    if before is None:
        yield OF_STATUS[after.status]
        return
    if before.status != after.status:
        # A call that is dialled again ends anew.
        ended = before.status in FINAL and stands.attempt_count <= before.attempt_count
        was_wrong = ended or before.status == Status.REJECTED
        yield EventType.CALL_CORRECTED if was_wrong else OF_STATUS[after.status]
    elif stands.report_count > before.report_count:
        yield EventType.CALL_REPORTED
    elif rebuilt:
        yield EventType.CALL_CORRECTED
    if stands.conflict and not before.conflict:
        yield EventType.CALL_CONFLICT
