"""What a provider of calls must be able to do; each vendor has its own files here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, Protocol

from obdtrack.domain.reports import FoundCall, RawDelivery, Reading
from obdtrack.domain.submission import CallRequest, Failure, SendResponse


class StatusResponse(NamedTuple):
    """The provider's log for one question. `failure` is None if it answered properly."""

    failure: Failure | None = None
    message: str | None = None
    calls: tuple[FoundCall, ...] = ()
    http_status: int | None = None
    body: bytes | None = None
    retry_after: int | None = None


class SendRequest(NamedTuple):
    """A request to the provider as it leaves, without what shows who we are."""

    method: str
    path: str
    body: Mapping[str, str | int]


class Provider(Protocol):
    """A vendor's API and words, read into ours. Methods never raise for what the vendor does."""

    def send(self, request: CallRequest) -> SendResponse:
        """Ask for one call to be placed, once. Bounded in time and memory."""
        ...

    def completed(self, request: CallRequest) -> CallRequest:
        """Return the request with the provider's defaults where it leaves something out. Pure."""
        ...

    def send_request(self, request: CallRequest) -> SendRequest:
        """Return what `send` lets leave for a completed request. Pure."""
        ...

    def find(
        self, *, provider_id: str | None = None, to: str | None = None, on: date | None = None
    ) -> StatusResponse:
        """Ask what became of a call: by the provider's id, or by number and day."""
        ...

    def read_found(self, body: bytes) -> tuple[FoundCall, ...]:
        """Read the body of an answer to `find` once more, as it was stored. Pure."""
        ...

    def read_delivery(self, delivery: RawDelivery) -> Reading:
        """Read what reached the callback. Pure: the same bytes give the same reading."""
        ...
