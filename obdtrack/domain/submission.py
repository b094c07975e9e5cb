"""One request to place a call, and what the provider's response to it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call to place: `to` and `bridge` in E.164, exactly one of `flow_id` and `audio`.

    `call_type` is a CallType: the hours in which it may ring depend on it. `retry_of` is the call
    that this one is made again for.
    """

    to: str
    bridge: str
    flow_id: str | None = None
    audio: str | None = None
    name: str | None = None
    interval: int = 0
    webhook_id: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    reference: str | None = None
    metadata: Mapping[str, Any] | None = None
    call_type: str | None = None
    campaign_id: UUID | None = None
    retry_of: UUID | None = None


class NotPermittedError(Exception):
    """The request must not be sent (any further); the text says why, for people."""


Permit = Callable[[], None]
"""Asked immediately before any byte of a request leaves; raises NotPermittedError."""


class Placement(StrEnum):
    """Whether the phone may ring after what we saw."""

    PLACED = "placed"
    NOT_PLACED = "not-placed"
    UNKNOWN = "unknown"


class Failure(StrEnum):
    """Why a send did not end in a usable success; it becomes the call's `reason`."""

    UNREACHABLE = "provider-unreachable"
    NOT_SENT = "not-sent"
    INVALID_TOKEN = "invalid-token"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    INVALID_REQUEST = "invalid-request"
    INSUFFICIENT_BALANCE = "insufficient-balance"
    RATE_LIMITED = "rate-limited"
    CONFLICT = "conflict"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    TIMEOUT = "timeout"
    CONNECTION_LOST = "connection-lost"
    PROVIDER_ERROR = "provider-error"
    UNREADABLE_ANSWER = "unreadable-answer"
    ANSWER_TOO_LARGE = "answer-too-large"
    ANSWER_WITHOUT_ID = "answer-without-id"
    ID_GIVEN_TWICE = "id-given-twice"
    NOT_ACCEPTED = "not-accepted"
    NOT_LISTED = "not-listed"
    INTERNAL_ERROR = "internal-error"


# The one table that decides what a failure means for the call. NOT_PLACED only where the request
# certainly was not acted upon: no byte of it left, or the provider said no in so many words.
PLACEMENT: dict[Failure, Placement] = {
    Failure.UNREACHABLE: Placement.NOT_PLACED,
    Failure.NOT_SENT: Placement.NOT_PLACED,
    Failure.INVALID_TOKEN: Placement.NOT_PLACED,
    Failure.FORBIDDEN: Placement.NOT_PLACED,
    Failure.NOT_FOUND: Placement.NOT_PLACED,
    Failure.INVALID_REQUEST: Placement.NOT_PLACED,
    Failure.INSUFFICIENT_BALANCE: Placement.NOT_PLACED,
    Failure.RATE_LIMITED: Placement.NOT_PLACED,
    Failure.CONFLICT: Placement.NOT_PLACED,
    Failure.NOT_ACCEPTED: Placement.NOT_PLACED,
    Failure.REFUSED: Placement.NOT_PLACED,
    Failure.REDIRECTED: Placement.NOT_PLACED,
    Failure.TIMEOUT: Placement.UNKNOWN,
    Failure.CONNECTION_LOST: Placement.UNKNOWN,
    Failure.PROVIDER_ERROR: Placement.UNKNOWN,
    Failure.UNREADABLE_ANSWER: Placement.UNKNOWN,
    Failure.ANSWER_TOO_LARGE: Placement.UNKNOWN,
    Failure.ANSWER_WITHOUT_ID: Placement.UNKNOWN,
    Failure.ID_GIVEN_TWICE: Placement.UNKNOWN,
    Failure.NOT_LISTED: Placement.UNKNOWN,
    Failure.INTERNAL_ERROR: Placement.UNKNOWN,
}


def placement_of(failure: Failure | None) -> Placement:
    """Return whether the phone may ring after this, by the one table."""
    return Placement.PLACED if failure is None else PLACEMENT[failure]


class AcceptedNumber(NamedTuple):
    """One number that a response lists as accepted; `charges` is exact decimal text.

    `to` is as much of the number as the response gives, E.164 if it is whole.
    """

    provider_id: str | None
    to: str | None
    charges: str | None
    submitted_at: datetime | None


class SendResponse(NamedTuple):
    """What came back from a send.

    `failure` is None on success. `message` is the provider's own words, without secrets, and
    `accepted` how many numbers it says in them that it took, if it does.
    `http_status` and `body` are None when no response arrived; `retry_after` is in seconds.
    """

    failure: Failure | None = None
    message: str | None = None
    numbers: tuple[AcceptedNumber, ...] = ()
    http_status: int | None = None
    body: bytes | None = None
    retry_after: int | None = None
    accepted: int | None = None

    @property
    def placement(self) -> Placement:
        """Whether a phone may ring."""
        return placement_of(self.failure)
