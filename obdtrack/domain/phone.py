"""Phone numbers: one reader for every door, which never turns a part of a number into a number.

A number is whole only where its country is certain: it is written with `+`, or with `00` or bare
digits that a country's numbering plan knows. What has no country code stays the digits it is, and
is compared with numbers that are known, by their national part.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from unicodedata import category, decimal

import phonenumbers

_SEPARATORS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_SCHEME = re.compile(r"(?:tel|sips?|callto):(?://)?", re.IGNORECASE)
_AFTER_NUMBER = re.compile(r"[@;?]")
_FRACTION = re.compile(r"[^.]*[0-9]\.([0-9])")
_HIDDEN = re.compile(r"\+?([0-9]{2,}[xX*•]{2,}[0-9]*)")
_LENGTHS = range(7, 16)  # E.164 allows 15 digits; fewer than 7 are an extension or a short code
_ERASED_NAME = re.compile(r"erased-[0-9a-f]{16}")
_NATIONAL_LENGTH = 10
_INDIAN_MOBILE = re.compile(r"\+?(91[6-9][0-9]{9})")
"""What almost every report holds: no other country's numbers look like this."""

_INDIA: Any = phonenumbers.PhoneMetadata.metadata_for_region("IN")
_MOBILE_IN_INDIA = re.compile(rf"\+91(?:{_INDIA.mobile.national_number_pattern})")
"""The library's own pattern of what nearly all lists hold: its reader takes 20 times as long."""

NOT_WHOLE = (
    "Not a phone number in international form. Write it with its country code, like +918867135001."
)

ERASED = "erased-"
"""How the name begins that stands in the place of an erased number."""


def dialable(text: str) -> str:
    """Return `text` as E.164 (`+918867135001`) if it is a whole number that can be called.

    Any usual spelling is read, see `whole`; a number without its country code is not, since a
    guessed country rings a stranger. Raises ValueError with a sentence that says what would be
    right.
    """
    number = whole(text)
    if number is None or _valid(number) is None:
        raise ValueError(NOT_WHOLE)
    return number


def dialable_cell(text: str, country: str | None = None) -> str:
    """Return the number in a cell of a list as E.164, as `dialable` reads it.

    `country` (like `IN`) is where numbers without a country code belong. Raises ValueError with the
    reason in a few words, for the person who made the list.
    """
    number, at_home = whole(text), _at_home(text, country) if country else None
    if number and at_home and number != at_home:
        raise ValueError(f"may be {number} or {at_home}: write it with a plus")
    number = number or at_home
    if number and _valid(number):
        return number
    raise ValueError(_why_not(text, country))


def _at_home(text: str, country: str) -> str | None:
    """Return what a number that says nothing about its country is in this one, if it has such."""
    bare = _bare(text)
    if not bare.isdigit() or bare.startswith("00"):
        return None
    return _valid(f"+{phonenumbers.country_code_for_region(country)}{bare.lstrip('0')}")


def _why_not(text: str, country: str | None) -> str:
    bare = _bare(text)
    if not bare:
        return "empty cell" if not text.strip() else "no phone number"
    if _EXPONENT.fullmatch(text.strip()):
        return "shortened by a spreadsheet, its last digits are lost: format the column as text"
    if any(letter.isalpha() for letter in bare):
        return "letters in it"
    digits = bare.removeprefix("+")
    if not digits.isdigit():
        return "more than one number, or signs that no number has"
    if len(digits) < _LENGTHS.start:
        return "too short"
    if len(digits) > _LENGTHS[-1]:
        return "too long"
    if country is None and not bare.startswith(("+", "00")):
        return "no country code: write it like +918867135001, or set default_country"
    return f"there is no such number{f' in {country}' if country else ''}"


_EXPONENT = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")


def whole(value: object) -> str | None:
    """Return a value as E.164 if it certainly is one whole international number, else None.

    Read are `+91 88671 35001`, `+91 (0) 88671 35001`, `0091…`, `tel:` and `sip:` addresses, digits
    with a country code, and what a spreadsheet makes of those: a trailing `.0`, a leading
    apostrophe. After a plus the number is taken as it is written, whether or not it is in use.
    Ten digits or fewer say nothing about their country: many Indian mobiles, read with a plus, are
    numbers of another one.
    """
    number = reported(value)
    return number if number and number.startswith("+") else None


def reported(value: object) -> str | None:
    """Return a number as a report gives it; None for what is not one number.

    `+E164` where it is whole; where it has no country code its digits, without the zeros that are
    dialled in front at home (`8867135001`); where some digits are hidden those are `•`
    (`91761936••••`). The name of an erased number is returned as it is.
    """
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return None
    text = str(value)
    if usual := _INDIAN_MOBILE.fullmatch(text):
        return "+" + usual[1]
    return _read(text) if len(text) <= _LONGEST else None


_LONGEST = 200


def numbers_in(value: object) -> list[str]:
    """Return each number of a list such as `9188…, 9189…`, as `reported` reads it."""
    parts = value.replace(";", ",").split(",") if isinstance(value, str) else [value]
    return [number for part in parts if (number := reported(part))]


