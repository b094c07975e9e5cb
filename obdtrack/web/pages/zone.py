"""The reader's choices that a cookie keeps: the time zone, and light or dark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from flask import Response, request

from obdtrack.web.access import context
from obdtrack.web.security import is_page, is_tls

ZONES = {"utc": "UTC", "mine": "Mine", "provider": "The provider's"}
THEMES = {"auto": "As the system", "light": "Light", "dark": "Dark"}
_YEARS = range(1970, 2200)
_YEAR = 365 * 24 * 3600


class Zone(NamedTuple):
    """The zone times are shown in: how it was chosen, and its name."""

    choice: str
    info: ZoneInfo

    @property
    def name(self) -> str:
        """Its name in the time zone database."""
        return self.info.key

    def local(self, moment: datetime) -> datetime:
        """Give a moment on this zone's clocks."""
        return moment.astimezone(self.info)

    def shift(self, now: datetime) -> int:
        """Give how many half hours this zone is ahead of UTC now."""
        offset = now.astimezone(self.info).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() / 1800)


def current_zone() -> Zone:
    """Give the zone chosen just now or before; the reader's own unless told otherwise."""
    return _zone(request.args.get("tz") or request.cookies.get("obdtrack_zone") or "mine")


def other_zones(shown: Zone) -> dict[str, str]:
    """Give the choices, with their words, by which times would read otherwise."""
    return {choice: word for choice, word in ZONES.items() if _zone(choice).name != shown.name}


def _zone(choice: str) -> Zone:
    if choice == "provider":
        return Zone(choice, context().settings.provider_timezone)
    if choice == "mine" and (mine := _named(request.cookies.get("obdtrack_mine"))):
        return Zone(choice, mine)
    return Zone("utc", ZoneInfo("UTC"))


def current_theme() -> str:
    """Give `light`, `dark` or `auto`."""
    choice = request.args.get("theme") or request.cookies.get("obdtrack_theme") or "auto"
    return choice if choice in THEMES else "auto"


def keep_choices(response: Response) -> Response:
    """Keep in cookies what this request for a page chose."""
    if not is_page():
        return response
    for name, cookie, known in (
        ("tz", "obdtrack_zone", ZONES),
        ("theme", "obdtrack_theme", THEMES),
    ):
        if (choice := request.args.get(name)) in known:
            response.set_cookie(
                cookie, choice, max_age=_YEAR, httponly=True, samesite="Lax", secure=is_tls(request)
            )
    return response


def _named(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(unquote(name)) if name else None
    except (KeyError, ValueError, OSError):
        return None


def day_start(text: str, zone: Zone, *, days_later: int = 0) -> datetime | None:
    """Give the first moment of a day written like 2026-11-23, or of one so many days later.

    None if it is no day, or in a year in which nobody was called. Days are counted on the zone's
    calendar: where clocks change not all have 24 hours.
    """
    try:
        first = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone.info)
        day = first + timedelta(days=days_later)  # by the clock on the wall
    except (ValueError, OverflowError):
        return None
    return day.astimezone(UTC) if day.year in _YEARS else None
