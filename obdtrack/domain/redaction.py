"""Takes out what must not be read: numbers are masked, secrets and values replaced, in any form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache, lru_cache
from html import unescape
from typing import Any, AnyStr
from urllib.parse import quote, unquote
from uuid import UUID

from obdtrack.domain.phone import in_ascii, masked, national_part

DOTS = "•••"
"""What stands for a secret in a message to people."""

REMOVED = "[removed]"
"""What stands for a value in what is stored and shown as it went over the wire."""

SHORTEST = 3
"""A shorter value stands in other words by chance; it is taken out only where it stands alone."""

# An id is left whole: in one of 300 the last part has digits only.
_ID_OR_NUMBER = re.compile(
    r"""(?<![0-9A-Za-z])(?: [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}
      | (?P<number> \+[0-9](?:[\ ().\-]{0,2}[0-9]){7,14} | [0-9]{9,15} ))(?![0-9A-Za-z])""",
    re.IGNORECASE | re.VERBOSE,
)
# In what came raw a number may have no plus and yet be grouped. Ids, days, versions are none.
_RAW_NUMBER = re.compile(
    r"""[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12} | [0-9a-f]{16,}
      | (?<![0-9])(?: [0-9]{4}[-/][0-9]{2}[-/][0-9]{2} | [0-9]{2}[-/.][0-9]{2}[-/.][0-9]{4}
          | [0-9]{1,4}(?:\.[0-9]{1,4}){2,} )(?![0-9])
      | (?P<number> \+?[0-9](?:[\ ().\-/+\xa0]{0,2}[0-9]){8,14} )(?![0-9])""",
    re.IGNORECASE | re.VERBOSE,
)
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[^0-9]+")
_NO_DIGITS = re.compile(r"[^0-9]+")
_LONG = re.compile(r"\+?[0-9]{8,}")

_MAYBE_ENCODED = re.compile(r"[%\\&]")
_MAYBE_NUMBER = re.compile(r"[0-9%\\&]|[^\x00-\x7f]")
_CODE_POINT = re.compile(r"(?:\\+|%)u([0-9a-f]{4})|\\+x([0-9a-f]{2})", re.IGNORECASE)
_DECODED_TIMES = 8
"""A text that was encoded more often is nobody's report."""
_FEWEST = 8
_ALONE = 10
"""Last digits of a number that are no coincidence wherever they stand."""
_GAP = r"[\W_]{0,8}+"
"""What may stand between two digits of one number."""


def mask_all(text: str) -> str:
    """Mask whatever looks like a phone number in free text, for log lines and messages."""
    return _ID_OR_NUMBER.sub(
        lambda found: (
            masked("+" + _NO_DIGITS.sub("", number)) if (number := found["number"]) else found[0]
        ),
        text,
    )


def numbers_like(text: str) -> set[str]:
    """Return what looks like phone numbers in a raw text: digits, with a plus where one stands.

    It is decoded, UTF-16 as well. Of digits in groups each long enough to be a number is one too.
    """
    found = _RAW_NUMBER.finditer(_decoded(text.replace("\0", "")))
    grouped = {number for one in found if (number := one["number"])}
    whole = {number[:1].strip("0123456789") + _NO_DIGITS.sub("", number) for number in grouped}
    return whole | {part for number in grouped for part in _LONG.findall(number)}


def mask_within(part: Any) -> Any:
    """Return JSON with the numbers in its texts masked; ids become text and are left whole."""
    return in_texts(part, mask_all)


def hide(text: str, *numbers: str, others: bool = True) -> str:
    """Mask phone numbers in a text, however they are spelled and encoded there.

    `numbers` (`+digits`, or digits without a country code) are those that the text is about: no
    spelling of them is left. With `others` whatever else looks like a number is masked too. A text
    is returned decoded where only that shows a number.
    """
    if not _MAYBE_NUMBER.search(text):
        return text
    clean = _hidden(text, numbers, others)
    plain = _decoded(clean)
    if plain == text:
        return text
    shown = _hidden(plain, numbers, others)
    return clean if shown == plain else shown


def hide_within(part: Any, *numbers: str, others: bool = True) -> Any:
    """Return JSON with phone numbers masked in its texts, keys and figures, as `hide` does it."""
    if isinstance(part, Mapping):
        return {
            hide(str(key), *numbers, others=others): hide_within(value, *numbers, others=others)
            for key, value in part.items()
        }
    if isinstance(part, list | tuple):
        return [hide_within(value, *numbers, others=others) for value in part]
    if part is None or isinstance(part, bool):
        return part
    text = str(part)
    clean = hide(text, *numbers, others=others)
    return part if clean == text and not isinstance(part, UUID) else clean


def _hidden(text: str, numbers: Collection[str], others: bool) -> str:
    for number in numbers:
        text = _without_number(text, number)
    if not others:
        return text
    return _RAW_NUMBER.sub(
        lambda found: (
            masked(_BETWEEN_DIGITS.sub("", number)) if (number := found["number"]) else found[0]
        ),
        text,
    )


