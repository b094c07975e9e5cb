"""The log of what a destination was sent: listed, and parts of it sent again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import peewee

from obdtrack.domain.destination import NotificationStatus
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.columns import to_microseconds

MOST_COUNTED = 1000
"""Nobody waits for more to be counted."""

_AT_ONCE = 500


def page(
    destination_id: UUID, limit: int, status: str | None = None, before: UUID | None = None
) -> list[models.Notification]:
    """List what a destination was sent, at most `limit`, those before `before`.

    The newest come first; those of a `status` by when they were due.
    """
    row = models.Notification
    query = row.select().where(row.destination_id == destination_id)
    order: list[Any] = [row.due_at, row.id]
    if status is None:
        order = order[1:]
    else:
        query = query.where(row.status == status)
    if before is not None:
        last = row.get_or_none((row.id == before) & (row.destination_id == destination_id))
        if last is None:
            return []
        place = [to_microseconds(last.due_at), last.id.bytes][-len(order) :]
        query = query.where(peewee.Tuple(*order) < peewee.Tuple(*place))
    return list(query.order_by(*(column.desc() for column in order)).limit(limit))


def found(destination_id: UUID, notification_id: UUID) -> models.Notification:
    """Return one that a destination was sent; raises ObdtrackError (not found)."""
    row = models.Notification
    there: models.Notification | None = row.get_or_none(
        (row.id == notification_id) & (row.destination_id == destination_id)
    )
    if there is None:
        raise ObdtrackError(Code.NOT_FOUND, "This destination has no such notification.")
    return there


def count(destination_id: UUID, status: NotificationStatus) -> int:
    """Return how many of a destination's notifications stand so, at most MOST_COUNTED."""
    row = models.Notification
    query = row.select(peewee.SQL("1")).where(_of(destination_id, status)).limit(MOST_COUNTED)
    return int(query.count())


def failed_after(destination_id: UUID, position: int) -> Iterator[list[UUID]]:
    """Yield, some at a time, the ids of what failed of the events behind this place in the feed.

    Each row is looked at once, whatever becomes of it meanwhile.
    """
    row = models.Notification
    mine = row.select(row.id, row.position, row.status).where(row.destination_id == destination_id)
    while rows := list(mine.where(row.position > position).order_by(row.position).limit(_AT_ONCE)):
        position = rows[-1].position
        if failed := [one.id for one in rows if one.status == NotificationStatus.FAILED]:
            yield failed


def send_again(
    ids: Collection[UUID], now: datetime, *, only: NotificationStatus | None = None
) -> int:
    """Have these sent as if for the first time, if they stand as `only` says; returns how many."""
    row = models.Notification
    wanted = row.id.in_(list(ids)) if only is None else row.id.in_(list(ids)) & (row.status == only)
    change = row.update(status=NotificationStatus.PENDING, tries=0, due_at=now)
    return int(change.where(wanted).execute())


def make_due(destination_id: UUID, now: datetime) -> None:
    """Have all that a destination is still to be sent sent now, without waiting any longer."""
    row = models.Notification
    late = _of(destination_id, NotificationStatus.PENDING) & (row.due_at > now)
    row.update(due_at=now).where(late).execute()


def forget(destination_id: UUID, services: Services) -> None:
    """Delete the log of a destination, some hundred rows at a time."""
    row = models.Notification
    some = row.select(row.id).where(row.destination_id == destination_id).limit(_AT_ONCE)
    deleted = _AT_ONCE
    while deleted == _AT_ONCE:
        with services.store.write():
            deleted = row.delete().where(row.id.in_(some)).execute()


def notification_view(row: models.Notification) -> dict[str, Any]:
    """Return a notification as the API shows it."""
    is_pending = row.status == NotificationStatus.PENDING
    return {
        "id": row.id,
        "event_id": row.event_id,
        "type": row.type,
        "subject": row.subject,
        "status": row.status,
        "tries": row.tries,
        "created_at": to_text(row.created_at),
        "tried_at": row.tried_at and to_text(row.tried_at),
        "next_try_at": to_text(row.due_at) if is_pending else None,
        "duration_ms": row.duration_ms,
        "http_status": row.http_status,
        "failure": row.failure,
        "response": row.response,
    }


def _of(destination_id: UUID, status: NotificationStatus) -> Any:
    row = models.Notification
    return (row.destination_id == destination_id) & (row.status == status)
