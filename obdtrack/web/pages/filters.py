"""Which calls a list shows, as its address says it; a full number stands there only sealed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from unicodedata import category

from obdtrack.domain.status import Status
from obdtrack.domain.times import from_text, to_text
from obdtrack.storage.figures import half_hour
from obdtrack.storage.search import ENDING, Wanted
from obdtrack.storage.vault import Vault
from obdtrack.web.pages.zone import Zone, day_start

PERIODS: dict[str, tuple[str, timedelta | None]] = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
    "quarter": ("Last 90 days", timedelta(days=90)),
    "any": ("Any time", None),
}
USUAL = "week"
ATTENTION = "attention"
DAYS = "days"
MASKED = re.compile(r"[0-9]{4}•+[0-9]{3}")
"""A number as lists show it, without its plus."""

_SEALED_FOR = timedelta(hours=12)


class Filter(NamedTuple):
    """What is wanted, the period's name, and whether it is about one person or reference."""

    wanted: Wanted
    period: str
    searched: bool
    expired: bool = False

    @property
    def title(self) -> str:
        """The period in words."""
        return "These days" if self.period == DAYS else PERIODS[self.period][0]


def read_filter(args: Mapping[str, str], zone: Zone, now: datetime, vault: Vault) -> Filter:
    """Read an address; what cannot be meant is left out."""
    sealed, status = args.get("number", ""), args.get("status", "")
    opened = (open_text(sealed, now, vault) if sealed else None) or ""
    period, since, until = _period(args, zone, now)
    wanted = Wanted(
        status=status if status in set(Status) else None,
        number=opened if opened and not opened.isdigit() else None,
        ending=_ending(opened if opened.isdigit() else args.get("ending", "")),
        name=_text(args.get("name")),
        reference=_text(args.get("reference")),
        mid=_text(args.get("mid")),
        since=since,
        until=until,
        attention=status == ATTENTION,
        masked=_masked(args.get("masked", "")),
    )
    searched = any((sealed, wanted.ending, wanted.reference, wanted.mid, wanted.masked))
    if searched and "period" not in args and period != DAYS:
        wanted, period = wanted._replace(since=None), "any"
    return Filter(wanted, period, searched, expired=bool(sealed) and not opened)


def seal_text(text: str, now: datetime, vault: Vault) -> str:
    """Hide a number, or what was typed, so that it can stand in an address for some hours."""
    until = to_text(now + _SEALED_FOR)
    return vault.seal({"sought": text, "until": until}).decode().rstrip("=")


def open_text(sealed: str, now: datetime, vault: Vault) -> str | None:
    """Give what was sealed; None if it is too old or not ours."""
    try:
        held = vault.open((sealed + "=" * (-len(sealed) % 4)).encode())
        return held["sought"] if from_text(held["until"]) > now else None
    except (ValueError, KeyError, TypeError):
        return None


def _period(
    args: Mapping[str, str], zone: Zone, now: datetime
) -> tuple[str, datetime | None, datetime | None]:
    first = day_start(args.get("from", ""), zone)
    after = day_start(args.get("to", ""), zone, days_later=1)
    if (first or after) and not _is_chosen_anew(args):
        return DAYS, first, after
    period = args.get("period", USUAL)
    period = period if period in PERIODS else USUAL
    length = PERIODS[period][1]
    return period, half_hour(now - length) if length else None, None


def _is_chosen_anew(args: Mapping[str, str]) -> bool:
    """Tell whether a period was chosen in the place of what the form had shown (`was`)."""
    period = args.get("period", "")
    return period in PERIODS and args.get("was", period) != period


def is_plain(text: str) -> bool:
    """Tell whether a text is free of control characters; joined emoji are text like any other."""
    return not any(category(letter) in ("Cc", "Cs") for letter in text)


def _ending(digits: str) -> str | None:
    usable = digits.isascii() and digits.isdigit() and len(digits) >= ENDING
    return digits if usable else None


def _masked(shown: str) -> str | None:
    return shown if shown.startswith("+") and MASKED.fullmatch(shown[1:]) else None


def _text(value: str | None) -> str | None:
    usable = value and is_plain(value) and len(value) <= 200
    return value if usable else None
