"""Puts what happens to calls into the feed, in the transaction in which it happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Any

from obdtrack.calls.states import snapshot
from obdtrack.domain.facts import FACTS
from obdtrack.domain.feed import OF_STATUS, EventType, FeedEvent
from obdtrack.domain.fold import CallState
from obdtrack.domain.status import FINAL, Status
from obdtrack.domain.times import to_text
from obdtrack.services import CallChange, Services, new_id

_FIELDS = (
    "status", "reason", "status_source", "status_as_of", "conflict", "provider_message", *FACTS,
)  # fmt: skip
_values = attrgetter(*_FIELDS)


def tell(changes: Sequence[CallChange], services: Services) -> None:
    """Add to the feed what happened to these calls. A listener of the journal."""
    services.tell(_events(changes, services.now()))


def _events(changes: Iterable[CallChange], now: datetime) -> Iterator[FeedEvent]:
    for call_id, first, path, campaign_id in changes:
        for before, after in pairwise((first, *path)):
            assert after is not None
            changed = _changed(before, after) if before else {}
            for event_type in _types(before, after, changed.keys()):
                yield FeedEvent(
                    new_id(), event_type, now, call_id, campaign_id, snapshot(after), changed
                )


def _changed(before: CallState, after: CallState) -> dict[str, Any]:
    """Return the earlier values, as JSON has them, of what stands otherwise now."""
    pairs = zip(_FIELDS, _values(before), _values(after), strict=True)
    return {
        name: to_text(was) if isinstance(was, datetime) else was
        for name, was, now in pairs
        if was != now
    }


def _types(
    before: CallState | None, after: CallState, changed: Iterable[str]
) -> Iterator[EventType]:
    """Return what is told of a call that came to stand otherwise, or of which a report came."""
    if before is None:
        yield OF_STATUS[after.status]
        return
    if before.status != after.status:
        # A call that is dialled again ends anew.
        ended = before.status in FINAL and len(after.attempts) <= len(before.attempts)
        was_wrong = ended or before.status == Status.REJECTED
        yield EventType.CALL_CORRECTED if was_wrong else OF_STATUS[after.status]
    elif after.report_count > before.report_count:
        yield EventType.CALL_REPORTED
    elif set(changed) - {"conflict"}:
        yield EventType.CALL_CORRECTED
    if after.conflict and not before.conflict:
        yield EventType.CALL_CONFLICT
