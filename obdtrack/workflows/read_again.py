"""Reads stored deliveries anew: when an id becomes known, and when somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from obdtrack.domain.status import Outcome
from obdtrack.storage import deliveries
from obdtrack.storage.deliveries import Stored
from obdtrack.workflows.context import Context
from obdtrack.workflows.interpret import interpret, read


def join_waiting(provider_id: str, mid: str, context: Context) -> int:
    """Record the unmatched deliveries that belong to this provider id or submission.

    Must run in the transaction that stored the id. Gives how many found their call.
    """
    outcomes = read_again(deliveries.waiting_for(provider_id, mid), context)
    return sum(outcome in (Outcome.MATCHED, Outcome.DUPLICATE) for outcome in outcomes)


def read_again(waiting: Sequence[Stored], context: Context) -> list[Outcome]:
    """Store what these deliveries mean now; gives their outcomes. Must run in a transaction."""
    readings = [read(stored, context) for stored in waiting]
    meanings = [found.meaning for found in interpret(waiting, readings, context)]
    deliveries.set_meanings(
        (stored.id, meaning) for stored, meaning in zip(waiting, meanings, strict=True)
    )
    return [meaning.outcome for meaning in meanings]
