"""Tells from end times and times of receipt whether the provider's zone is set right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

ENOUGH = 5
A_ZONE = timedelta(minutes=15)
"""Every zone in use lies a multiple of this from UTC."""
_STEADY = timedelta(minutes=10)
_HALF_DAY = timedelta(hours=12)
"""The distance of afternoons written on a 12-hour clock. Hardly anybody is called in a zone so far
off, and the provider's own documentation writes hours as `h` in places."""

# Names for offsets where these services run; elsewhere a fixed offset does.
_NAMES = {
    0: "UTC",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    360: "Asia/Dhaka",
    240: "Asia/Dubai",
}


class Skew(NamedTuple):
    """A steady distance between the provider's end times and their receipt, and its remedy.

    `suggestion` is the zone that would end it, or None if it is no zone's distance.
    """

    offset: timedelta
    reports: int
    suggestion: str | None

    def sentence(self) -> str:
        """Say it to an operator."""
        hours = self.offset.total_seconds() / 3600
        return (
            f"The end times of the last {self.reports} reports lie {hours:+.2f} h from their "
            f"receipt, steadily: {self._remedy()}."
        )

    def _remedy(self) -> str:
        if self.suggestion:
            return (
                f"set OBDTRACK_PROVIDER_TIMEZONE={self.suggestion}, restart, and run `python -m "
                "obdtrack rebuild`, which reads the times of what was received anew"
            )
        if abs(self.offset) == _HALF_DAY:
            return (
                "the provider may write a 12-hour clock, so have it write hours up to 24 "
                "(H, not h), AM and PM, or {{unixtime}}"
            )
        return (
            "compare this machine's clock with the provider's, and see that the provider writes "
            "hours up to 24"
        )


def find_skew(
    pairs: Sequence[tuple[datetime, datetime]], zone: ZoneInfo, now: datetime
) -> Skew | None:
    """Compare (end time, receipt) of the last reports; None if all is well or too few are known.

    Times are aware; `zone` is the one the end times were read in. A delay of some minutes is a
    provider's habit; only a steady distance of a quarter of an hour or more is a zone's.
    """
    distances = [ended - received for ended, received in pairs]
    if len(distances) < ENOUGH:
        return None
    middle = timedelta(seconds=median(d.total_seconds() for d in distances))
    spread = timedelta(seconds=median(abs((d - middle).total_seconds()) for d in distances))
    offset = round(middle / A_ZONE) * A_ZONE
    if not offset or spread > _STEADY:
        return None
    suggestion = None if abs(offset) == _HALF_DAY else _zone_name(zone, offset, now)
    return Skew(offset, len(distances), suggestion)


def _zone_name(zone: ZoneInfo, offset: timedelta, now: datetime) -> str | None:
    current = now.astimezone(zone).utcoffset() or timedelta()
    minutes = round((current + offset) / timedelta(minutes=1))
    if minutes in _NAMES:
        return _NAMES[minutes]
    hours, rest = divmod(minutes, 60)
    if rest or not -12 <= hours <= 14:
        return None
    return f"Etc/GMT{-hours:+d}"  # its signs are turned round, by tradition
