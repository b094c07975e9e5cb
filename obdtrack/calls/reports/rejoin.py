"""Joins the reports that wait although their call is known, whatever fault has left them behind."""

from __future__ import annotations

import structlog
from peewee import SQL, fn

from obdtrack.calls.journal import open_journal
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.reprocess import ON_A_TIMELINE, reprocess
from obdtrack.domain.naming import NOBODY_KNOWN
from obdtrack.domain.status import Outcome
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()

REJOINED = "reports-rejoined"
"""Counts the reports that were found so: any number but zero is a fault of ours."""

LOOKED_AT = 10_000
"""Of the reports that wait, so many of the newest are looked at: strangers' may be many."""

_AT_ONCE = 100


def rejoin(services: Services) -> int:
    """Read the reports again that a call by their names is known for; returns how many joined it.

    Raises ObdtrackError (unavailable) if the database is out of use.
    """
    joined = sum(_joins(row, services) for row in left_behind())
    if joined:
        log.warning("reports_rejoined", reports=joined)
    return joined


def left_behind() -> list[models.Delivery]:
    """List some of the reports that wait for a call which is known; a look that locks nothing."""
    call, delivery = models.Call, models.Delivery
    newest = (
        delivery.select(delivery.id, delivery.provider, delivery.provider_id, delivery.mid)
        .where((delivery.outcome == Outcome.UNMATCHED) & delivery.reason.startswith(NOBODY_KNOWN))
        .order_by(delivery.id.desc())
        .limit(LOOKED_AT)
        .alias("newest")
    )
    names = [newest.c.provider_id, newest.c.mid]
    known = [
        fn.EXISTS(
            call.select(SQL("1")).where(column.in_(names) & (call.provider == newest.c.provider))
        )
        for column in (call.provider_id, call.mid)
    ]
    # At random: those that cannot be joined must not keep the others out.
    some = delivery.select(newest.c.id).from_(newest).where(known[0] | known[1])
    some = some.order_by(fn.RANDOM()).limit(_AT_ONCE)
    return list(delivery.select().where(delivery.id.in_(some)).order_by(delivery.id))


@repeated
def _joins(row: models.Delivery, services: Services) -> bool:
    with open_journal(services) as journal:
        (outcome,) = reprocess([deliveries.to_stored(row)], journal)
        if joined := outcome in ON_A_TIMELINE:
            journal.count(REJOINED)
    return joined
