"""Takes out what must not be read: numbers are masked, secrets and values replaced, in any form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, AnyStr
from urllib.parse import quote
from uuid import UUID

from obdtrack.domain.phone import masked

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
_RAW_NUMBER = re.compile(r"(?<![0-9A-Fa-f\-])[0-9]{9,15}(?![0-9A-Fa-f\-])")
_NO_DIGITS = re.compile(r"[^0-9]+")
_ESCAPED_PLUS = re.compile(r"%2[bB](?=[0-9])")


def mask_all(text: str) -> str:
    """Mask whatever looks like a phone number in free text, for log lines and messages."""
    return _ID_OR_NUMBER.sub(
        lambda found: (
            masked("+" + _NO_DIGITS.sub("", number)) if (number := found["number"]) else found[0]
        ),
        text,
    )


def mask_within(part: Any) -> Any:
    """Return JSON with the numbers in its texts masked; ids become text and are left whole."""
    return in_texts(part, mask_all)


def hide(text: str, number: str = "") -> str:
    """Mask what looks like a phone number in raw text, however it is written there.

    `number` (`+digits`) is the one that the text is about: its digits go wherever they stand.
    """
    digits = number.removeprefix("+")
    if len(digits) >= 7 and digits.isdigit():
        text = text.replace(digits, masked(number).removeprefix("+"))
    text = mask_all(_ESCAPED_PLUS.sub("+", text))
    return _RAW_NUMBER.sub(lambda found: masked(found.group()).removeprefix("+"), text)


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
