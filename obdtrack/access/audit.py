"""Records who did what: a trace for those who are accountable, without numbers or secrets."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

import structlog

from obdtrack.access.pseudonym import pseudonym
from obdtrack.domain.phone import ERASED, is_erased
from obdtrack.domain.redaction import mask_all, mask_within
from obdtrack.errors import ObdtrackError
from obdtrack.limits import household
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, models

Row = TypeVar("Row")


class AuditEntry(NamedTuple):
    """One deed. `key_id` is the API key it was done with, None at the command line.

    A second entry with the same `once` is not stored. `person` is the pseudonym of the number.
    """

    id: UUID
    recorded_at: datetime
    action: str
    subject: str
    actor: str
    key_id: UUID | None
    detail: Mapping[str, Any]
    once: str | None = None
    person: str | None = None


class AuditFilter(NamedTuple):
    """Which entries are wanted: of this time, by this actor, …; None: any.

    Those about a `person` (a pseudonym) are found by the ids of that person's `calls`, too: entries
    of earlier versions have nothing else.
    """

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    person: str | None = None
    calls: Sequence[UUID] = ()


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


ALL = AuditFilter()


def newest(
    limit: int,
    before: UUID | None = None,
    subject: str | None = None,
    wanted: AuditFilter = ALL,
) -> list[models.Audit]:
    """List the entries that are wanted, newest first, at most `limit`, older than `before`.

    `subject` is short for a filter by nothing else.
    """
    row = models.Audit
    query = row.select()
    for condition in _conditions(wanted._replace(subject=subject) if subject else wanted):
        query = query.where(condition)
    if before is not None:
        query = query.where(row.id < before)
    return list(query.order_by(row.id.desc()).limit(limit))


def in_batches(wanted: AuditFilter, size: int) -> Iterator[list[models.Audit]]:
    """Return all entries that are wanted, newest first, some at a time."""
    before: UUID | None = None
    while batch := newest(size, before, wanted=wanted):
        yield batch
        before = batch[-1].id


def _conditions(wanted: AuditFilter) -> Iterator[Any]:
    row = models.Audit
    for column, value in (
        (row.subject, wanted.subject),
        (row.actor, wanted.actor),
        (row.action, wanted.action),
    ):
        if value is not None:
            yield column == value
    if wanted.person is not None:
        subjects = [wanted.person, *map(str, wanted.calls)]
        yield (row.person == wanted.person) | row.subject.in_(subjects)
    if wanted.since is not None:
        yield row.recorded_at >= wanted.since
    if wanted.until is not None:
        yield row.recorded_at < wanted.until


log = structlog.get_logger()


class Action(StrEnum):
    """What can be done that leaves a trace."""

    SIGNED_IN = "signed-in"
    SIGN_IN_FAILED = "sign-in-failed"
    KEY_CREATED = "key-created"
    KEY_ROTATED = "key-rotated"
    KEY_REVOKED = "key-revoked"
    PII_USED = "pii-used"
    NUMBERS_SHOWN = "numbers-shown"
    DOWNLOAD_BEGUN = "download-begun"
    DOWNLOAD_ENDED = "download-ended"
    CALL_PLACED = "call-placed"
    NUMBER_VIEWED = "number-viewed"
    NUMBER_SOUGHT = "number-sought"
    DELIVERY_REPLAYED = "delivery-replayed"
    DELIVERY_REVIEWED = "delivery-reviewed"
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
    number: str | None = None,
    once: str | None = None,
) -> None:
    """Store that `actor` did `action` to `subject`: an id, or the pseudonym of a number.

    `number` is whose call it was, if it is about one; only its pseudonym is stored. Within a
    transaction of the store it is stored if and when the deed is. What looks like a phone number in
    any text is masked. Raises ObdtrackError (unavailable) if it could not be stored.
    """
    named = str(subject) if is_erased(str(subject)) else None
    entry = AuditEntry(
        id=new_id(),
        recorded_at=services.now(),
        action=action,
        subject=mask_within(subject),
        actor=mask_all(actor.name),
        key_id=actor.key_id,
        detail=mask_within(detail or {}),
        once=once,
        person=person_of(number, services) if number else named,
    )
    with services.store.write():
        add(entry)


def person_of(number: str, services: Services) -> str:
    """Return the name by which the audit knows a number (E.164), or an erased one's own."""
    return number if is_erased(number) else pseudonym(number, services.encryption)


def record_view(access: Actor, call_id: UUID, number: str, services: Services) -> None:
    """Note that a person opened a call with its number in full; once an hour, if it can be."""
    with _if_possible(Action.NUMBER_VIEWED, access):
        _record_hourly(Action.NUMBER_VIEWED, call_id, access, services, number)


