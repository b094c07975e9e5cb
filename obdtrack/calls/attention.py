"""What needs a person's attention: calls, and requests to the callback, as one list and one number.

A call does while it is unknown, unresolved or in conflict, a request while no call was found for
it, or it could not be read: until a person has decided or looked at it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from peewee import SQL

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor, AuditFilter
from obdtrack.calls import search
from obdtrack.calls.search import CallFilter
from obdtrack.domain.texts import Said
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import bulk_sql, models
from obdtrack.store.columns import to_microseconds
from obdtrack.store.schema import WAITS_FOR_A_PERSON

_SOON = timedelta(minutes=10)
"""A report may come before the response that names its call: for so long nobody need look at it."""


class Waiting(NamedTuple):
    """How many calls and requests need attention, each counted up to a bound."""

    calls: int
    deliveries: int

    @property
    def all(self) -> int:
        """The one number."""
        return self.calls + self.deliveries


def count(now: datetime, most: int) -> Waiting:
    """Count what needs attention, calls and requests up to `most` each."""
    until = to_microseconds(now - _SOON)
    return Waiting(*bulk_sql.ask(models.Call, _COUNT, most, until, most)[0])


_COUNT = f"""SELECT
    (SELECT COUNT(*) FROM (SELECT 1 FROM calls WHERE needs_attention LIMIT ?) AS wanted),
    (SELECT COUNT(*) FROM (SELECT 1 FROM deliveries
        WHERE {WAITS_FOR_A_PERSON} AND received_at <= ? LIMIT ?) AS wanted)"""  # noqa: S608  # a constant of ours


def calls(
    limit: int, before: UUID | None = None, statuses: tuple[str, ...] = ()
) -> list[models.Call]:
    """List the calls that need attention, newest first, older than `before`.

    Those with any of these `statuses`; of any status if none is given.
    """
    return search.newest(CallFilter(attention=True, statuses=statuses), limit, before)


def deliveries(now: datetime, limit: int, before: UUID | None = None) -> list[models.Delivery]:
    """List the requests that need attention, newest first, older than `before`."""
    row = models.Delivery
    query = row.select().where(SQL(WAITS_FOR_A_PERSON), row.received_at <= now - _SOON)
    if before is not None:
        query = query.where(row.id < before)
    return list(query.order_by(row.id.desc()).limit(limit))


def review_delivery(delivery_id: UUID, note: str | None, actor: Actor, services: Services) -> None:
    """Note that a person has looked at a request.

    Raises ObdtrackError: not found, or conflict if it needs no attention.
    """
    row = models.Delivery
    with services.store.write():
        waiting = (row.id == delivery_id) & SQL(WAITS_FOR_A_PERSON)
        if not row.update(reviewed_at=services.now()).where(waiting).execute():
            if not row.select().where(row.id == delivery_id).exists():
                raise ObdtrackError(
                    Code.NOT_FOUND,
                    Said("There is no delivery %(delivery_id)s.", delivery_id=delivery_id),
                )
            raise ObdtrackError(Code.CONFLICT, _reviewed_before(delivery_id))
        detail = {"note": note} if note else {}
        audit.record(Action.DELIVERY_REVIEWED, delivery_id, actor, services, detail)


def _reviewed_before(delivery_id: UUID) -> Said:
    """Say who looked at a request, for another who comes too late; times are UTC."""
    wanted = AuditFilter(subject=str(delivery_id), action=Action.DELIVERY_REVIEWED)
    for done in audit.newest(1, wanted=wanted):
        return Said(
            "%(who)s looked at it at %(when)s; nothing was changed.",
            who=done.actor,
            when=to_text(done.recorded_at),
        )
    return Said("This delivery needs no attention; nothing was changed.")
