"""Times as text (RFC 3339 with `Z`), and those that a clock showed twice as it was set back."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson


class Twofold(datetime):
    """A time in an hour that came twice, as its first; `later` is the second. Both are UTC."""

    later: datetime

    @classmethod
    def of(cls, first: datetime, later: datetime) -> Twofold:
        """Return both as one."""
        made = cls.combine(first.date(), first.timetz())
        made.later = later
        return made

    def both(self) -> tuple[datetime, datetime]:
        """Return the first time and the second, as plain ones."""
        return _plain(self), self.later


def settled(moment: datetime, near: datetime) -> datetime:
    """Return a time as it is; of one that came twice the one that lies nearer to `near`."""
    if not isinstance(moment, Twofold):
        return moment
    return min(moment.both(), key=lambda one: abs(one - near))


def to_text(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, e.g. `2026-11-23T11:57:39Z`."""
    in_utc = moment.astimezone(UTC)
    return orjson.dumps(in_utc, default=_plain, option=orjson.OPT_UTC_Z)[1:-1].decode()


def _plain(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), moment.timetz())


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote; raises ValueError for anything that is not a time with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it like 2026-11-23T11:57:39Z")
    return moment.astimezone(UTC)