def record_placing(access: Actor, call_id: UUID, number: str, services: Services) -> None:
    """Note that a person placed a call by the form; if it can be: the call is placed by then."""
    with _if_possible(Action.CALL_PLACED, access):
        record(Action.CALL_PLACED, call_id, access, services, number=number)


MOST_FAILED_AN_HOUR = 200
"""Addresses whose failed sign-ins are noted one by one, so that they never fill the table."""

_OTHERS = "other addresses"


class _Stranger(NamedTuple):
    name: str = "nobody"
    key_id: None = None


def record_failed_sign_in(address: str | None, how: str, services: Services) -> None:
    """Note that a key was refused that came from an address (of IPv6: a network); once an hour.

    Beyond MOST_FAILED_AN_HOUR all others of that hour are one entry.
    """
    action, who, subject = Action.SIGN_IN_FAILED, _Stranger(), household(address)
    with _if_possible(action, who):
        if is_noted(_hourly(action, subject, who, services)):
            return
        if len(_failed_within_the_hour(services)) >= MOST_FAILED_AN_HOUR:
            subject = _OTHERS
        _record_hourly(action, subject, who, services, detail={"how": how})


def _failed_within_the_hour(services: Services) -> list[models.Audit]:
    hour = services.now().replace(minute=0, second=0, microsecond=0)
    row = models.Audit
    query = row.select(row.recorded_at).where(row.action == Action.SIGN_IN_FAILED)
    newest_first = query.order_by(row.id.desc()).limit(MOST_FAILED_AN_HOUR)
    return [one for one in newest_first if one.recorded_at >= hour]


def record_pii_use(access: Actor, services: Services) -> None:
    """Note that a key with the scope `pii` was used; once per key and hour, if it can be noted."""
    with _if_possible(Action.PII_USED, access):
        _record_hourly(Action.PII_USED, access.key_id or access.name, access, services)


def is_noted_search(access: Actor, subject: str, services: Services) -> bool:
    """Whether it is noted that this key looked for a number within this hour."""
    return is_noted(_hourly(Action.NUMBER_SOUGHT, subject, access, services))


def record_search(access: Actor, subject: str, services: Services) -> None:
    """Note what number a key that does not see numbers looked for; once an hour, if it can be."""
    with _if_possible(Action.NUMBER_SOUGHT, access):
        _record_hourly(Action.NUMBER_SOUGHT, subject, access, services)


def record_sign_in(access: Actor, address: str | None, services: Services) -> None:
    """Note that somebody signed in to the pages, and from where; if it can be noted."""
    with _if_possible(Action.SIGNED_IN, access):
        detail = {"address": household(address)}
        record(Action.SIGNED_IN, access.key_id or access.name, access, services, detail)


def record_download(
    what: str,
    wanted: Mapping[str, Any],
    access: Actor,
    services: Services,
    number: str | None = None,
) -> Callable[[int], None]:
    """Note that a download begins, of what and by which filter; returns what notes its end.

    That is told how many rows have left, also if the reader broke off. `number` is the one that
    all rows are about, if they are.
    """
    with _if_possible(Action.DOWNLOAD_BEGUN, access):
        record(Action.DOWNLOAD_BEGUN, what, access, services, wanted, number=number)

    def ended(rows: int) -> None:
        with _if_possible(Action.DOWNLOAD_ENDED, access):
            detail = {**wanted, "rows": rows}
            record(Action.DOWNLOAD_ENDED, what, access, services, detail, number=number)

    return ended


def counted(rows: Iterable[Row], ended: Callable[[int], object]) -> Iterator[Row]:
    """Return these rows, and tell `ended` how many they were, also if nobody took the last."""
    count = 0
    try:
        for row in rows:
            count += 1  # it is needed after the loop
            yield row
    finally:
        ended(count)


@contextmanager
def _if_possible(action: Action, who: Actor) -> Iterator[None]:
    """Go on if it cannot be noted: looking something up works while nothing can be written."""
    try:
        yield
    except ObdtrackError:
        log.warning("not_audited", action=action, key_id=str(who.key_id))


def _record_hourly(
    action: Action,
    subject: UUID | str,
    actor: Actor,
    services: Services,
    number: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    once = _hourly(action, subject, actor, services)
    if not is_noted(once):
        record(action, subject, actor, services, detail, number=number, once=once)


def _hourly(action: Action, subject: UUID | str, actor: Actor, services: Services) -> str:
    hour = services.now().strftime("%Y-%m-%dT%H")
    return f"{action} {subject} {actor.key_id} {hour}"
