"""The vocabulary: statuses, where they come from, and which is stronger."""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """A word of the vocabulary: in every way the text it is, in sets and as a key too."""

    __hash__ = str.__hash__  # an enum's own is that of its name, which no equal text has


class Status(Word):
    """Where a call stands, in the field's standard words."""

    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    QUEUED = "queued"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    FAILED = "failed"
    UNRESOLVED = "unresolved"
    SKIPPED = "skipped"


class Source(Word):
    """How we know: who told us what an event says."""

    API = "api"
    WEBHOOK = "webhook"
    POLL = "poll"
    PERSON = "person"
    SYSTEM = "system"


class Outcome(Word):
    """What became of one request that reached the callback."""

    RECEIVED = "received"
    MATCHED = "matched"
    DUPLICATE = "duplicate"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    IGNORED = "ignored"
    CHALLENGE = "challenge"
    FAILED = "failed"
    REJECTED = "rejected"


class Kind(Word):
    """What an event is about."""

    SUBMISSION = "submission"
    RESPONSE = "response"
    REPORT = "report"
    CHECK = "check"
    INTERRUPTION = "interruption"
    DEADLINE = "deadline"
    RESOLUTION = "resolution"
    CONFLICT = "conflict"
    LIMIT = "limit"
    REVIEW = "review"


# How much a report's word weighs within one attempt: answered over not answered,
# and among the rest the word that says more about the line over the one that says less.
STRENGTH: dict[Status, int] = {
    Status.COMPLETED: 5,
    Status.BUSY: 4,
    Status.NO_ANSWER: 3,
    Status.CANCELED: 2,
    Status.FAILED: 1,
    Status.QUEUED: 0,
}

FINAL: frozenset[Status] = frozenset(status for status, weight in STRENGTH.items() if weight > 0)
"""Statuses that say how an attempt ended. Only a report or a poll can bring them."""

WAITING: frozenset[Status] = frozenset({Status.SUBMITTING, Status.UNKNOWN, Status.QUEUED})
"""Statuses that are expected to change by themselves."""

UNSUCCESSFUL: frozenset[Status] = frozenset(Status) - {
    Status.COMPLETED, Status.QUEUED, Status.SUBMITTING,
}  # fmt: skip
"""Statuses of calls that nobody answered, as far as we know."""

NEEDS_ATTENTION: frozenset[Status] = frozenset({Status.UNKNOWN, Status.UNRESOLVED})
"""Statuses a person should look at, as they should at a conflict: until somebody has."""


def strength(status: Status | None) -> int:
    """Return the weight of a status within one attempt; -1 for a word the vocabulary lacks."""
    return -1 if status is None else STRENGTH.get(status, -1)
