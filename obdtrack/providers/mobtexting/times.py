"""Reads moments and lengths of time as the provider and its customers' templates write them.

The documented forms are read first and fast; every other one only after they have failed. A form
that more than one moment fits is read only where a setting decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from decimal import Decimal
from zoneinfo import ZoneInfo

from obdtrack.domain.times import Twofold
from obdtrack.providers.mobtexting.text import scalar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_UNITS = {10: Decimal(1), 13: Decimal("1e-3"), 16: Decimal("1e-6"), 19: Decimal("1e-9")}
"""Digits before the point of a unix time -> seconds in one unit of it."""
_LONGEST_TIME = 64
_YEARS = range(1971, 2200)
"""Outside them nobody was called: 1970 is how programs write no time at all."""
_MOST_SECONDS = 2**31 - 1

# The provider is Indian, so its IST is India's, not Israel's or Ireland's.
_ZONES = {"Z": UTC, "UTC": UTC, "GMT": UTC, "IST": fixed_zone(timedelta(hours=5, minutes=30))}
_MOST_MONTHS = 12
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# Pieces of the liberal forms; the texts are in capitals by then and have single blanks.
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[A-Z]*"
_WEEKDAY = r"(?:(?:MON|TUE|WED|THU|FRI|SAT|SUN)[A-Z]*,?\s)?"
_BETWEEN = r"(?:\s?T\s?|,?\s(?:(?:-|AT)\s)?|:(?=[0-9]{2}:))"
_CLOCK_TIME = r"""
    (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})
    (?: :(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))? )?
    (?: \s?(?P<half>[AP])\.?M\.? )?"""
# A form turns the plus of an offset into a blank: `06:09:43 05:30`.
_ZONE = r"""
    (?: \s?(?P<zone>Z|UTC|GMT|IST)
      | \s?\(?(?:UTC|GMT)?\s?(?P<sign>[+-])(?P<hours>[0-9]{1,2}):?(?P<minutes>[0-9]{2})?\)?
        (?:\s?\(?[A-Z][A-Z\s]*\)?)?
      | \s(?P<plus_hours>[0-9]{2}):?(?P<plus_minutes>[0-9]{2}) )?"""
_DATES = (
    r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})",
    r"(?P<one>[0-9]{1,2})(?P<mark>[-/.])(?P<two>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})",
    rf"{_WEEKDAY}(?P<day>[0-9]{{1,2}})[\s/-]{_MONTH}[\s/,-]\s?(?P<year>[0-9]{{4}})",
    rf"{_WEEKDAY}{_MONTH}\s(?P<day>[0-9]{{1,2}}),?\s(?P<year>[0-9]{{4}})",
)
_FORMS = tuple(
    re.compile(form, re.VERBOSE)
    for form in (
        *(f"{date}{_BETWEEN}{_CLOCK_TIME}{_ZONE}" for date in _DATES),
        # `Fri Apr 9 16:27:39 2021`, as asctime writes it, and `date` with a zone before the year.
        rf"{_WEEKDAY}{_MONTH}\s(?P<day>[0-9]{{1,2}})\s{_CLOCK_TIME}(?:\s(?P<zone>UTC|GMT|IST))?"
        r"\s(?P<year>[0-9]{4})",
        r"""(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})\s?
            (?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2}):?(?P<second>[0-9]{2})"""
        + _ZONE,
    )
)
_WHOLE_ISO = re.compile("(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})[^0-9][0-9]{2}:?[0-9]{2}.*")
"""What ISO 8601 must hold to be a moment to the minute: no week, and more than an hour."""
_UNIX = re.compile(r"([0-9]{10,19})(?:\.[0-9]{1,12})?")

_FINE_SECONDS = r"(?P<seconds>[0-9]{1,10}(?:\.[0-9]{1,30})?)"
_LENGTHS = tuple(
    re.compile(form, re.VERBOSE)
    for form in (
        _FINE_SECONDS,
        r"""(?: (?P<hours>[0-9]{1,4}):(?P<minutes>[0-5]?[0-9]) | (?P<only_minutes>[0-9]{1,4}) )
            :(?P<seconds>[0-5][0-9](?:[.,][0-9]{1,30})?)""",
        # `1h 2m 3s`, `23 sec`, and ISO 8601's `PT1M5S`.
        r"""(?:PT)?(?=[0-9])
            (?: (?P<hours>[0-9]{1,4})\s?H(?:(?:OU)?RS?)?[.,]?\s? )?
            (?: (?P<minutes>[0-9]{1,6})\s?M(?:IN(?:UTE)?S?)?[.,]?\s? )?"""
        rf"(?: {_FINE_SECONDS}\s?S(?:EC(?:OND)?S?)?\.? )?",
        r"(?P<milliseconds>[0-9]{1,13})\s?M(?:ILLI)?S(?:EC(?:OND)?S?)?",
    )
)
_UNITS = {
    "hours": Decimal(3600),
    "minutes": Decimal(60),
    "only_minutes": Decimal(60),
    "seconds": Decimal(1),
    "milliseconds": Decimal("0.001"),
}


def read_time(value: object, timezone: ZoneInfo, order: str | None = None) -> datetime | None:
    """Return a provider's time as aware UTC, or None if it is not one whole moment.

    Read are `YYYY-MM-DD HH:MM:SS` (24-hour), ISO 8601 with `Z`, offset or fraction, unix time in
    seconds, milli-, micro- or nanoseconds, and the usual others: `2021/04/09`, 14 digits, `9:05:07
    PM`, RFC 2822, names of months, and UTC, GMT or IST (India's) behind any of them. Text without a
    zone is in `timezone`. `04/09/2021` is read in the `order` given (`dmy` or `mdy`); without one,
    only a date that has no other reading is (`27/11/2026`).

    A time in an hour that came twice, as clocks were set back, is a `Twofold`.

    Not read are a date alone and an hour alone, whose rest would be a guess, dates by week and by
    day of the year, and a year in which nobody was called.
    """
    text = scalar(value)
    if text is None or not 10 <= len(text) <= _LONGEST_TIME:
        return None
    try:
        moment = _read_moment(text, timezone, order)
    except (ValueError, OverflowError):  # the 31st of a month that has none; a year in no zone
        return None
    return moment if moment is not None and moment.year in _YEARS else None


def _read_moment(text: str, timezone: ZoneInfo, order: str | None) -> datetime | None:
    if text[4] != "-" and (unix := _UNIX.fullmatch(text)):
        unit = _UNIX_UNITS.get(len(unix[1]))
        if unit is None:
            return _read_liberally(text, timezone, order)
        return _EPOCH + timedelta(microseconds=int(Decimal(text) * unit * 1_000_000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _read_liberally(" ".join(text.upper().split()), timezone, order)
    usual = text[13:14] == ":" and text[5] != "W"
    return _in_utc(moment, timezone) if usual or _WHOLE_ISO.fullmatch(text) else None


def _in_utc(moment: datetime, zone: tzinfo) -> datetime:
    if moment.tzinfo is None:
        if isinstance(zone, ZoneInfo) and zone.key == "UTC":
            return moment.replace(tzinfo=UTC)
        moment = moment.replace(tzinfo=zone)
        again = moment.replace(fold=1)
        if again.utcoffset() != moment.utcoffset():
            first, later = moment.astimezone(UTC), again.astimezone(UTC)
            if first < later:  # else the clock was set forward over it
                return Twofold.of(first, later)
    return moment.astimezone(UTC)


def _read_liberally(text: str, timezone: ZoneInfo, order: str | None) -> datetime | None:
    found = next((found for form in _FORMS if (found := form.fullmatch(text))), None)
    if found is None:
        return None
    parts = {name: part for name, part in found.groupdict().items() if part}
    if (date := _date(parts, order)) is None:
        return None
    second, fraction = int(parts.get("second", 0)), parts.get("fraction", "")
    clock = (_hour(parts), int(parts["minute"]), second, int(fraction[:6].ljust(6, "0")))
    return _in_utc(datetime(*date, *clock, tzinfo=_zone(parts)), timezone)


def _date(parts: Mapping[str, str], order: str | None) -> tuple[int, int, int] | None:
    year = int(parts["year"])
    if "one" not in parts:
        name = parts.get("name")
        return year, _MONTHS.index(name) + 1 if name else int(parts["month"]), int(parts["day"])
    one, two = int(parts["one"]), int(parts["two"])
    ambiguous = one <= _MOST_MONTHS and two <= _MOST_MONTHS and one != two
    if ambiguous and order is None:
        return None
    month_first = order == "mdy" if ambiguous else two > _MOST_MONTHS
    return (year, one, two) if month_first else (year, two, one)


def _hour(parts: Mapping[str, str]) -> int:
    """Return the hour of the day; raises ValueError where `AM` or `PM` contradicts it."""
    hour, half = int(parts["hour"]), parts.get("half")
    if half and hour in range(1, 13):
        return hour % 12 + (12 if half == "P" else 0)
    if (half == "A" and hour) or (half == "P" and not hour):
        raise ValueError("a half of the day that the hour is not in")
    return hour


def _zone(parts: Mapping[str, str]) -> tzinfo | None:
    hours = parts.get("hours") or parts.get("plus_hours")
    if hours is None:
        return _ZONES.get(parts.get("zone", ""))
    minutes = parts.get("minutes") or parts.get("plus_minutes") or 0
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return fixed_zone(-offset if parts.get("sign") == "-" else offset)


class Floored(int):
    """The whole seconds of a length that was given more finely."""

    __slots__ = ()


def read_duration(value: object) -> int | None:
    """Return a length in whole seconds; None for what is not one.

    Read are seconds (`23`), `MM:SS`, `HH:MM:SS`, `1h 2m 3s`, `23 sec`, `1500 ms` and ISO 8601's
    `PT1M5S`. A fraction is cut off, never rounded: a second that did not pass in full was not
    talked. What was cut is a `Floored`, so that its text can be kept beside it.
    """
    text = scalar(value)
    if text is None or len(text) > _LONGEST_TIME:
        return None
    if text.isascii() and text.isdigit():
        seconds = int(text)
    elif (length := _length(" ".join(text.upper().split()))) is None:
        return None
    else:
        seconds = int(length) if length == int(length) else Floored(length)
    return seconds if seconds <= _MOST_SECONDS else None


def _length(text: str) -> Decimal | None:
    found = next((found for form in _LENGTHS if (found := form.fullmatch(text))), None)
    if found is None:
        return None
    parts = ((name, part.replace(",", ".")) for name, part in found.groupdict().items() if part)
    return sum((Decimal(part) * _UNITS[name] for name, part in parts), Decimal())
