"""Reads strict JSON (RFC 8259) that every database can hold; says what is wrong with any other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, NoReturn

MAX_DEPTH = 32
"""How deep arrays and objects may be nested, in what callers send and in what a provider does."""

_LARGEST = 2**63 - 1
_LONGEST_INTEGER = 19


def load_json(raw: bytes) -> Any:
    """Parse strict JSON (RFC 8259) that every database can hold.

    Raises ValueError, and nothing else, for anything but that: names given twice, NaN, numbers
    beyond 64 bit, lone surrogates, nesting beyond MAX_DEPTH.
    """
    try:
        found = _DECODER.decode(raw.decode())
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check(found, MAX_DEPTH)
    return found


_TOO_DEEP = f"it is nested deeper than {MAX_DEPTH}"


def _check(part: Any, room: int) -> None:
    if isinstance(part, str):
        _require_characters(part)
    elif isinstance(part, dict | list):
        if not room:
            raise ValueError(_TOO_DEEP)
        for inner in part.values() if isinstance(part, dict) else part:
            _check(inner, room - 1)


def _require_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it contains a broken character (a lone surrogate)") from None


def _named_once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    for name in found:
        _require_characters(name)
    return found


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_INTEGER or abs(number := int(text)) > _LARGEST:
        raise ValueError("a number does not fit in 64 bits")
    return number


def _float(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError("a number does not fit in 64 bits")
    return number


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_named_once, parse_int=_integer, parse_float=_float, parse_constant=_refuse
)
