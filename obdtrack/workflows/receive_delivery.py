"""Takes what reached the callback: raw first, then its meaning, all committed before the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import peewee
import structlog

from obdtrack.domain.status import Outcome
from obdtrack.storage import deliveries
from obdtrack.storage.deliveries import Meaning, Stored
from obdtrack.workflows.context import Context
from obdtrack.workflows.interpret import interpret, read

log = structlog.get_logger()

_REMOVED = "removed"


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
    except (peewee.IntegrityError, peewee.DataError, peewee.ProgrammingError, ValueError):
        log.exception("batch_failed", size=len(batch))
        return [_receive_alone(stored, context) for stored in batch]


def _receive(batch: Sequence[Stored], context: Context) -> list[Received]:
    readings = [read(stored, context) for stored in batch]
    with context.store.write():
        found = interpret(batch, readings, context)
        deliveries.add(
            (without_secrets(stored, context), interpreted.meaning)
            for stored, interpreted in zip(batch, found, strict=True)
        )
    return [Received(one.meaning.outcome, one.challenge) for one in found]


def _receive_alone(stored: Stored, context: Context) -> Received:
    try:
        return _receive([stored], context)[0]
    except (peewee.DatabaseError, ValueError) as error:
        meaning = Meaning(Outcome.FAILED, f"{type(error).__name__}: {error}")
        with context.store.write():
            deliveries.add([(without_secrets(stored, context), meaning)])
        return Received(Outcome.FAILED)


def without_secrets(stored: Stored, context: Context) -> Stored:
    """Give the request without our own secrets in its query and body."""
    settings = context.settings
    raw = stored.raw
    for secret in (settings.webhook_token, *settings.webhook_secrets):
        if secret and (secret in raw.query or secret.encode() in raw.body):
            raw = raw._replace(
                query=raw.query.replace(secret, _REMOVED),
                body=raw.body.replace(secret.encode(), _REMOVED.encode()),
            )
    return stored._replace(raw=raw)
