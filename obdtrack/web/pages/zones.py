"""The time zones of the world: which can be chosen, and which names are one zone."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@cache
def choices() -> tuple[str, ...]:
    """Return the name of each zone that a country uses, in their order, and UTC."""
    lines = (files("tzdata.zoneinfo") / "zone.tab").read_text("utf-8").splitlines()
    return ("UTC", *sorted(line.split("\t")[2] for line in lines if not line.startswith("#")))


def is_zone(name: str) -> bool:
    """Whether there is a zone of this name, however old the name is."""
    return name in choices() or name in _links()


def known_as(name: str) -> str:
    """Return the name that a zone has now: `Asia/Kolkata` for `Asia/Calcutta`."""
    return name if name in choices() else _links().get(name, name)


def is_same(one: str, other: str) -> bool:
    """Whether two names are one zone."""
    return _links().get(one, one) == _links().get(other, other)


def offset(info: ZoneInfo, now: datetime) -> str:
    """Return how far a zone's clocks are from UTC now: `UTC+05:30`."""
    text = f"{now.astimezone(info):%z}"
    return f"UTC{text[:3]}:{text[3:5]}"


@cache
def _links() -> dict[str, str]:
    """Return each further name of a zone, with the name it has."""
    lines = (files("tzdata.zoneinfo") / "tzdata.zi").read_text("utf-8").splitlines()
    links = (line.split() for line in lines if line.startswith("L "))
    return {name: "UTC" if zone == "Etc/UTC" else zone for _, zone, name in links} | {"UTC": "UTC"}
