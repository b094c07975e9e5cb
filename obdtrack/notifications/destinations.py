"""Destinations as they are stored: created, found, edited, paused, resumed, sent things again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.domain.destination import (
    DESTINATION,
    OLD_SECRET_SIGNS,
    DestinationState,
    NotificationStatus,
)
from obdtrack.domain.feed import Numbers
from obdtrack.domain.texts import Said
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.notifications import log
from obdtrack.notifications.addresses import objection
from obdtrack.notifications.signing import new_secret
from obdtrack.services import Services, new_id
from obdtrack.store import feed, models, tasks
from obdtrack.store.database_errors import repeated

MOST = 20
"""So many destinations there can be: each has its own way through the feed."""

_NO_KEY = (
    "OBDTRACK_SECRET_KEY is not set: without it the secret of a destination cannot be encrypted."
)
_NO_FEED = "OBDTRACK_EVENTS_DAYS is 0: there is no feed of which a destination could be told."
_CHANGES = {
    "pause": {DestinationState.ACTIVE: DestinationState.PAUSED},
    "resume": dict.fromkeys(
        (DestinationState.PAUSED, DestinationState.DISABLED), DestinationState.ACTIVE
    ),
}
"""In which states what may be done, and the state after it."""


class Wishes(NamedTuple):
    """What a destination is to be told, and where.

    `types` are some of `feed.PATTERNS` (none: all), `filter` has any of `campaign_id` (text),
    `reference_prefix` and `status` (a list of words).
    """

    url: str
    types: tuple[str, ...] = ()
    filter: Mapping[str, Any] = {}
    numbers: str = Numbers.MASKED


def all_of_them() -> list[models.Destination]:
    """List all destinations, oldest first."""
    return list(models.Destination.select().order_by(models.Destination.id))


def find(destination_id: UUID) -> models.Destination | None:
    """Return a destination by its id."""
    found: models.Destination | None = models.Destination.get_or_none(
        models.Destination.id == destination_id
    )
    return found


def found(destination_id: UUID, *, lock: bool = False) -> models.Destination:
    """Return a destination, with `lock` locked until the transaction ends where that is possible.

    Raises ObdtrackError (not found) if there is none.
    """
    row = models.Destination
    query = row.select().where(row.id == destination_id)
    if lock and row._meta.database.for_update:
        query = query.for_update()
    there: models.Destination | None = query.first()
    if there is None:
        raise ObdtrackError(
            Code.NOT_FOUND,
            Said("There is no destination %(destination_id)s.", destination_id=destination_id),
        )
    return there


@repeated
def create(wishes: Wishes, actor: Actor, services: Services) -> tuple[UUID, str]:
    """Store a destination that is told all that happens from now on; returns its id and its secret.

    The secret is not shown again. Raises ObdtrackError: invalid for an address nothing may be sent
    to, conflict if there are too many, or if the settings do not allow any.
    """
    _require_key(services)
    if not services.settings.events_days:
        raise ObdtrackError(Code.CONFLICT, _NO_FEED)
    _require_address(wishes.url, services)
    now, destination_id, secret = services.now(), new_id(), new_secret()
    with services.store.write():
        if models.Destination.select().count() >= MOST:
            raise ObdtrackError(
                Code.CONFLICT, Said("There are %(most)s destinations already, the most.", most=MOST)
            )
        models.Destination.insert(
            id=destination_id,
            **wishes._asdict(),
            secret_encrypted=services.encryption.seal({"secret": secret}),
            state=DestinationState.ACTIVE,
            created_at=now,
            changed_at=now,
            position=feed.settled(),
            key_id=actor.key_id,
        ).execute()
        _send_soon(destination_id, services)
        detail = _audited(wishes._asdict())
        audit.record(Action.DESTINATION_CREATED, destination_id, actor, services, detail)
    return destination_id, secret


@repeated
def edit(
    destination_id: UUID, changes: Mapping[str, Any], actor: Actor, services: Services
) -> None:
    """Change what a destination is told (fields of `Wishes`), as of the events it has not come to.

    Raises ObdtrackError: not found, invalid for an address nothing may be sent to.
    """
    if "url" in changes:
        _require_address(changes["url"], services)
    with services.store.write():
        before = found(destination_id, lock=True)
        new = {name: value for name, value in changes.items() if getattr(before, name) != value}
        if new:
            _change(before, "edit", actor, services, _audited(new), **new)


@repeated
def pause(destination_id: UUID, actor: Actor, services: Services) -> None:
    """Send a destination nothing until it is resumed; raises ObdtrackError: not found, conflict."""
    with services.store.write():
        before = found(destination_id, lock=True)
        _change(before, "pause", actor, services, state=_state_after(before, "pause"))
        tasks.plan(DESTINATION, {destination_id: None})


@repeated
def resume(destination_id: UUID, actor: Actor, services: Services) -> None:
    """Have a destination that is paused or disabled told all that it missed.

    Raises ObdtrackError: not found, conflict.
    """
    with services.store.write():
        before = found(destination_id, lock=True)
        after = _state_after(before, "resume")
        _change(before, "resume", actor, services, state=after, reason=None, failing_since=None)
        log.make_due(destination_id, services.now())
        _send_soon(destination_id, services)


@repeated
def rotate(destination_id: UUID, actor: Actor, services: Services) -> str:
    """Replace the secret of a destination and return the new one; the old one signs too for a day.

    It is not shown again. Raises ObdtrackError: not found, conflict.
    """
    _require_key(services)
    secret = new_secret()
    with services.store.write():
        before = found(destination_id, lock=True)
        _change(
            before,
            "rotate",
            actor,
            services,
            secret_encrypted=services.encryption.seal({"secret": secret}),
            old_secret_encrypted=before.secret_encrypted,
            rotated_at=services.now(),
        )
    return secret


def delete(destination_id: UUID, actor: Actor, services: Services) -> None:
    """Delete a destination with its log; raises ObdtrackError (not found)."""
    _delete(destination_id, actor, services)
    log.forget(destination_id, services)


@repeated
def _delete(destination_id: UUID, actor: Actor, services: Services) -> None:
    with services.store.write():
        before = found(destination_id, lock=True)
        before.delete_instance()
        tasks.plan(DESTINATION, {destination_id: None})
        detail = _audited({"url": before.url})
        audit.record(Action.DESTINATION_DELETED, destination_id, actor, services, detail)


def recover(destination_id: UUID, since: datetime, actor: Actor, services: Services) -> int:
    """Send a destination all it was not delivered of what happened since then.

    What failed is tried again; returns how many. What was never meant for it, as it happened before
    it was created or while it had other wishes, its dispatcher comes across once more: its place in
    the feed is set back, and what it was sent already it is not sent again.
    Raises ObdtrackError: not found, invalid for a time to come.
    """
    if since > services.now():
        raise _invalid({"since": ["Must not be in the future."]})
    place = feed.first_after(since)
    _set_back(destination_id, place, {"since": to_text(since)}, actor, services)
    return _send_failed_again(destination_id, place, services)


@repeated
def _set_back(
    destination_id: UUID, place: int, detail: Mapping[str, Any], actor: Actor, services: Services
) -> None:
    with services.store.write():
        before = found(destination_id, lock=True)
        position = min(before.position, place)
        _change(before, "recover", actor, services, detail, position=position)
        _send_soon(destination_id, services)


@repeated
def replay(destination_id: UUID, notification_id: UUID, actor: Actor, services: Services) -> None:
    """Send one notification again, or now if it is under way, whatever became of it.

    Raises ObdtrackError: not found, conflict if its event has been deleted.
    """
    with services.store.write():
        found(destination_id)
        row = log.found(destination_id, notification_id)
        if not feed.page(row.position - 1, row.position, 1):
            raise ObdtrackError(
                Code.CONFLICT, "Its event is older than OBDTRACK_EVENTS_DAYS and was deleted."
            )
        log.send_again([row.id], services.now())
        _send_soon(destination_id, services)
        detail = {"notification": str(row.id)}
        audit.record(Action.NOTIFICATIONS_REPLAYED, destination_id, actor, services, detail)


def replay_failed(destination_id: UUID, actor: Actor, services: Services) -> int:
    """Send all that failed again; returns how many. Raises ObdtrackError (not found)."""
    found(destination_id)
    audit.record(Action.NOTIFICATIONS_REPLAYED, destination_id, actor, services)
    return _send_failed_again(destination_id, 0, services)


def _send_failed_again(destination_id: UUID, after: int, services: Services) -> int:
    """Make what failed behind this place in the feed pending, some hundred rows at a time."""
    count = 0
    for some in log.failed_after(destination_id, after):
        with services.store.write():
            count += log.send_again(some, services.now(), only=NotificationStatus.FAILED)
            _send_soon(destination_id, services)
    return count


def destination_view(row: models.Destination, services: Services) -> dict[str, Any]:
    """Return a destination as the API shows it."""
    until = row.rotated_at + OLD_SECRET_SIGNS if row.rotated_at else None
    return {
        "id": row.id,
        "url": row.url,
        "types": row.types,
        "filter": row.filter,
        "numbers": row.numbers,
        "state": row.state,
        "reason": row.reason,
        "created_at": to_text(row.created_at),
        "changed_at": to_text(row.changed_at),
        "delivered_at": row.delivered_at and to_text(row.delivered_at),
        "failing_since": row.failing_since and to_text(row.failing_since),
        "old_secret_until": to_text(until) if until and until > services.now() else None,
        "behind": max(0, feed.settled() - row.position),
        "pending": log.count(row.id, NotificationStatus.PENDING),
        "failed": log.count(row.id, NotificationStatus.FAILED),
    }


def _change(
    before: models.Destination,
    action: str,
    actor: Actor,
    services: Services,
    detail: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Set columns of a destination that is locked, and audit it."""
    row = models.Destination
    columns["changed_at"] = services.now()
    row.update(**columns).where(row.id == before.id).execute()
    noted = {"action": action, **(detail or {})}
    audit.record(Action.DESTINATION_CHANGED, before.id, actor, services, noted)


def _state_after(destination: models.Destination, action: str) -> DestinationState:
    state = DestinationState(destination.state)
    after = _CHANGES[action].get(state)
    if after is None:
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "This destination is %(state)s: no need to %(action)s it.",
                state=state,
                action=action,
            ),
        )
    return after


def _send_soon(destination_id: UUID, services: Services) -> None:
    """Have its dispatcher look what there is to send, unless nothing may be sent to it now."""
    if found(destination_id).state == DestinationState.ACTIVE:
        tasks.plan(DESTINATION, {destination_id: services.shared_now()})


def _audited(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the audit may hold: of an address, which may have a secret in it, the host."""
    detail = dict(values)
    if "url" in detail:
        detail["host"] = urlsplit(detail.pop("url")).hostname
    return detail


def _require_key(services: Services) -> None:
    if not services.settings.secret_key:
        raise ObdtrackError(Code.CONFLICT, _NO_KEY)


def _require_address(url: str, services: Services) -> None:
    if sentence := objection(url, services):
        raise _invalid({"url": [sentence]})


def _invalid(fields: Mapping[str, list[str]]) -> ObdtrackError:
    return ObdtrackError(Code.INVALID, "Some fields are invalid.", fields=fields)
