"""Takes what reached the callback: raw first, then its meaning, all committed before the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import quote

import structlog

from obdtrack.calls.journal import open_journal
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult, InboundRequest
from obdtrack.calls.reports.process import process, read
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.status import Outcome
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services
from obdtrack.settings import SECRET_LENGTH

log = structlog.get_logger()

_REMOVED = "removed"


class ReceivedDelivery(NamedTuple):
    """What became of a delivery; `challenge` is to be answered if it is not None."""

    outcome: Outcome
    challenge: str | None = None


def receive_deliveries(
    batch: Sequence[InboundRequest], services: Services
) -> list[ReceivedDelivery]:
    """Store a batch of deliveries with what they mean, in one transaction; on disk on return.

    If the batch as a whole cannot be written, each is tried alone, so that one bad apple does not
    cost the others their place. Raises ObdtrackError (unavailable) if the database is out of use.
    """
    try:
        return _receive(batch, services)
    except ObdtrackError:
        raise
    except Exception:  # whatever is wrong with one of them, the others are innocent
        log.exception("batch_failed", size=len(batch))
        return [_receive_alone(stored, services) for stored in batch]


def _receive(batch: Sequence[InboundRequest], services: Services) -> list[ReceivedDelivery]:
    readings = [read(stored, services) for stored in batch]
    # A crowd that places calls must not hold reports up.
    with open_journal(services, first=True) as journal:
        found = process(batch, readings, journal)
        deliveries.add(
            (without_secrets(stored, services), interpreted.meaning)
            for stored, interpreted in zip(batch, found, strict=True)
        )
    return [ReceivedDelivery(one.meaning.outcome, one.challenge) for one in found]


def _receive_alone(stored: InboundRequest, services: Services) -> ReceivedDelivery:
    try:
        return _receive([stored], services)[0]
    except ObdtrackError:
        raise
    except Exception as error:  # its bytes are kept, to be read again once the cause is mended
        meaning = DeliveryResult(Outcome.FAILED, f"{type(error).__name__}: {error}")
        with services.store.write(first=True):
            deliveries.add([(without_secrets(stored, services), meaning)])
        return ReceivedDelivery(Outcome.FAILED)


def without_secrets(stored: InboundRequest, services: Services) -> InboundRequest:
    """Return the request without our own secrets in its query and body, however they are spelled.

    A validation key that is too short to be told from other text is taken out only where the
    provider sends it (`?token=`, `"validation_key":`).
    """
    settings, raw = services.settings, stored.raw
    token = settings.webhook_token or ""
    long_token = token if len(token) >= SECRET_LENGTH else None
    if token and long_token is None:
        raw = _without_short_token(raw, token)
    for text, octets in _spellings((long_token, *settings.webhook_secrets)):
        if text in raw.query or octets in raw.body:
            raw = raw._replace(
                query=raw.query.replace(text, _REMOVED),
                body=raw.body.replace(octets, _REMOVED.encode()),
            )
    return stored if raw is stored.raw else stored._replace(raw=raw)


_UNDER_ITS_NAME = r"(?<![\w-])(?:token|validation_key)(?:=|\"\s*:\s*\"?|\"\s*\n\r?\n)"


def _without_short_token(raw: RawDelivery, token: str) -> RawDelivery:
    spelled = "|".join({re.escape(text) for text, _ in _spellings((token,))})
    pattern = re.compile(f'({_UNDER_ITS_NAME})(?:{spelled})(?![^"&,}}\\s])')
    body = raw.body.decode("latin-1")  # which has a character for each byte
    return raw._replace(
        query=pattern.sub(rf"\1{_REMOVED}", raw.query),
        body=pattern.sub(rf"\1{_REMOVED}", body).encode("latin-1"),
    )


@cache
def _spellings(secrets: tuple[str | None, ...]) -> list[tuple[str, bytes]]:
    """Return the ways in which a form, JSON and PHP's JSON write these, as text and as bytes."""
    found: dict[str, bytes] = {}
    for secret in filter(None, secrets):
        in_json = json.dumps(secret)[1:-1]
        for text in (secret, quote(secret, ""), in_json, in_json.replace("/", "\\/")):
            found[text] = text.encode()
    return list(found.items())