def _without_number(text: str, number: str) -> str:
    """Return a text without any spelling of this number; nearly all have none, or a plain one."""
    digits, telling = number.removeprefix("+"), _telling_digits(number)
    if not telling:
        return text
    shown = masked(digits)
    text = text.replace(digits, shown).replace(telling, shown)
    if telling not in _NO_DIGITS.sub("", text):
        return text
    return re.sub(_GAP.join(telling), shown, text)


@lru_cache(4096)
def _telling_digits(number: str) -> str:
    """Return the digits that every spelling of a number has; none if so few may mean anything."""
    national = national_part(number[1:]) if number.startswith("+") else number
    found = national if len(national) >= _FEWEST else number.removeprefix("+")
    return found[-_ALONE:] if found.isdigit() and len(found) >= _FEWEST else ""


def _decoded(text: str) -> str:
    """Return a text as it reads once nothing in it is encoded: for URLs, JSON, HTML, in any digits.

    Characters that nobody sees are left out.
    """
    for _ in range(_DECODED_TIMES):
        if text.isascii() and not _MAYBE_ENCODED.search(text):
            break
        plain = _CODE_POINT.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
        plain = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        plain = in_ascii(unescape(unquote(plain)))
        if plain == text:
            break
        text = plain
    return text


def in_texts(
    part: Any, change: Callable[[str], str], *, without: Callable[[str], bool] | None = None
) -> Any:
    """Return JSON with each of its texts changed, and without the keys that `without` names."""
    if isinstance(part, str):
        return change(part)
    if isinstance(part, Mapping):
        return {
            key: in_texts(value, change, without=without)
            for key, value in part.items()
            if without is None or not without(str(key))
        }
    if isinstance(part, list | tuple):
        return [in_texts(value, change, without=without) for value in part]
    return str(part) if isinstance(part, UUID) else part


def take_out(text: AnyStr, instead: Mapping[AnyStr, AnyStr]) -> AnyStr:
    """Return a text, or bytes, with each key of `instead` replaced by its value, long ones first.

    Empty ones stand nowhere.
    """
    for secret in sorted(filter(None, instead), key=len, reverse=True):
        text = text.replace(secret, instead[secret])
    return text


def remove_values(
    body: bytes | None, values: Collection[str], own_keys: Collection[str] = ()
) -> bytes | None:
    """Return a response's body without any of `values`, whichever key they came back under.

    One shorter than SHORTEST is taken out only where it is the whole of a text. What `own_keys`
    hold is the provider's: a one-digit variable must not tear an id or a time apart.
    """
    wanted = set(filter(None, values))
    if body is None or not wanted:
        return body
    try:
        told = json.loads(body, parse_float=str)
        text = json.dumps(_without_values(told, wanted, own_keys), ensure_ascii=False)
    except (ValueError, RecursionError):
        text = _without_words(body.decode("utf-8", "replace"), wanted)
    # Half a character is written as JSON writes it: whatever came, the call it is about goes on.
    return text.encode("utf-8", "backslashreplace")


def _without_values(part: Any, wanted: set[str], own_keys: Collection[str]) -> Any:
    if isinstance(part, dict):
        return {
            _without_words(key, wanted): value
            if key in own_keys
            else _without_values(value, wanted, own_keys)
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [_without_values(item, wanted, own_keys) for item in part]
    if isinstance(part, bool) or part is None:
        return part
    text = str(part)
    clean = _without_words(text, wanted)
    return part if clean == text else clean


def _without_words(text: str, wanted: set[str]) -> str:
    if text.strip() in wanted:
        return REMOVED
    return take_out(text, {value: REMOVED for value in wanted if len(value) >= SHORTEST})


def remove_secrets(query: str, body: bytes, secrets: tuple[str, ...]) -> tuple[str, bytes]:
    """Return a request's query and body without these secrets, however they are spelled."""
    for text, octets in _spellings(secrets):
        if text in query or octets in body:
            query, body = query.replace(text, "removed"), body.replace(octets, b"removed")
    return query, body


def remove_named(query: str, body: bytes, secret: str, names: tuple[str, ...]) -> tuple[str, bytes]:
    """Return a request's query and body without a secret where it stands under one of its names.

    That is `?name=` and `"name":`; a short one may stand for something elsewhere.
    """
    pattern = _under_its_name(secret, names)
    text = pattern.sub(r"\1removed", body.decode("latin-1"))  # which has a character for each byte
    return pattern.sub(r"\1removed", query), text.encode("latin-1")


@cache
def _under_its_name(secret: str, names: tuple[str, ...]) -> re.Pattern[str]:
    spelled = "|".join({re.escape(text) for text, _ in _spellings((secret,))})
    name = rf"(?<![\w-])(?:{'|'.join(names)})(?:=|\"\s*:\s*\"?|\"\s*\n\r?\n)"
    return re.compile(f'({name})(?:{spelled})(?![^"&,}}\\s])')


@cache
def _spellings(secrets: tuple[str, ...]) -> list[tuple[str, bytes]]:
    """Return the ways in which a form, JSON and PHP's JSON write these, as text and as bytes."""
    found: dict[str, bytes] = {}
    for secret in secrets:
        in_json = json.dumps(secret)[1:-1]
        for text in (secret, quote(secret, ""), in_json, in_json.replace("/", "\\/")):
            found[text] = text.encode()
    return list(found.items())
