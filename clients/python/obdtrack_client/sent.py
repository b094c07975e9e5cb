"""What the API takes, typed by the API's names; what is left out has the server's default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NotRequired, TypedDict


class RequestOptions(TypedDict, total=False):
    """What is heard, when, and who calls: the same for all calls of one request."""

    flow_id: str
    audio: str
    bridge: str
    name: str
    interval: int
    webhook_id: str
    variables: Mapping[str, str]
    call_type: str


class CallOptions(RequestOptions, total=False):
    """The same for one call, with what the caller keeps beside it."""

    reference: str
    metadata: Mapping[str, Any]


class Listed(TypedDict):
    """One number of a list, with what the caller keeps beside it."""

    to: str
    reference: NotRequired[str]
    metadata: NotRequired[Mapping[str, Any]]


class Filters(TypedDict, total=False):
    """Which calls are listed; several statuses are an "or"."""

    status: str | Sequence[str]
    to: str
    name: str
    reference: str
    needs_attention: bool
    created_after: datetime
    created_before: datetime


class Retries(TypedDict, total=False):
    """Calling again, as a new call: after which statuses, how often, how much later."""

    on: Sequence[str]
    times: int
    wait_minutes: int


class StopIf(TypedDict, total=False):
    """When a campaign pauses by itself."""

    failed_percent: int
    of_last: int
    minimum: int


class Plan(TypedDict, total=False):
    """How a campaign calls; None empties a field."""

    flow_id: str | None
    audio: str | None
    bridge: str
    variables: Mapping[str, str]
    per_minute: int
    max_in_flight: int
    numbers_per_request: int
    interval: int
    retries: Retries | None
    start_at: datetime | None
    end_at: datetime | None
    calling_window: str | None
    at_window_end: str
    budget: Decimal | None
    stop_if: StopIf | None
    call_type: str | None


class RecipientRow(TypedDict):
    """One recipient of a campaign, as a row of a list."""

    to: str
    reference: NotRequired[str]
    variables: NotRequired[Mapping[str, str]]
    metadata: NotRequired[Mapping[str, Any]]


def plain(value: object) -> str:
    """Return what JSON has no word for as the API takes it: a time with its zone, exact money."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A time must have a zone, as datetime.now(UTC) has.")
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"The API takes no {type(value).__name__}.")
