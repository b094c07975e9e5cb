"""Times as text: RFC 3339 with `Z`, to the second unless there is more."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson


def to_text(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, e.g. `2026-11-23T11:57:39Z`."""
    return orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-1].decode()


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote; raises ValueError for anything that is not a time with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-11-23T11:57:39Z")
    return moment.astimezone(UTC)
