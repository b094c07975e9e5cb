"""Reads JSON without ever making a float, and what templates write that is almost JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson
import pyjson5

from obdtrack.domain.strict_json import MAX_DEPTH

BLANK = "\ufeff \t\r\n\0"
"""What may stand around a body and says nothing."""

_MOST_TEXTS = 2
"""How often JSON may be a text within JSON."""

_LONGEST_INTEGER = 18
_HIGHEST = 10**_LONGEST_INTEGER
_LOWEST = -(10 ** (_LONGEST_INTEGER - 1))
_TEXT = r""""(?:[^"\\]|\\.)*+(?:"|\\?\Z) | '(?:[^'\\]|\\.)*+(?:'|\\?\Z)"""
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_DEPTH_CHANGE = {"[": 1, "{": 1, "]": -1, "}": -1}

# The pieces of almost-JSON, each matched to its end or the text's, so that time stays linear.
_COMMENTS = re.compile(
    rf"(?P<text> {_TEXT} ) | (?<!:)//[^\n]* | /\*.*?(?:\*/|\Z)", re.DOTALL | re.VERBOSE
)
_TOKENS = re.compile(
    rf"""(?P<text> {_TEXT} )
      | (?P<missing> :(?=\s*[,}}]) )
      | (?P<surplus> ,(?=\s*[,}}\]]) | (?<=[\[{{])\s*+, )
      | (?<=:)\s*+(?P<value> [^\s"'{{}}\[\],][^"'{{}}\[\],\r\n]*+ )
      | (?P<bare> [^\s"'{{}}\[\],:/\\]+ )""",
    re.DOTALL | re.VERBOSE,
)
# Inside a text: control characters as they are, and escapes that JSON5 refuses.
_ODD = re.compile(
    r"""\\(?: (?P<refused> u(?![0-9a-fA-F]{4}) | x(?![0-9a-fA-F]{2}) | [1-9] | 0(?=[0-9]) )
            | (?=[\0-\x1f]) | . )
      | (?P<raw> [\0-\x1f] )""",
    re.DOTALL | re.VERBOSE,
)


def load_texts(text: str) -> Any:
    """Parse as `load_liberally` does; if the JSON is a text that holds JSON, that as well."""
    value, left = load_liberally(text), _MOST_TEXTS
    while left and isinstance(value, str) and value.lstrip(BLANK)[:1] in ("{", "[", '"'):
        value, left = load_liberally(value.strip(BLANK)), left - 1
    return value


def load_json(body: bytes | str) -> Any:
    """Parse strict JSON without ever making a float.

    Numbers with a fraction or exponent, NaN, infinities and integers over 18 digits stay text,
    exactly as written. Raises ValueError, and nothing else, for what is not JSON or nests deeper
    than MAX_DEPTH.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = text.strip(BLANK)
    if _too_deep(text):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return _DECODER.decode(text)


def load_liberally(text: str) -> Any:
    """Parse JSON, or what is almost JSON; raises ValueError, which says why it cannot be read."""
    if (report := load_plain(text)) is not None:
        return report
    if _too_deep(text):
        raise ValueError(f"JSON nested deeper than {MAX_DEPTH}")
    try:
        return _DECODER.decode(text)
    except ValueError:
        return _load_almost_json(text)


def load_plain(text: str) -> dict[str, Any] | None:
    """Parse one object that holds nothing but texts and whole numbers, as almost every report does.

    None for anything else. The fast reader makes floats and lets the last of two equal keys win;
    but each key has its colon, so a key too few, or a colon that an escape hides, shows.
    """
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    if type(found) is not dict or "\\u" in text:
        return None
    colons = len(found)
    for value in found.values():
        if type(value) is str:
            colons += value.count(":")
        elif value is not None and (type(value) is not int or not _LOWEST < value < _HIGHEST):
            return None
    return found if text.count(":") == colons else None


def named_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as a dictionary; of a key that came twice, the last value that says something.

    One earlier value that differs is kept under `<key> (again)`.
    """
    pairs = list(pairs)
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found = {}
    for key, value in pairs:
        earlier = found.get(key)
        if value in (None, ""):
            found.setdefault(key, value)
            continue
        found[key] = value
        if earlier not in (None, "", value):
            found.setdefault(f"{key} (again)", earlier)
    return found


def _load_almost_json(text: str) -> Any:
    """Parse what JSON's strict reader refused: trailing commas, single quotes, bare words.

    The provider's own example ends in a comma, and a composed report can lack a value or its
    quotes, or hold a line break in a text. Any of these may come together. Numbers are quoted
    first, since the lenient reader would make floats of them.
    """
    bare = _COMMENTS.sub(lambda token: token["text"] or " ", text.rstrip("=" + BLANK))
    try:
        return pyjson5.decode(_TOKENS.sub(_repaired, bare), MAX_DEPTH)
    except pyjson5.Json5Exception as error:
        raise ValueError("it looks like JSON, but cannot be read as such") from error


def _repaired(token: re.Match[str]) -> str:
    if token["text"]:
        return _ODD.sub(_escaped, token[0])
    if token["missing"]:
        return ":null"
    if token["surplus"]:
        return ""
    word = (token["value"] or token["bare"]).strip()
    return word if word in ("true", "false", "null") else json.dumps(word)


def _escaped(piece: re.Match[str]) -> str:
    if piece["raw"]:
        return f"\\u{ord(piece['raw']):04x}"
    if piece["refused"]:
        return "\\" + piece[0]
    return "" if piece[0] == "\\" else piece[0]


def _too_deep(text: str) -> bool:
    """Whether brackets outside strings nest deeper than MAX_DEPTH."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for mark in _MARKS.finditer(text):
        depth += _DEPTH_CHANGE.get(mark[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


_DECODER = json.JSONDecoder(
    object_pairs_hook=named_once,
    parse_float=str,
    parse_int=_integer,
    parse_constant=str,
    # A composed report may hold a line break inside a text.
    strict=False,
)
