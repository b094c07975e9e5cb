"""Takes what reached the callback: raw first, then its meaning, committed before the response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from obdtrack.calls.journal import open_journal
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult, InboundRequest
from obdtrack.calls.reports.erased import without_erased
from obdtrack.calls.reports.process import process, read, read_arrived, without_secrets
from obdtrack.domain.status import Outcome
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()


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


@repeated
def _receive(batch: Sequence[InboundRequest], services: Services) -> list[ReceivedDelivery]:
    readings = [read_arrived(stored, services) for stored in batch]
    # A crowd that places calls must not hold reports up.
    with open_journal(services, first=True) as journal:
        kept = without_erased(batch, readings, services)
        readings = [
            reading if one is stored else read(one, services)
            for one, stored, reading in zip(kept, batch, readings, strict=True)
        ]
        found = process(kept, readings, journal)
        deliveries.add(
            (without_secrets(stored, services), interpreted.meaning)
            for stored, interpreted in zip(kept, found, strict=True)
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
            (kept,) = without_erased([stored], [read(stored, services)], services)
            deliveries.add([(without_secrets(kept, services), meaning)])
        return ReceivedDelivery(Outcome.FAILED)
