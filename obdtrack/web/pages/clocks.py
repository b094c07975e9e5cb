"""How a call's page writes moments and lengths of time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple


class Clock(NamedTuple):
    """How days and times are written for this reader."""

    day: Callable[[datetime | None], str]
    time: Callable[[datetime | None], str]

    def at(self, moment: datetime) -> str:
        """Say when: `on 23 Nov at 11:57:39`."""
        return f"on {self.day(moment)} at {self.time(moment)}"

    def after(self, moment: datetime, before: datetime) -> str:
        """Say when to who knows the day of `before`: `at 11:57:39`, with its day if it differs."""
        same = self.day(moment) == self.day(before)
        return f"at {self.time(moment)}" if same else self.at(moment)


def length(seconds: float) -> str:
    """Say a length of time in its two largest units: `16 s`, `2 min 5 s`, `3 h`, `2 d 4 h`."""
    left = max(round(seconds), 0)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"
