"""Finds every spelling of one phone number in texts, and puts a name in its place.

Bytes are searched as latin-1 text, which keeps each of them; what UTF-8, URLs and JSON make of a
separator is therefore known here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import phonenumbers

_BETWEEN = (
    r"(?:[\s().\-/+\0\xa0\u2010-\u2015]|\xc2\xa0|\xe2\x80[\x90-\x95]"
    r"|%(?:0[09ad]|2[089bdef]|c2%a0|e2%80%9[0-5])"
    r"|\\(?:[nrt/]|u00(?:0[09ad]|2[089bdef]|a0)|u201[0-5]))"
)
"""What may stand between two digits: as it is, as UTF-8, in a URL, and as an escape in JSON."""

_GAP = f"{_BETWEEN}{{0,8}}+"
_PLUS = r"(?:\+|%2b|\\u002b)"
_START = r"(?:(?<![0-9])|(?<=%[0-9a-f][0-9])|(?<=\\u[0-9a-f]{3}[0-9]))"
_END = r"(?![0-9])"
# After another country's code the same digits are somebody else's number.
_NOT_ABROAD = r"(?<!\+[0-9][ \-])(?<!\+[0-9]{2}[ \-])(?<!\+[0-9]{3}[ \-])"

_NATIONAL_LENGTH = 10
_SHORTEST_ALONE = 8
"""Digits a number without its country code must have to be taken for that number."""
_SHORTEST_INSIDE = 11
"""Digits that are no coincidence within a longer row of digits."""

_JSON_PARTS = re.compile(
    r""" "(?:[^"\\]|\\.)*+(?:"|\\?\Z) | '(?:[^'\\]|\\.)*+(?:'|\\?\Z) | [^\s"'{}\[\],:]+ """,
    re.DOTALL | re.VERBOSE,
)


class Spellings:
    """The ways in which a number (`+digits`) may stand in a text.

    With or without plus, `00` or country code, with anything usual between the digits, and inside
    a longer row of digits.
    """

    def __init__(self, number: str) -> None:
        parts = _split(number)
        last_digits = (parts.country + parts.national)[-_SHORTEST_ALONE:]
        self._likely = re.compile(_spaced(last_digits), re.IGNORECASE)
        self._pattern = re.compile("|".join(_alternatives(parts)), re.IGNORECASE)

    def found_in(self, text: str) -> bool:
        """Whether the number stands in this text."""
        # Almost every text lacks it, and a look for its last digits is much faster.
        return bool(self._likely.search(text) and self._pattern.search(text))

    def replaced(self, text: str, name: str) -> str:
        """Return the text with `name` for the number; JSON stays JSON around a bare number."""

        def quoted(part: re.Match[str]) -> str:
            clean = self._pattern.sub(name, part[0])
            return clean if clean == part[0] or part[0][0] in "\"'" else f'"{clean}"'

        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            text = _JSON_PARTS.sub(quoted, text)
        return self._pattern.sub(name, text)

    def pieces(self, text: str) -> list[str]:
        """Cut the text at the number: what is not the number and what is, in turns."""
        cut, end = list[str](), 0
        for found in self._pattern.finditer(text):
            cut += [text[end : found.start()], found.group()]
            end = found.end()
        return [*cut, text[end:]]


class _Parts(NamedTuple):
    country: str
    national: str


def _split(number: str) -> _Parts:
    digits = number.removeprefix("+")
    try:
        country = str(phonenumbers.parse(f"+{digits}", None).country_code)
    except phonenumbers.NumberParseException:
        country = digits[:-_NATIONAL_LENGTH]
    return _Parts(country, digits[len(country) :])


def _alternatives(parts: _Parts) -> list[str]:
    country, national = parts
    digits = country + national
    whole = f"{_spaced(country)}{_GAP}(?:0{_GAP})?{_spaced(national)}"
    found = [f"{_START}(?:{_PLUS}{_GAP})?(?:00{_GAP})?{whole}{_END}"]
    if len(digits) >= _SHORTEST_INSIDE:
        found.append(f"{_PLUS}?{digits}")
    alone = {national, national[-_NATIONAL_LENGTH:]}
    found += [
        f"{_START}{_NOT_ABROAD}(?:0{_GAP})?{_spaced(part)}{_END}"
        for part in sorted(alone, key=len, reverse=True)
        if len(part) >= _SHORTEST_ALONE
    ]
    return found


def _spaced(digits: str) -> str:
    return _GAP.join(digits)
