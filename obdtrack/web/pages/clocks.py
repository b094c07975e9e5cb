"""How a call's page writes moments and lengths of time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from obdtrack.web.pages.language import N_
from obdtrack.web.pages.language import gettext as _


class Clock(NamedTuple):
    """How days and times are written for this reader, and in which zone they are: `IST`."""

    day: Callable[[datetime | None], str]
    time: Callable[[datetime | None], str]
    zone: Callable[[datetime], str] = lambda _moment: ""

    def whole(self, moment: datetime) -> str:
        """Say a time with its zone, if that is told: `11:57:39 IST`."""
        return f"{self.time(moment)} {self.zone(moment)}".rstrip()

    def at(self, moment: datetime) -> str:
        """Say when: `on 23 Nov at 11:57:39`."""
        return _("on %(day)s at %(time)s", day=self.day(moment), time=self.whole(moment))

    def since(self, moment: datetime) -> str:
        """Say since when: `23 Nov at 11:57:39`."""
        return _("%(day)s at %(time)s", day=self.day(moment), time=self.whole(moment))

    def after(self, moment: datetime, before: datetime) -> str:
        """Say when to who knows the day of `before`: `at 11:57:39`, with its day if it differs."""
        same = self.day(moment) == self.day(before)
        return _("at %(time)s", time=self.time(moment)) if same else self.at(moment)


_UNITS = (
    (N_("%(number)s d"), 86400),
    (N_("%(number)s h"), 3600),
    (N_("%(number)s min"), 60),
    (N_("%(number)s s"), 1),
)


def length(seconds: float) -> str:
    """Say a length of time in its two largest units: `16 s`, `2 min 5 s`, `3 h`, `2 d 4 h`."""
    left = max(round(seconds), 0)
    parts: list[str] = []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number or (size == 1 and not parts):
            parts.append(_(unit, number=number))
    return " ".join(parts[:2])
