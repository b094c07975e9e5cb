"""Reads each of our fields from the provider's value: ids, words, phone numbers, links, money."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from obdtrack.domain.facts import FACTS, FactKind
from obdtrack.domain.phone import reported
from obdtrack.domain.reports import MOMENTS
from obdtrack.providers.mobtexting.text import ID_LENGTH, TEXT_LENGTH, cut, scalar
from obdtrack.providers.mobtexting.times import Floored, read_duration

_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?|-?\.[0-9]{1,30}")


def read_money(value: object) -> str | None:
    """Return an amount as the exact decimal text it was written in (`0.5000` stays `0.5000`).

    None for what is not a plain decimal number: NaN, infinities, exponents, currency signs.
    """
    if isinstance(value, Decimal):
        value = f"{value:f}"
    elif isinstance(value, float):
        value = repr(value)
    text = scalar(value)
    return text if text is not None and _DECIMAL.fullmatch(text) else None


def _read_id(value: object) -> str | None:
    text = scalar(value)
    return text if text is not None and len(text) <= ID_LENGTH else None


def _read_text(value: object) -> str | None:
    text = scalar(value)
    return text if text is not None and len(text) <= TEXT_LENGTH else None


def _read_word(value: object) -> str | None:
    text = scalar(value)
    return None if text is None else cut(text, ID_LENGTH)


def _read_number(value: object) -> str | None:
    number = reported(value if isinstance(value, int) else scalar(value))
    # A masked one names nobody; it stays under the provider's key, for people to see.
    return None if number is None or "•" in number else number


def _read_whole_seconds(value: object) -> int | None:
    """Read what was billed; a fraction under such a key is rather money, and not read."""
    seconds = read_duration(value)
    return None if type(seconds) is Floored else seconds


def _read_link(value: object) -> str | None:
    text = _read_text(value)
    return text if text and text[:8].lower().startswith(("http://", "https://")) else None


_BY_KIND: dict[FactKind, Callable[[object], object]] = {
    FactKind.TEXT: _read_text,
    FactKind.MONEY: read_money,
}

READERS: dict[str, Callable[[object], object]] = {
    "provider_id": _read_id,
    "mid": _read_id,
    "to": _read_number,
    "caller": _read_number,
    "bridge": _read_number,
    "status": _read_word,
    **{name: _BY_KIND[fact.kind] for name, fact in FACTS.items() if fact.kind in _BY_KIND},
    "duration_seconds": read_duration,
    "billable_seconds": _read_whole_seconds,
    "recording_url": _read_link,
    "flow_id": _read_id,
}
"""How each of our fields is read from their value; None where the value cannot be used."""

TIMES = frozenset(MOMENTS)
"""The fields that need the zone as well: `read_time` reads them."""
