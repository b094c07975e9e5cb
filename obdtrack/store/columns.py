"""Column types that keep the same exact value on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from peewee import BigIntegerField, BinaryUUIDField, BlobField, TextField

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Return an aware time as whole microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Return microseconds since 1970 UTC as an aware time in UTC."""
    return _EPOCH + timedelta(microseconds=number)


def to_id(octets: bytes) -> UUID:
    """Return the UUID of these 16 bytes."""
    return UUID(bytes=bytes(octets))


_BELOW_TIME = 80
"""The bits of an id that stand below its time."""


def first_id(moment: datetime) -> UUID:
    """Return what no id made at this moment or later comes before.

    A UUIDv7 begins with its time in milliseconds (RFC 9562).
    """
    return UUID(int=to_microseconds(moment) // 1000 << _BELOW_TIME)


def moved_id(made: UUID, by: timedelta) -> UUID:
    """Return an id made so much earlier or later."""
    moved = made.int + (int(by.total_seconds() * 1000) << _BELOW_TIME)
    return UUID(int=min(max(moved, 0), (1 << 128) - 1))


class MomentField(BigIntegerField):
    """An aware time, kept as microseconds since 1970 UTC: exact, small, and sorted as time."""

    def db_value(self, value: datetime | int | None) -> int | None:
        """Take an aware time (or microseconds already counted)."""
        return to_microseconds(value) if isinstance(value, datetime) else value

    def python_value(self, value: int | None) -> datetime | None:
        """Return an aware time in UTC."""
        return None if value is None else from_microseconds(value)


class JsonField(TextField):
    """JSON as compact text. What it holds is never searched, so no database needs to parse it."""

    def db_value(self, value: Any) -> str | None:
        """Take anything JSON can say."""
        return None if value is None else dumps(value)

    def python_value(self, value: str | None) -> Any:
        """Return what was stored."""
        return None if value is None else json.loads(value)


class IdField(BinaryUUIDField):
    """A UUIDv7 in 16 bytes: unique across processes, and sorted by the time it was made."""

    def db_value(self, value: UUID | None) -> bytes | None:
        """Take a UUID."""
        return None if value is None else value.bytes

    def python_value(self, value: Any) -> UUID | None:
        """Return a UUID."""
        return None if value is None else to_id(value)


class BytesField(BlobField):
    """Bytes, given back as `bytes` whatever the driver returns."""

    def python_value(self, value: Any) -> bytes | None:
        """Return what was stored."""
        return None if value is None else bytes(value)


def dumps(value: Any) -> str:
    """Return compact JSON with sorted keys, so that equal values are equal text; times end in Z."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z).decode()
