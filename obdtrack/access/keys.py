"""API keys: created, checked, rotated, revoked."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.domain.texts import N_, Said
from obdtrack.domain.times import from_text, to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, leases, models

_USE_NOTED_EVERY = timedelta(minutes=1)

PROGRAM_USES = "program-uses"
"""Counts the minutes in which programs used a key; somebody who signs in is none."""


def digest(secret: str) -> str:
    """Return the SHA-256 of a key in hex. A plain hash is enough: a key is 32 random bytes."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def add(
    key_id: UUID,
    name: str,
    secret: str,
    scopes: Collection[str],
    created_at: datetime,
    owner_id: UUID | None = None,
    *,
    made_by: str | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Store a new key's digest; `owner_id` is the first key of the same caller, if another."""
    models.ApiKey.insert(
        id=key_id,
        name=name,
        digest=digest(secret),
        scopes=sorted(scopes),
        created_at=created_at,
        owner_id=owner_id,
        made_by=made_by,
        expires_at=expires_at,
    ).execute()


def find_active(secret: str) -> models.ApiKey | None:
    """Return the key with this secret unless it is revoked; it may have expired.

    The look-up is by digest, so its time says nothing about the characters of any stored key.
    """
    return _active(bulk_sql.load(models.ApiKey, "digest", [digest(secret)]))


def find_active_id(key_id: UUID) -> models.ApiKey | None:
    """Return the key with this id unless it is revoked; it may have expired."""
    return _active(bulk_sql.load(models.ApiKey, "id", [key_id]))


def _active(found: Iterable[models.ApiKey]) -> models.ApiKey | None:
    return next((key for key in found if key.revoked_at is None), None)


def needs_note(key: models.ApiKey, now: datetime) -> bool:
    """Whether the last noted use is old enough to write a new one."""
    return key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY


def note_use(key_id: UUID, now: datetime) -> None:
    """Store when a key was last used, to the minute."""
    models.ApiKey.update(last_used_at=now).where(models.ApiKey.id == key_id).execute()


def end_session(key_id: UUID, session_id: str, until: datetime, now: datetime) -> None:
    """Note that a session which would last until then was signed out, wherever its cookie is."""
    key = models.ApiKey
    query = key.select(key.ended_sessions).where(key.id == key_id)
    noted = (query.for_update() if key._meta.database.for_update else query).scalar() or {}
    ended = {one: end for one, end in noted.items() if from_text(end) > now}
    ended[session_id] = to_text(until)
    key.update(ended_sessions=ended).where(key.id == key_id).execute()


def all_keys() -> list[models.ApiKey]:
    """List all keys, oldest first."""
    return bulk_sql.load_where(models.ApiKey, "ORDER BY id")


def ids_of(name: str) -> tuple[UUID, ...]:
    """Return all keys that are called so, revoked ones too."""
    key = models.ApiKey
    return tuple(row.id for row in key.select(key.id).where(key.name == name))


def revoke(key_id: UUID, now: datetime) -> bool:
    """Revoke a key; False if there is no such active key."""
    key = models.ApiKey
    change = key.update(revoked_at=now).where((key.id == key_id) & key.revoked_at.is_null())
    return bool(change.execute())


log = structlog.get_logger()


class Scope(StrEnum):
    """What a key may do. `pii` shows numbers in full; `admin` changes what is recorded."""

    READ = "read"
    PLACE = "place"
    PII = "pii"
    ADMIN = "admin"


class KeyState(StrEnum):
    """Whether a key works; one that is `rotated` works until its successor's grace is over."""

    ACTIVE = "active"
    ROTATED = "rotated"
    EXPIRED = "expired"
    REVOKED = "revoked"


