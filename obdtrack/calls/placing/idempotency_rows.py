"""Idempotency keys: which request they are bound to, and what was answered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from obdtrack.store import models


def claim(owner_id: UUID, key: str, fingerprint: str, call_id: UUID, created_at: datetime) -> bool:
    """Bind a key to a request that is about to be made; False if it is bound already."""
    inserted = (
        models.IdempotencyKey.insert(
            owner_id=owner_id,
            key=key,
            fingerprint=fingerprint,
            call_id=call_id,
            created_at=created_at,
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    return bool(inserted)


def find(owner_id: UUID, key: str) -> models.IdempotencyKey | None:
    """Return what a key is bound to."""
    row = models.IdempotencyKey
    return row.get_or_none((row.owner_id == owner_id) & (row.key == key))


def forget(owner_id: UUID, key: str, before: datetime) -> None:
    """Free a key that was bound before this time."""
    row = models.IdempotencyKey
    row.delete().where(
        (row.owner_id == owner_id) & (row.key == key) & (row.created_at < before)
    ).execute()


def store_response(owner_id: UUID, key: str, http_status: int, body: str) -> None:
    """Keep what was answered, to answer the same again."""
    row = models.IdempotencyKey
    row.update(http_status=http_status, body=body).where(
        (row.owner_id == owner_id) & (row.key == key)
    ).execute()


def forget_older(before: datetime, limit: int) -> int:
    """Free keys that were bound before this time, at most `limit`; returns how many."""
    row = models.IdempotencyKey
    old = row.select(row.owner_id, row.key).where(row.created_at < before).limit(limit)
    found = list(old)
    for bound in found:
        forget(bound.owner_id, bound.key, before)
    return len(found)
