"""One request to place a call, and what the provider's answer to it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

_UUID = re.compile(
    r"(?:urn:uuid:)?[{(]?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})"
    r"[})]?(:[0-9]+)?[})]?",
    re.IGNORECASE,
)
"""A UUID as RFC 9562 writes it, and as programs do: without dashes, in braces, in capitals."""

INTERVALS = (0, 5, 15, 30, 45, 60)
"""Minutes between redials of an unanswered call that the provider accepts (its `interval`)."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call to place: `to` and `bridge` in E.164, exactly one of `flow_id` and `audio`."""

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


class Placement(StrEnum):
    """Whether the phone may ring after what we saw."""

    PLACED = "placed"
    NOT_PLACED = "not-placed"
    UNKNOWN = "unknown"


class Failure(StrEnum):
    """Why a send did not end in a usable success; it becomes the call's `reason`."""

    UNREACHABLE = "provider-unreachable"
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
    INTERNAL_ERROR = "internal-error"


# The one table that decides what a failure means for the call. NOT_PLACED only where the request
# certainly was not acted upon: no byte of it left, or the provider said no in so many words.
PLACEMENT: dict[Failure, Placement] = {
    Failure.UNREACHABLE: Placement.NOT_PLACED,
    Failure.INVALID_TOKEN: Placement.NOT_PLACED,
    Failure.FORBIDDEN: Placement.NOT_PLACED,
    Failure.NOT_FOUND: Placement.NOT_PLACED,
    Failure.INVALID_REQUEST: Placement.NOT_PLACED,
    Failure.INSUFFICIENT_BALANCE: Placement.NOT_PLACED,
    Failure.RATE_LIMITED: Placement.NOT_PLACED,
    Failure.CONFLICT: Placement.NOT_PLACED,
    Failure.REFUSED: Placement.NOT_PLACED,
    Failure.REDIRECTED: Placement.NOT_PLACED,
    Failure.TIMEOUT: Placement.UNKNOWN,
    Failure.CONNECTION_LOST: Placement.UNKNOWN,
    Failure.PROVIDER_ERROR: Placement.UNKNOWN,
    Failure.UNREADABLE_ANSWER: Placement.UNKNOWN,
    Failure.ANSWER_TOO_LARGE: Placement.UNKNOWN,
    Failure.ANSWER_WITHOUT_ID: Placement.UNKNOWN,
    Failure.INTERNAL_ERROR: Placement.UNKNOWN,
}


class AcceptedNumber(NamedTuple):
    """One number of an accepted submission; `charges` is exact decimal text."""

    provider_id: str
    to: str | None
    charges: str | None
    submitted_at: datetime | None


class SendResponse(NamedTuple):
    """What came back from a send.

    `failure` is None on success. `message` is the provider's own words, without secrets.
    `http_status` and `body` are None when no answer arrived; `retry_after` is in seconds.
    """

    failure: Failure | None = None
    message: str | None = None
    numbers: tuple[AcceptedNumber, ...] = ()
    http_status: int | None = None
    body: bytes | None = None
    retry_after: int | None = None

    @property
    def placement(self) -> Placement:
        """Whether the phone may ring, by the one table."""
        return Placement.PLACED if self.failure is None else PLACEMENT[self.failure]


def canonical_id(text: str) -> str:
    """Return a provider's id in the one spelling in which ids are stored and compared.

    `uuid` and `uuid:n` get lower-case letters and dashes, and lose braces and `urn:uuid:`. What is
    no UUID stays as it is: other accounts use other ids, whose spelling may tell them apart.
    """
    if text[8:9] == "-" and text == text.lower():
        return text  # as the provider's documentation writes it
    if found := _UUID.fullmatch(text.strip()):
        *parts, number = found.groups(default="")
        return "-".join(parts).lower() + number
    return text


def is_uuid(text: str) -> bool:
    """Whether a canonical id is a UUID alone: nobody else's by accident, as a short number is."""
    found = _UUID.fullmatch(text)
    return found is not None and found[6] is None


def submission_uuid(provider_id: str) -> str:
    """Return the submission's part of a provider id: `uuid:n` is the n-th number of `uuid`."""
    return provider_id.rsplit(":", 1)[0]
