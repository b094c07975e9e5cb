"""The reader's choices that a cookie keeps: time zone, light or dark, and language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from flask import Response, g, request

from obdtrack.web.http.auth import services
from obdtrack.web.http.browser_security import is_page, is_tls
from obdtrack.web.pages import zones
from obdtrack.web.pages.language import LANGUAGES, N_

ZONES = {"utc": "UTC", "mine": N_("Mine"), "provider": N_("The provider's")}
THEMES = {"auto": N_("As the system"), "light": N_("Light"), "dark": N_("Dark")}
_FIRST_DAY, _LAST_DAY = datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)
_YEAR = 365 * 24 * 3600


class Zone(NamedTuple):
    """The zone times are shown in: how it was chosen, and its name."""

    choice: str
    info: ZoneInfo

    @property
    def name(self) -> str:
        """Its name in the time zone database."""
        return self.info.key

    @property
    def label(self) -> str:
        """Its name and how far it is from UTC now: `Asia/Kolkata, UTC+05:30`."""
        there = zones.offset(self.info, services().now())
        return self.name if self.name == "UTC" else f"{self.name}, {there}"

    def abbreviation(self, moment: datetime) -> str:
        """Return what clocks call this zone then, `IST`; where that has no name, `UTC+05:45`."""
        name = self.local(moment).tzname() or ""
        return name if name.isalpha() else zones.offset(self.info, moment)

    def local(self, moment: datetime) -> datetime:
        """Return a moment on this zone's clocks."""
        return moment.astimezone(self.info)

    def shift(self, now: datetime) -> int:
        """Return how many half hours this zone is ahead of UTC now."""
        offset = now.astimezone(self.info).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() / 1800)


def current_zone() -> Zone:
    """Return the zone chosen just now or before; the reader's own by default."""
    found: Zone | None = g.get("zone")  # a list asks for it some hundred times
    if found is None:
        chosen = request.args.get("tz")
        kept = request.cookies.get("obdtrack_zone") or "mine"
        found = g.zone = _zone(chosen if chosen and is_choice(chosen) else kept)
    return found


def is_choice(text: str) -> bool:
    """Whether this is a zone that can be chosen: one of ZONES, or the name of any there is."""
    return text in ZONES or zones.is_zone(text)


def other_zones(shown: Zone) -> dict[str, str]:
    """Return the choices, with their words, by which times would read otherwise."""
    return {
        choice: word
        for choice, word in ZONES.items()
        if not zones.is_same(_zone(choice).name, shown.name)
    }


def _zone(choice: str) -> Zone:
    if choice == "provider":
        return Zone(choice, services().provider.timezone)
    if choice == "mine" and (mine := _named(request.cookies.get("obdtrack_mine"))):
        return Zone(choice, mine)
    if zones.is_zone(choice):
        return Zone(choice, ZoneInfo(zones.known_as(choice)))
    return Zone("utc", ZoneInfo("UTC"))


def current_theme() -> str:
    """Return `light`, `dark` or `auto`."""
    choice = request.args.get("theme") or request.cookies.get("obdtrack_theme") or "auto"
    return choice if choice in THEMES else "auto"


def keep_choices(response: Response) -> Response:
    """Keep in cookies what this request for a page chose."""
    if not is_page():
        return response
    response.vary.add("Accept-Language")
    for name, cookie, known in (
        ("tz", "obdtrack_zone", is_choice),
        ("theme", "obdtrack_theme", THEMES.__contains__),
        ("lang", "obdtrack_language", LANGUAGES.__contains__),
    ):
        if (choice := request.args.get(name)) and known(choice):
            response.set_cookie(
                cookie, choice, max_age=_YEAR, httponly=True, samesite="Lax", secure=is_tls(request)
            )
    return response


def _named(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(zones.known_as(unquote(name))) if name else None
    except (KeyError, ValueError, OSError):
        return None


def day_start(text: str, zone: Zone, *, days_later: int = 0) -> datetime | None:
    """Return the first moment of a day written like 2026-11-23, or of one so many days later.

    A minute, written like 2026-11-23T14:30, is itself. None if it is neither. One before or after
    all years in which anybody was called becomes the first or the last of them. Days are counted on
    the zone's calendar: where clocks change not all have 24 hours.
    """
    is_minute = "T" in text
    try:
        form = "%Y-%m-%dT%H:%M" if is_minute else "%Y-%m-%d"
        first = datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
    first = min(max(first, _FIRST_DAY), _LAST_DAY).replace(tzinfo=zone.info)
    return (first + timedelta(days=0 if is_minute else days_later)).astimezone(
        UTC
    )  # by the clock on the wall
