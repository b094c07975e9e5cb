"""Reads stored deliveries anew: when an id becomes known, and when somebody asks for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from obdtrack.calls.journal import Journal
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.process import process, read
from obdtrack.domain.naming import names_of
from obdtrack.domain.reports import reports_in
from obdtrack.domain.status import Outcome
from obdtrack.store import bulk_sql, models

ON_A_TIMELINE = (Outcome.MATCHED, Outcome.DUPLICATE)
_SETTLED = (*ON_A_TIMELINE, Outcome.RECEIVED)


def reprocess_waiting(provider: str, names: Collection[str], journal: Journal) -> int:
    """Record the unmatched deliveries that belong to these ids of a provider's calls or submission.

    The journal is the one that assigned them. Returns how many found their call.
    """
    outcomes = reprocess(deliveries.waiting_for(provider, names), journal)
    return sum(outcome in ON_A_TIMELINE for outcome in outcomes)


def reprocess(waiting: Sequence[InboundRequest], journal: Journal) -> list[Outcome]:
    """Store what these deliveries mean now; returns their outcomes.

    What somebody else has put on a timeline or taken apart meanwhile stays, and is not done again.
    """
    if not waiting:
        return []  # of most calls nothing has come before their own response
    readings = {stored.id: read(stored, journal.services) for stored in waiting}
    # The names first, as everywhere: who joins a call's reports has locked them already.
    names = [
        names_of(report, journal.services.provider_of(stored).ids).all()
        for stored in waiting
        for report in reports_in(readings[stored.id])
    ]
    journal.lock(set().union(*names))
    outcomes = outcomes_now(list(readings))
    left = [stored for stored in waiting if outcomes.get(stored.id) not in _SETTLED]
    found = process(left, [readings[stored.id] for stored in left], journal, outcomes)
    meanings = {stored.id: one.meaning for stored, one in zip(left, found, strict=True)}
    deliveries.set_meanings(meanings.items())
    outcomes |= {delivery_id: meaning.outcome for delivery_id, meaning in meanings.items()}
    return [outcomes[stored.id] for stored in waiting]


def outcomes_now(delivery_ids: Sequence[UUID]) -> dict[UUID, Outcome]:
    """Return what has become of these by now; nobody changes it until the transaction ends.

    Those that are gone are left out.
    """
    columns, ordered = ("id", "outcome"), sorted(delivery_ids)
    found = bulk_sql.fetch(models.Delivery, columns, "id", ordered, order="id", lock=True)
    return {delivery_id: Outcome(outcome) for delivery_id, outcome in found}