def fits(known: str, said: str) -> bool:
    """Whether what `reported` returned can be the number `known` (E.164).

    A whole one must be equal; of one without country code the national part decides; of a masked
    one all digits that are shown, from the end or from the start of the national part.
    """
    if said.startswith("+") or is_erased(said):
        return said == known
    parts = parts_of(known)
    if "•" not in said:
        return said in parts
    return any(
        len(part) == len(said)
        and all(shown in ("•", digit) for shown, digit in zip(said, part, strict=True))
        for part in parts
    )


def parts_of(known: str) -> frozenset[str]:
    """Return how a whole number (E.164) may be written without saying that it is international.

    All its digits, its national part, and the last ten digits of that, which is what a composed
    report's `slice:-10` leaves. Empty for the name of an erased number.
    """
    if is_erased(known):
        return frozenset()
    digits = known.removeprefix("+")
    # The library says the same of those, in twenty times the time.
    national = digits[2:] if _INDIAN_MOBILE.fullmatch(known) else national_part(digits)
    return frozenset(
        part.lstrip("0") for part in (digits, national, national[-_NATIONAL_LENGTH:]) if part
    )


def provider_digits(number: str) -> str:
    """Return an E.164 number as the provider wants it: digits, no plus."""
    return number.removeprefix("+")


def country_of(number: str) -> str | None:
    """Return the country (like `IN`) of a whole number in any spelling; None if it tells none."""
    stated = whole(number)
    region: str | None = (
        phonenumbers.region_code_for_number(phonenumbers.parse(stated)) if stated else None
    )
    return region


def spaced(number: str) -> str:
    """Return an E.164 number in groups, as people write it: `+91 88671 35001`."""
    form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(phonenumbers.parse(number), form))


def masked(number: str) -> str:
    """Return a number with its middle hidden: `+918867135001` becomes `+9188•••••001`."""
    if is_erased(number):
        return number
    digits = number.removeprefix("+")
    if len(digits) < 8:
        return "•" * len(digits)
    plus = number[: len(number) - len(digits)]
    return f"{plus}{digits[:4]}{'•' * (len(digits) - 7)}{digits[-3:]}"


def is_erased(number: str) -> bool:
    """Whether this is the name that stands for an erased number."""
    return bool(_ERASED_NAME.fullmatch(number))


@lru_cache(4096)  # bridges and callers come again and again
def _read(text: str) -> str | None:
    text = _bare(text)
    if hidden := _HIDDEN.fullmatch(text):
        shown = re.sub("[xX*]", "•", hidden[1].lstrip("0"))
        return shown if len(shown) in _LENGTHS else None
    return text if is_erased(text) else _of_digits(text)


def _bare(text: str) -> str:
    """Return what was written without what only surrounds a number, or "" if it is none."""
    text = (text if text.isascii() else in_ascii(text)).strip().removeprefix("'")
    if is_erased(text):
        return text
    if scheme := _SCHEME.match(text):
        text = _AFTER_NUMBER.split(text[scheme.end() :])[0]
    if fraction := _FRACTION.fullmatch(text):
        if fraction[1] != "0":
            return ""  # a calculation was here: no digit of it is certain
        text = text[:-2]
    # Less than nothing is no number, whatever its digits.
    return "" if text.startswith("-") else _SEPARATORS.sub("", text)


def _of_digits(text: str) -> str | None:
    digits = text.removeprefix("+")
    if not digits.isdigit():
        return None
    if text.startswith("+"):
        stated = "+" + digits
        usable = len(digits) in _LENGTHS and digits[0] != "0"  # no country's code begins with 0
        return _valid(stated) or (stated if usable else None)
    if text.startswith("00") and (number := _valid("+" + text[2:])):
        return number
    if len(digits) > _NATIONAL_LENGTH and digits[0] != "0" and (number := _valid("+" + digits)):
        return number
    part = digits.lstrip("0")
    return part if len(part) in _LENGTHS else None


def in_ascii(text: str) -> str:
    """Return a text with the digits of any script and the dashes of any length as ASCII has them.

    Characters that nobody sees are left out.
    """
    return "".join(
        "-" if category(letter) == "Pd" else str(decimal(letter, letter))
        for letter in text
        if category(letter) != "Cf"
    )


def _valid(stated: str) -> str | None:
    """Return `+digits` as E.164 if a country has such a number, without a trunk zero in it."""
    if _MOBILE_IN_INDIA.fullmatch(stated):
        return stated
    try:
        parsed = phonenumbers.parse(stated, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    rest = stated[1:].removeprefix(str(parsed.country_code))
    # A first digit that may be a trunk prefix is left out by the library. Where the number that was
    # written is somebody's too, it is not known which of them is meant.
    if number != stated and not rest.startswith("0"):
        written = phonenumbers.PhoneNumber(parsed.country_code, int(rest))
        return None if phonenumbers.is_valid_number(written) else number
    return number


@lru_cache(4096)
def national_part(digits: str) -> str:
    """Return the digits behind the country code; the last ten where no country has such a code."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse("+" + digits, None))
    except phonenumbers.NumberParseException:
        return digits[-_NATIONAL_LENGTH:]
