"""API keys: only their digests are stored, so the database cannot give one away."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from obdtrack.store import bulk_sql, models

_USE_NOTED_EVERY = timedelta(minutes=1)


def digest(secret: str) -> str:
    """Return the SHA-256 of a key in hex. A plain hash is enough: a key is 32 random bytes."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def add(
    key_id: UUID, name: str, secret: str, scopes: Collection[str], created_at: datetime
) -> None:
    """Store a new key's digest."""
    models.ApiKey.insert(
        id=key_id, name=name, digest=digest(secret), scopes=sorted(scopes), created_at=created_at
    ).execute()


def find_active(secret: str) -> models.ApiKey | None:
    """Return the key with this secret unless it is revoked.

    The look-up is by digest, so its time tells nothing about the characters of any stored key.
    """
    return _active(bulk_sql.load(models.ApiKey, "digest", [digest(secret)]))


def find_active_id(key_id: UUID) -> models.ApiKey | None:
    """Return the key with this id unless it is revoked."""
    return _active(bulk_sql.load(models.ApiKey, "id", [key_id]))


def _active(found: Iterable[models.ApiKey]) -> models.ApiKey | None:
    return next((key for key in found if key.revoked_at is None), None)


def needs_note(key: models.ApiKey, now: datetime) -> bool:
    """Whether the last noted use is old enough to write a new one."""
    return key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY


def note_use(key_id: UUID, now: datetime) -> None:
    """Store when a key was last used, to the minute."""
    models.ApiKey.update(last_used_at=now).where(models.ApiKey.id == key_id).execute()


def all_keys() -> list[models.ApiKey]:
    """List all keys, oldest first."""
    return list(models.ApiKey.select().order_by(models.ApiKey.id))


def revoke(key_id: UUID, now: datetime) -> bool:
    """Revoke a key; False if there is no such active key."""
    key = models.ApiKey
    change = key.update(revoked_at=now).where((key.id == key_id) & key.revoked_at.is_null())
    return bool(change.execute())
