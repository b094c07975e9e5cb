"""Phone numbers: any usual spelling in, E.164 out, masked where they are not needed."""

from __future__ import annotations

import re

import phonenumbers

_SEPARATORS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_LENGTHS = range(7, 16)
_PHONE_LIKE = re.compile(
    r"(?<![0-9A-Za-z])(?:\+[0-9](?:[ ().\-]{0,2}[0-9]){7,14}|[0-9]{9,15})(?![0-9A-Za-z])"
)
_ERASED_NAME = re.compile(r"erased-[0-9a-f]{16}")
_NO_DIGITS = re.compile(r"[^0-9]+")
_NATIONAL_LENGTH = 10

ERASED = "erased-"
"""How the name begins that stands in the place of an erased number."""


def dialable(text: str) -> str:
    """Give `text` as E.164 (`+918867135001`) if it is a whole international number.

    Spaces, brackets, dashes, a leading `+` or `00`, or none of them, are accepted; a number without
    its country code is not, since a guessed country rings a stranger. Ten digits alone are not
    either: many Indian mobiles, read with a plus, are numbers of another country. Raises ValueError
    with a sentence that says what would be right.
    """
    number = loosely(text)
    if number and len(number) - 1 <= _NATIONAL_LENGTH and not _says_international(text):
        number = None
    try:
        parsed = phonenumbers.parse(number or "", None)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        raise ValueError(
            "Not a phone number in international form. "
            "Write it with its country code, like +918867135001."
        )
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def loosely(value: object) -> str | None:
    """Give a number from a report or a filter as `+digits`, or None if it is not one.

    Reports are facts, not requests: their numbers are taken as they come, without asking
    whether such a number can exist. The name of an erased number is given as it is.
    """
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return None  # a float among them: its point would vanish and leave a longer number
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        text = _SEPARATORS.sub("", text)
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) in _LENGTHS):
        return value.strip() if isinstance(value, str) and is_erased(value.strip()) else None
    return "+" + (digits[2:] if text.startswith("00") else digits)


def provider_digits(number: str) -> str:
    """Give an E.164 number as the provider wants it: digits, no plus."""
    return number.removeprefix("+")


def masked(number: str) -> str:
    """Hide the middle of a number: `+918867135001` becomes `+9188•••••001`."""
    if is_erased(number):
        return number
    digits = number.removeprefix("+")
    if len(digits) < 8:
        return "•" * len(digits)
    return f"+{digits[:4]}{'•' * (len(digits) - 7)}{digits[-3:]}"


def is_erased(number: str) -> bool:
    """Tell whether this is the name that stands for an erased number."""
    return bool(_ERASED_NAME.fullmatch(number))


def mask_all(text: str) -> str:
    """Mask whatever looks like a phone number in free text, for log lines and messages."""
    return _PHONE_LIKE.sub(lambda found: masked(_NO_DIGITS.sub("", found.group())), text)


def _says_international(text: str) -> bool:
    return _SEPARATORS.sub("", text).startswith(("+", "00"))
