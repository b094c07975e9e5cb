"""What others are told of: the types of the feed's events, and which of them somebody wants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.status import Status, Word


class EventType(Word):
    """What happened; the first word is what it happened to."""

    CALL_SCHEDULED = "call.scheduled"
    CALL_PLACED = "call.placed"
    CALL_REJECTED = "call.rejected"
    CALL_UNKNOWN = "call.unknown"
    CALL_QUEUED = "call.queued"
    CALL_REPORTED = "call.reported"
    CALL_COMPLETED = "call.completed"
    CALL_BUSY = "call.busy"
    CALL_NO_ANSWER = "call.no_answer"
    CALL_CANCELED = "call.canceled"
    CALL_FAILED = "call.failed"
    CALL_UNRESOLVED = "call.unresolved"
    CALL_CORRECTED = "call.corrected"
    CALL_CONFLICT = "call.conflict"
    CALL_SKIPPED = "call.skipped"
    OPT_OUT_ADDED = "opt_out.added"
    DELIVERY_UNMATCHED = "delivery.unmatched"
    DELIVERY_UNREADABLE = "delivery.unreadable"
    CAMPAIGN_STARTED = "campaign.started"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_RESUMED = "campaign.resumed"
    CAMPAIGN_STOPPED = "campaign.stopped"
    CAMPAIGN_COMPLETED = "campaign.completed"
    DESTINATION_FAILING = "destination.failing"
    DESTINATION_DISABLED = "destination.disabled"


OF_STATUS: Mapping[Status, EventType] = {
    Status.SUBMITTING: EventType.CALL_PLACED,
    Status.REJECTED: EventType.CALL_REJECTED,
    Status.UNKNOWN: EventType.CALL_UNKNOWN,
    Status.QUEUED: EventType.CALL_QUEUED,
    Status.COMPLETED: EventType.CALL_COMPLETED,
    Status.BUSY: EventType.CALL_BUSY,
    Status.NO_ANSWER: EventType.CALL_NO_ANSWER,
    Status.CANCELED: EventType.CALL_CANCELED,
    Status.FAILED: EventType.CALL_FAILED,
    Status.UNRESOLVED: EventType.CALL_UNRESOLVED,
    Status.SKIPPED: EventType.CALL_SKIPPED,
}
"""What is told when a call comes to stand so."""

_ANY = ".*"
"""The end of a pattern that stands for all types with the same first word."""

PATTERNS = tuple(sorted({f"{kind.partition('.')[0]}{_ANY}" for kind in EventType} | set(EventType)))
"""What types can be asked for by: each by its name, or all about one thing, like `call.*`."""


class FeedEvent(NamedTuple):
    """Something that happened. `subject` is the id of what it is about.

    Of a call `data` is its state as `calls.states.snapshot` gives it (a list); of anything else it
    is what the API shows, with numbers in full. `changed` has the earlier value of what is
    otherwise now.
    """

    id: UUID
    type: EventType
    recorded_at: datetime
    subject: UUID | None
    campaign_id: UUID | None = None
    data: Mapping[str, Any] | Sequence[Any] | None = None
    changed: Mapping[str, Any] | None = None


def matching(patterns: Collection[str]) -> frozenset[EventType]:
    """Return the types that these patterns (of `PATTERNS`) stand for; all if there are none."""
    if not patterns:
        return frozenset(EventType)
    starts = tuple(one.removesuffix("*") for one in patterns if one.endswith(_ANY))
    return frozenset(one for one in EventType if one in patterns or one.startswith(starts))


class Numbers(StrEnum):
    """How much of phone numbers somebody is told."""

    FULL = "full"
    MASKED = "masked"
    NONE = "none"
