"""Records who did what: a trace for those who are accountable, without numbers or secrets."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import structlog

from obdtrack.domain.phone import ERASED
from obdtrack.domain.redaction import mask_all, mask_within
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, models


class AuditEntry(NamedTuple):
    """One deed. `key_id` is the API key it was done with, None at the command line.

    A second entry with the same `once` is not stored.
    """

    id: UUID
    recorded_at: datetime
    action: str
    subject: str
    actor: str
    key_id: UUID | None
    detail: Mapping[str, Any]
    once: str | None = None


def add(entry: AuditEntry) -> None:
    """Store an entry, unless one with the same `once` is there."""
    models.Audit.insert(**entry._asdict()).on_conflict_ignore().execute()


def is_noted(once: str) -> bool:
    """Whether there is an entry with this `once`."""
    return bool(bulk_sql.fetch(models.Audit, ("id",), "once", [once], order="id"))


def is_any_erased() -> bool:
    """Whether anybody may have been erased: whether there is an entry about any pseudonym."""
    store = models.Audit._meta.database
    # In plain SQL, because it is asked for every report that comes in.
    between = f"subject >= {store.param} AND subject < {store.param}"
    query = f"SELECT 1 FROM audit WHERE {between} LIMIT 1"  # noqa: S608  # no value is in it
    return store.execute_sql(query, (ERASED, f"{ERASED}g")).fetchone() is not None


def is_erased_name(name: str) -> bool:
    """Whether a number was erased under this name."""
    row = models.Audit
    query = row.select().where((row.subject == name) & (row.action == Action.NUMBER_ERASED))
    return bool(query.exists())


def newest(
    limit: int, before: UUID | None = None, subject: str | None = None
) -> list[models.Audit]:
    """List entries, newest first, at most `limit`, older than `before`, about `subject`."""
    row = models.Audit
    query = row.select()
    if subject is not None:
        query = query.where(row.subject == subject)
    if before is not None:
        query = query.where(row.id < before)
    return list(query.order_by(row.id.desc()).limit(limit))


log = structlog.get_logger()


class Action(StrEnum):
    """What can be done that leaves a trace."""

    KEY_CREATED = "key-created"
    KEY_REVOKED = "key-revoked"
    PII_USED = "pii-used"
    NUMBER_VIEWED = "number-viewed"
    NUMBER_SOUGHT = "number-sought"
    DELIVERY_REPLAYED = "delivery-replayed"
    DELIVERIES_REPLAYED = "deliveries-replayed"
    CALL_RESOLVED = "call-resolved"
    NUMBER_ERASED = "number-erased"
    NUMBER_EXPORTED = "number-exported"
    NUMBER_SUPPRESSED = "number-suppressed"
    NUMBER_UNSUPPRESSED = "number-unsuppressed"
    NUMBERS_IMPORTED = "numbers-imported"
    CAMPAIGN_CREATED = "campaign-created"
    CAMPAIGN_CHANGED = "campaign-changed"
    RECIPIENTS_IMPORTED = "recipients-imported"
    DESTINATION_CREATED = "destination-created"
    DESTINATION_CHANGED = "destination-changed"
    DESTINATION_DELETED = "destination-deleted"
    NOTIFICATIONS_REPLAYED = "notifications-replayed"
    OLD_FORGOTTEN = "old-forgotten"
    INSTALLATION_CHECKED = "installation-checked"


class Actor(Protocol):
    """Whoever does something: an API key's access, or a person at the command line."""

    @property
    def name(self) -> str:
        """The name the key was given, or who is logged in."""

    @property
    def key_id(self) -> UUID | None:
        """The API key it is done with, if any."""


class Operator(NamedTuple):
    """A person at this machine's command line."""

    name: str
    key_id: None = None


class Itself(NamedTuple):
    """The background work, which does what the settings say without a request."""

    name: str = "background work"
    key_id: None = None


def operator() -> Operator:
    """Return who runs this command, by the name the operating system has for them."""
    try:
        return Operator(f"command line ({getpass.getuser()})")
    except (KeyError, OSError):  # a container's user need not have a name
        return Operator("command line")


def record(
    action: Action,
    subject: UUID | str,
    actor: Actor,
    services: Services,
    detail: Mapping[str, Any] | None = None,
    *,
    once: str | None = None,
) -> None:
    """Store that `actor` did `action` to `subject`: an id, or the pseudonym of a number.

    Within a transaction of the store it is stored if and when the deed is. What looks like a phone
    number in any text is masked. Raises ObdtrackError (unavailable) if it could not be stored.
    """
    entry = AuditEntry(
        id=new_id(),
        recorded_at=services.now(),
        action=action,
        subject=mask_within(subject),
        actor=mask_all(actor.name),
        key_id=actor.key_id,
        detail=mask_within(detail or {}),
        once=once,
    )
    with services.store.write():
        add(entry)


def record_view(access: Actor, call_id: UUID, services: Services) -> None:
    """Note that a person saw a call's number in full on a page; once per call and hour.

    Raises ObdtrackError (unavailable) if it could not be noted: then it must not be shown.
    """
    _record_hourly(Action.NUMBER_VIEWED, call_id, access, services)


def record_pii_use(access: Actor, services: Services) -> None:
    """Note that a key with the scope `pii` was used; once per key and hour, if it can be noted."""
    try:
        _record_hourly(Action.PII_USED, access.key_id or access.name, access, services)
    except ObdtrackError:  # looking something up must work while the database cannot be written
        log.warning("not_audited", action=Action.PII_USED, key_id=str(access.key_id))


def is_noted_search(access: Actor, subject: str, services: Services) -> bool:
    """Whether it is noted that this key looked for a number within this hour."""
    return is_noted(_hourly(Action.NUMBER_SOUGHT, subject, access, services))


def record_search(access: Actor, subject: str, services: Services) -> None:
    """Note what number a key that does not see numbers looked for; once an hour, if it can be."""
    try:
        _record_hourly(Action.NUMBER_SOUGHT, subject, access, services)
    except ObdtrackError:  # as above
        log.warning("not_audited", action=Action.NUMBER_SOUGHT, key_id=str(access.key_id))


def _record_hourly(action: Action, subject: UUID | str, actor: Actor, services: Services) -> None:
    once = _hourly(action, subject, actor, services)
    if not is_noted(once):
        record(action, subject, actor, services, once=once)


def _hourly(action: Action, subject: UUID | str, actor: Actor, services: Services) -> str:
    hour = services.now().strftime("%Y-%m-%dT%H")
    return f"{action} {subject} {actor.key_id} {hour}"
