"""API keys: made, checked, revoked."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.access import audit, key_rows
from obdtrack.access.audit import Action, Actor
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import models

log = structlog.get_logger()


class Scope(StrEnum):
    """What a key may do. `pii` shows numbers in full; `admin` changes what is recorded."""

    READ = "read"
    PLACE = "place"
    PII = "pii"
    ADMIN = "admin"


class Access(NamedTuple):
    """A valid key: whose it is and what it may do."""

    key_id: UUID
    name: str
    scopes: frozenset[str]

    @property
    def sees_numbers(self) -> bool:
        """Whether phone numbers are shown in full."""
        return bool(self.scopes & {Scope.PLACE, Scope.PII})


def create_key(
    name: str, scopes: Collection[str], context: Services, actor: Actor | None = None
) -> str:
    """Make a key and give it; this is the only time it can be seen.

    `actor` is who wants it, by default the person at the command line.
    Raises ObdtrackError (invalid) for an unknown scope or an empty name.
    """
    unknown = sorted(set(scopes) - set(Scope))
    if unknown or not scopes:
        raise ObdtrackError(
            Code.INVALID, f"Unknown scope {', '.join(unknown)!r}: use some of {', '.join(Scope)}."
        )
    if not name.strip():
        raise ObdtrackError(Code.INVALID, "A key needs a name, so that you know it later.")
    secret = f"obd_{secrets.token_urlsafe(32)}"
    key_id, told = new_id(), {"name": name.strip(), "scopes": sorted(scopes)}
    with context.store.write():
        key_rows.add(key_id, name.strip(), secret, scopes, context.now())
        audit.record(Action.KEY_CREATED, key_id, actor or audit.operator(), context, told)
    return secret


def access_of(key_id: UUID, context: Services) -> Access | None:
    """Return the access of a key that somebody signed in with, or None if it is revoked."""
    return _granted(key_rows.find_active_id(key_id), context)


def authenticate(secret: str, context: Services) -> Access | None:
    """Return the access this key grants, or None if it is unknown or revoked."""
    return _granted(key_rows.find_active(secret), context)


def _granted(key: models.ApiKey | None, context: Services) -> Access | None:
    if key is None:
        return None
    now = context.now()
    if key_rows.needs_note(key, now):
        _note_use(key.id, context)
    return Access(key.id, key.name, frozenset(key.scopes))


def revoke_key(key_id: UUID, context: Services, actor: Actor | None = None) -> None:
    """Revoke a key at once; raises ObdtrackError (not found) if there is no such active key.

    `actor` is who wants it, by default the person at the command line.
    """
    with context.store.write():
        if not key_rows.revoke(key_id, context.now()):
            raise ObdtrackError(Code.NOT_FOUND, f"There is no active key {key_id}.")
        audit.record(Action.KEY_REVOKED, key_id, actor or audit.operator(), context)


def _note_use(key_id: UUID, context: Services) -> None:
    try:
        with context.store.write():
            key_rows.note_use(key_id, context.now())
    except ObdtrackError:  # looking something up must work while the database cannot be written
        log.warning("key_use_not_noted", key_id=str(key_id))
