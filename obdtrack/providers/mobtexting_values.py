"""Reads single values as the provider writes them: text, numbers, times, lengths, money."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from obdtrack.domain.phone import reported
from obdtrack.providers.mobtexting_words import is_secret

ID_LENGTH = 100
TEXT_LENGTH = 2000

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?|-?\.[0-9]{1,30}")
_CLOCK = re.compile(r"(?:([0-9]{1,4}):)?([0-5]?[0-9]):([0-5][0-9])")
_WHOLE = re.compile(r"([0-9]{1,10})(?:\.0+)?")
# A form turns the plus of an offset into a space: `06:09:43 05:30`.
_OFFSET = re.compile(r"(.+:[0-9]{2}(?:\.[0-9]+)?) ([+-]?)([0-9]{2}:?[0-9]{2})")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_UNITS = {10: timedelta(seconds=1), 13: timedelta(milliseconds=1)}
_LONGEST_TIME = 40
_YEARS = range(1970, 2200)
"""Beyond them a time cannot be shown in every zone, and means nothing."""
_MOST_SECONDS = 2**31 - 1
_PLACEHOLDER = "{{"
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})


def clean(text: str) -> str:
    """Give `text` with what no database stores (NUL, lone surrogates) replaced by U+FFFD."""
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)


def cut(text: str, length: int) -> str:
    """Give at most `length` characters of `text`, the last an ellipsis if some were left out."""
    return text if len(text) <= length else text[: length - 1] + "…"


def scalar(value: object) -> str | None:
    """Give a text or a whole number as stripped text; None for anything else and for nothing.

    A placeholder that was never filled in (`{{id}}`) and JavaScript's NaN say nothing.
    """
    if isinstance(value, str):
        if _PLACEHOLDER in value or value in _NO_NUMBERS:
            return None
        text = value.strip()
        return (text if text.isprintable() else clean(text)) or None
    if not isinstance(value, int) or isinstance(value, bool) or value.bit_length() > 64:
        return None
    return str(value)


def shown(value: object) -> str:
    """Give any JSON value as storable text of bounded length, without what is secret."""
    if isinstance(value, str):
        return cut(clean(value), TEXT_LENGTH)
    try:
        text = json.dumps(_without_secrets(value), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "(cannot be shown)"
    return cut(clean(text), TEXT_LENGTH)


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_secrets(v) for k, v in value.items() if not is_secret(str(k))}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(item) for item in value]
    return value


def read_time(value: object, timezone: ZoneInfo) -> datetime | None:
    """Give a provider's time as aware UTC, or None if it is not a moment.

    Read are `YYYY-MM-DD HH:MM:SS` (24-hour), ISO 8601 with `Z`, offset or fraction, and unix
    time in seconds (10 digits) or milliseconds (13 digits). Text without a zone is in `timezone`.
    A date alone is None: midnight would be a guess. So is a year in which nobody was called.
    """
    moment = _read_moment(value, timezone)
    return moment if moment is not None and moment.year in _YEARS else None


def _read_moment(value: object, timezone: ZoneInfo) -> datetime | None:
    text = scalar(value)
    if text is None or not 10 <= len(text) <= _LONGEST_TIME:
        return None
    if text.isascii() and text.isdigit():
        unit = _UNIX_UNITS.get(len(text))
        return None if unit is None else _EPOCH + int(text) * unit
    if len(text) == len("2021-04-09"):
        return None
    return _read_iso(text, timezone)


def _read_iso(text: str, timezone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        found = _OFFSET.fullmatch(text)
        return found and _read_iso(f"{found[1]}{found[2] or '+'}{found[3]}", timezone)
    if moment.tzinfo is None:
        if timezone.key == "UTC":
            return moment.replace(tzinfo=UTC)
        moment = moment.replace(tzinfo=timezone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def read_money(value: object) -> str | None:
    """Give an amount as the exact decimal text it was written in (`0.5000` stays `0.5000`).

    None for what is not a plain decimal number: NaN, infinities, exponents, currency signs.
    """
    if isinstance(value, Decimal):
        value = f"{value:f}"
    elif isinstance(value, float):
        value = repr(value)
    text = scalar(value)
    return text if text is not None and _DECIMAL.fullmatch(text) else None


def read_duration(value: object) -> int | None:
    """Give a length in seconds from seconds, `MM:SS` or `HH:MM:SS`; None for anything else."""
    text = scalar(value)
    if text is None:
        return None
    if found := _WHOLE.fullmatch(text):
        seconds = int(found[1])
    elif found := _CLOCK.fullmatch(text):
        seconds = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    else:
        return None
    return seconds if seconds <= _MOST_SECONDS else None


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


def _read_link(value: object) -> str | None:
    text = _read_text(value)
    return text if text and text[:8].lower().startswith(("http://", "https://")) else None


READERS: dict[str, Callable[[object], object]] = {
    "provider_id": _read_id,
    "mid": _read_id,
    "to": _read_number,
    "caller": _read_number,
    "bridge": _read_number,
    "status": _read_word,
    "duration_seconds": read_duration,
    "billable_seconds": read_duration,
    "charges": read_money,
    "dtmf": _read_text,
    "hangup_by": _read_text,
    "recording_url": _read_link,
    "flow_id": _read_id,
}
"""How each of our fields is read from their value; None where the value cannot be used."""

TIMES = frozenset({"started_at", "ended_at", "reported_at"})
"""The fields that need the zone as well: `read_time` reads them."""
