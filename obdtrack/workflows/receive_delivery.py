"""Takes what reached the callback: raw first, then its meaning, all committed before the answer."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import peewee
import structlog

from obdtrack.domain.report import Challenge, OptOut, Reading, Report, Unreadable
from obdtrack.domain.status import Outcome, Source
from obdtrack.storage import deliveries
from obdtrack.storage.deliveries import Meaning, Stored
from obdtrack.workflows.context import Context
from obdtrack.workflows.record_report import Arrival, Verdict, record_reports

log = structlog.get_logger()


class Received(NamedTuple):
    """What became of a delivery; `challenge` is to be answered if it is not None."""

    outcome: Outcome
    challenge: str | None = None


def receive_deliveries(batch: Sequence[Stored], context: Context) -> list[Received]:
    """Store a batch of deliveries with what they mean, in one transaction; on disk on return.

    If the batch as a whole cannot be written, each is tried alone, so that one bad apple does not
    cost the others their place. Raises ObdtrackError (unavailable) if the database is out of use.
    """
    try:
        return _receive(batch, context)
    except (peewee.IntegrityError, peewee.DataError, peewee.ProgrammingError):
        log.exception("batch_failed", size=len(batch))
        return [_receive_alone(stored, context) for stored in batch]


def _receive(batch: Sequence[Stored], context: Context) -> list[Received]:
    readings = [_read(stored, context) for stored in batch]
    with context.store.write():
        verdicts = _verdicts(batch, readings, context)
        deliveries.add(
            (_without_secrets(stored, context), _meaning(reading, verdict))
            for stored, reading, verdict in zip(batch, readings, verdicts, strict=True)
        )
    return [_received(r, v) for r, v in zip(readings, verdicts, strict=True)]


def _receive_alone(stored: Stored, context: Context) -> Received:
    try:
        return _receive([stored], context)[0]
    except peewee.DatabaseError as error:
        reason = f"{type(error).__name__}: {error}"
        with context.store.write():
            safe = _without_secrets(stored, context)
            deliveries.add([(safe, Meaning(Outcome.FAILED, reason))])
        return Received(Outcome.FAILED)


def _read(stored: Stored, context: Context) -> Reading | Exception:
    try:
        return context.provider.read_delivery(stored.raw)
    except Exception as error:  # the raw row is kept, and the next delivery is innocent
        log.exception("reading_failed", delivery_id=str(stored.id))
        return error


def _verdicts(
    batch: Sequence[Stored], readings: Sequence[Reading | Exception], context: Context
) -> list[Verdict]:
    verdicts: dict[UUID, Verdict] = {}
    arrivals: list[Arrival] = []
    for stored, reading in zip(batch, readings, strict=True):
        if isinstance(reading, Report):
            arrivals.append(Arrival(reading, Source.WEBHOOK, stored.received_at, stored.id))
        else:
            verdicts[stored.id] = _verdict(reading, context)
    for arrival, verdict in zip(arrivals, record_reports(arrivals, context), strict=True):
        assert arrival.delivery_id is not None
        verdicts[arrival.delivery_id] = verdict
    return [verdicts[stored.id] for stored in batch]


def _verdict(reading: Challenge | OptOut | Unreadable | Exception, context: Context) -> Verdict:
    match reading:
        case Unreadable(reason):
            return Verdict(Outcome.UNREADABLE, reason)
        case OptOut():
            return Verdict(Outcome.IGNORED, "a number opted out; it is no report about a call")
        case Challenge() as challenge if _is_ours(challenge, context):
            return Verdict(Outcome.CHALLENGE)
        case Challenge():
            return Verdict(Outcome.IGNORED, "the validation key is not OBDTRACK_WEBHOOK_TOKEN")
        case error:
            return Verdict(Outcome.FAILED, f"{type(error).__name__}: {error}")


def _is_ours(challenge: Challenge, context: Context) -> bool:
    expected = context.settings.webhook_token
    given = challenge.validation_key or ""
    return expected is None or hmac.compare_digest(given.encode(), expected.encode())


def _meaning(reading: Reading | Exception, verdict: Verdict) -> Meaning:
    known = None if isinstance(reading, Exception) else reading
    return deliveries.meaning(verdict.outcome, verdict.reason, verdict.call_id, known)


def _received(reading: Reading | Exception, verdict: Verdict) -> Received:
    answer = reading.challenge if isinstance(reading, Challenge) else None
    return Received(verdict.outcome, answer if verdict.outcome is Outcome.CHALLENGE else None)


def _without_secrets(stored: Stored, context: Context) -> Stored:
    settings = context.settings
    raw = stored.raw
    for secret in (settings.webhook_token, *settings.webhook_secrets):
        if secret and (secret in raw.query or secret.encode() in raw.body):
            raw = raw._replace(
                query=raw.query.replace(secret, "removed"),
                body=raw.body.replace(secret.encode(), b"removed"),
            )
    return stored._replace(raw=raw)
