"""Posts one event to a destination, within bounds, and says what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from requests import Request, Session

from obdtrack.domain.destination import OLD_SECRET_SIGNS
from obdtrack.domain.redaction import hide
from obdtrack.notifications.addresses import is_public, objection
from obdtrack.notifications.envelope import body_of
from obdtrack.notifications.signing import signed
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, exchange
from obdtrack.services import Services
from obdtrack.store import models

LONGEST_SECONDS = 15.0
"""How long one try takes at most, with everything."""

_KEPT_BYTES = 1000
_READ_BYTES = 65_536  # more than anybody responds, so that the connection can be used again
_LIMITS = Limits(
    connect=5.0, read=LONGEST_SECONDS, total=LONGEST_SECONDS, max_bytes=_READ_BYTES, cut=True
)
_PUBLIC = replace(_LIMITS, may_reach=is_public)
_LONGEST_WAIT = timedelta(hours=24)
_MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"

GONE = 410


class Tried(NamedTuple):
    """What came of a try; `failure` says in a sentence why it was not taken, None if it was.

    `response` is the beginning of what came back, its numbers masked: what is erased must not
    live on in what somebody repeats. `wait` is what its `Retry-After` asks for.
    """

    http_status: int | None
    duration_ms: int
    response: str | None
    failure: str | None
    wait: timedelta | None = None


def secrets_of(destination: models.Destination, services: Services) -> list[str]:
    """Return the secrets that sign now, the newest first.

    Raises ValueError if they were sealed with another OBDTRACK_SECRET_KEY.
    """
    sealed, rotated_at = [destination.secret_encrypted], destination.rotated_at
    if rotated_at and services.now() < rotated_at + OLD_SECRET_SIGNS:
        sealed.append(destination.old_secret_encrypted)
    return [services.encryption.open(bytes(one))["secret"] for one in sealed if one]


def post(
    session: Session,
    url: str,
    secrets: Sequence[str],
    event: Mapping[str, Any],
    services: Services,
) -> Tried:
    """Send an event (as `envelopes` makes it), signed; a redirect is a failure."""
    if why := objection(url, services):
        return Tried(None, 0, None, why)
    body, began = body_of(event), time.monotonic()
    headers = {"Content-Type": _MEDIA_TYPE}
    headers |= signed(str(event["id"]), services.now(), body, secrets)
    limits = _LIMITS if services.settings.destinations_private else _PUBLIC
    try:
        found = exchange(session, Request("POST", url, headers, data=body), limits)
    except ExchangeError as error:
        return Tried(error.status, _milliseconds(began), None, error.message)
    return Tried(
        found.status,
        _milliseconds(began),
        hide(found.body[:_KEPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")),
        None if 200 <= found.status < 300 else f"The response is {found.status}.",
        _wait(found.headers.get("Retry-After", ""), services.now()),
    )


def _wait(text: str, now: datetime) -> timedelta | None:
    """Return how long a `Retry-After` asks to wait, in seconds or until a date; at most a day."""
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), _LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(timedelta(), min(until - now, _LONGEST_WAIT))


def _milliseconds(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