def states_of(all_of_them: Collection[models.ApiKey], now: datetime) -> dict[UUID, KeyState]:
    """Return where each of all keys stands."""
    last = {key.name: key.id for key in sorted(all_of_them, key=lambda key: key.id)}

    def state(key: models.ApiKey) -> KeyState:
        if key.revoked_at is not None:
            return KeyState.REVOKED
        if _is_over(key, now):
            return KeyState.EXPIRED
        return KeyState.ACTIVE if last[key.name] == key.id else KeyState.ROTATED

    return {key.id: state(key) for key in all_of_them}


class Access(NamedTuple):
    """A valid key: whose it is and what it may do.

    `owner_id` is the same for all keys that a caller has had one after the other. `ended` are the
    sessions that were signed out.
    """

    key_id: UUID
    name: str
    scopes: frozenset[str]
    owner_id: UUID
    ended: Collection[str] = ()

    @property
    def sees_numbers(self) -> bool:
        """Whether phone numbers are shown in full."""
        return bool(self.scopes & {Scope.PLACE, Scope.PII})


_TAKEN = N_("There is an active key named %(name)s: rotate that one, or revoke it first.")


def create_key(
    name: str,
    scopes: Collection[str],
    services: Services,
    actor: Actor | None = None,
    *,
    replaces: UUID | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a key and give it; this is the only time it can be seen.

    `actor` is who wants it, by default the person at the command line. `replaces` is the key in
    whose place it comes, by default the newest of the same name: what that one asked for under an
    idempotency key is not done a second time for this one. It works until `expires_at`, if given.
    Raises ObdtrackError: invalid for an unknown scope, an empty name or a time that is past, not
    found if there is no key to replace, conflict while an active key has this name.
    """
    unknown = sorted(set(scopes) - set(Scope))
    if unknown or not scopes:
        raise _wrong(
            "scopes", f"Unknown scope {', '.join(unknown)!r}: use some of {', '.join(Scope)}."
        )
    name = name.strip()
    if not name:
        raise _wrong("name", N_("A key needs a name, so that you know it later."))
    if expires_at is not None and expires_at <= services.now():
        raise _wrong("expires", N_("A key that has expired already would be of no use."))
    with services.store.write():
        services.store.lock_names([f"key {name}"])
        if active := _active_of(name, services.now()):
            raise ObdtrackError(
                Code.CONFLICT,
                Said(
                    "There is an active key named %(name)s. Rotate it, or revoke it first "
                    "(its id: %(id)s).",
                    name=repr(name),
                    id=active[-1].id,
                ),
                fields={"name": [Said(_TAKEN, name=name)]},
            )
        made = _NewKey(name, scopes, _predecessor(name, replaces), expires_at)
        return _store(made, Action.KEY_CREATED, actor or audit.operator(), services)


def rotate_key(
    key_id: UUID, services: Services, actor: Actor | None = None, *, grace: timedelta
) -> str:
    """Make a key in the place of this one, which works on until the grace is over; give the new.

    It has the same name, scopes and caller, and the same lifetime if that was limited. Raises
    ObdtrackError: not found if there is no such active key, conflict if it was rotated before.
    """
    now, actor = services.now(), actor or audit.operator()
    with services.store.write():
        old = find_active_id(key_id)
        if old is None or _is_over(old, now):
            raise ObdtrackError(
                Code.NOT_FOUND, Said("There is no active key %(key_id)s.", key_id=key_id)
            )
        services.store.lock_names([f"key {old.name}"])
        newest = _active_of(old.name, now)[-1]
        if newest.id != key_id:
            raise ObdtrackError(
                Code.CONFLICT,
                Said(
                    "This key was rotated already; the newest is %(newest_id)s.",
                    newest_id=newest.id,
                ),
            )
        lifetime = old.expires_at and old.expires_at - old.created_at
        made = _NewKey(old.name, old.scopes, old, now + lifetime if lifetime else None)
        secret = _store(made, Action.KEY_ROTATED, actor, services)
        until = min(now + grace, old.expires_at or now + grace)
        models.ApiKey.update(expires_at=until).where(models.ApiKey.id == key_id).execute()
    return secret


class _NewKey(NamedTuple):
    name: str
    scopes: Collection[str]
    before: models.ApiKey | None
    expires_at: datetime | None


def _wrong(field: str, message: str) -> ObdtrackError:
    return ObdtrackError(Code.INVALID, message, fields={field: [message]})


def _store(made: _NewKey, action: Action, actor: Actor, services: Services) -> str:
    secret = f"obd_{secrets.token_urlsafe(32)}"
    key_id, before = new_id(), made.before
    owner_id = (before.owner_id or before.id) if before else None
    detail: dict[str, object] = {"name": made.name, "scopes": sorted(made.scopes)}
    if owner_id is not None:
        detail["owner"] = str(owner_id)
    if made.expires_at is not None:
        detail["expires_at"] = to_text(made.expires_at)
    add(
        key_id, made.name, secret, made.scopes, services.now(), owner_id,
        made_by=actor.name, expires_at=made.expires_at,
    )  # fmt: skip
    audit.record(action, key_id, actor, services, detail)
    return secret


def _active_of(name: str, now: datetime) -> list[models.ApiKey]:
    key = models.ApiKey
    query = key.select().where((key.name == name) & key.revoked_at.is_null()).order_by(key.id)
    return [one for one in query if not _is_over(one, now)]


def _is_over(key: models.ApiKey, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now


def _predecessor(name: str, replaces: UUID | None) -> models.ApiKey | None:
    key = models.ApiKey
    wanted = key.name == name if replaces is None else key.id == replaces
    found: models.ApiKey | None = key.select().where(wanted).order_by(key.id.desc()).first()
    if found is None and replaces is not None:
        raise ObdtrackError(
            Code.NOT_FOUND,
            Said("There is no key %(replaces)s to take the place of.", replaces=replaces),
        )
    return found


def access_of(key_id: UUID, services: Services) -> Access | None:
    """Return the access of a key that someone signed in with, or None if it is revoked.

    Raises ObdtrackError (unauthorized) that says so if it has expired.
    """
    return _granted(find_active_id(key_id), services)


def authenticate(secret: str, services: Services, *, program: bool = False) -> Access | None:
    """Return the access this key grants, or None if it is unknown or revoked.

    Raises ObdtrackError (unauthorized) that says so if it has expired.
    """
    return _granted(find_active(secret), services, program=program)


_EXPIRED = N_("This key expired at %(when)s. Ask an administrator for a new one.")


def _granted(
    key: models.ApiKey | None, services: Services, *, program: bool = False
) -> Access | None:
    if key is None:
        return None
    now = services.now()
    if _is_over(key, now):
        raise ObdtrackError(
            Code.UNAUTHORIZED,
            Said(_EXPIRED, when=to_text(key.expires_at)),
        )
    if needs_note(key, now):
        _note_use(key.id, services, program=program)
    owner_id, ended = key.owner_id or key.id, key.ended_sessions or ()
    return Access(key.id, key.name, frozenset(key.scopes), owner_id, ended)


def revoke_key(key_id: UUID, services: Services, actor: Actor | None = None) -> None:
    """Revoke a key at once; raises ObdtrackError (not found) if there is no such active key.

    `actor` is who wants it, by default the person at the command line.
    """
    with services.store.write():
        if not revoke(key_id, services.now()):
            raise ObdtrackError(
                Code.NOT_FOUND, Said("There is no active key %(key_id)s.", key_id=key_id)
            )
        audit.record(Action.KEY_REVOKED, key_id, actor or audit.operator(), services)


def _note_use(key_id: UUID, services: Services, *, program: bool) -> None:
    try:
        with services.store.write():
            note_use(key_id, services.now())
            if program:
                leases.count(PROGRAM_USES)
    except ObdtrackError:  # looking something up must work while the database cannot be written
        log.warning("key_use_not_recorded", key_id=str(key_id))
