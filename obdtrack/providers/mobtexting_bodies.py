"""Turns the bytes of a request into named values, whatever form they came in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

import pyjson5
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser

MAX_DEPTH = 32
MAX_PARTS = 1000
MAX_BOUNDARY = 70
"""The longest boundary of a multipart form (RFC 2046, 5.1.1)."""

Fields = Mapping[str, Any]
"""Values by the provider's keys."""

# Only `payload` is documented; the others are an envelope where they are all there is.
_WRAPPERS = ("payload", "data", "json", "body")

_BLANK = "\ufeff \t\r\n\0"
_LONGEST_INTEGER = 18
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_DEPTH_CHANGE = {"[": 1, "{": 1, "]": -1, "}": -1}

# The pieces of almost-JSON, each matched to its end or the text's, so that time stays linear.
_TOKENS = re.compile(
    r"""(?P<kept> "(?:[^"\\]|\\.)*+(?:"|\\?\Z) | '(?:[^'\\]|\\.)*+(?:'|\\?\Z)
              | //[^\n]* | /\*.*?(?:\*/|\Z) )
      | (?P<missing> :(?=\s*[,}]) )
      | (?P<bare> [^\s"'{}\[\],:/\\]+ )""",
    re.DOTALL | re.VERBOSE,
)


class Body(NamedTuple):
    """What a body holds: its fields, the surest first, or the problem that hid them."""

    sources: tuple[Fields, ...] = ()
    problem: str | None = None


def read_body(body: bytes) -> Body:
    """Read a body as JSON, multipart form or urlencoded form. Never raises.

    What it is, is told from the bytes: the content type is too often another one. Bytes that are
    not UTF-8 become U+FFFD.
    """
    text = body.decode("utf-8", "replace")
    if text[:1] != "{":
        text = text.strip(_BLANK)
        if text[:3].lower() in ("%7b", "%5b"):
            text = unquote_plus(text)
    if text[:1] in ("{", "["):
        return _read_json_body(text)
    if text.startswith("--") and "content-disposition" in text.lower():
        return _read_multipart(body, text)
    return _read_form_body(text)


def read_form(text: str) -> dict[str, Any]:
    """Read `a=1&b=2`, from a query or a body, into text values. Never raises."""
    return _named_once(parse_qsl(text, keep_blank_values=True, errors="replace"))


def load_json(body: bytes | str) -> Any:
    """Parse strict JSON without ever making a float.

    Numbers with a fraction or exponent, NaN, infinities and integers over 18 digits stay text,
    exactly as written. Raises ValueError, and nothing else, for what is not JSON or nests deeper
    than MAX_DEPTH.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = text.strip(_BLANK)
    if _too_deep(text):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return _DECODER.decode(text)


def _read_json_body(text: str) -> Body:
    try:
        return _opened(_load_liberally(text))
    except ValueError as error:
        return Body(problem=str(error))


def _load_liberally(text: str) -> Any:
    if _too_deep(text):
        raise ValueError(f"JSON nested deeper than {MAX_DEPTH}")
    try:
        return _DECODER.decode(text)
    except ValueError:
        return _load_almost_json(text)


def _load_almost_json(text: str) -> Any:
    """Parse what JSON's strict reader refused: trailing commas, single quotes, bare words.

    The provider's own example ends in a comma, and a composed report can lack a value or its
    quotes. Numbers are quoted first, since the lenient reader would make floats of them.
    """
    repaired = _TOKENS.sub(_repaired, text.rstrip("=" + _BLANK))
    try:
        return pyjson5.decode(repaired, MAX_DEPTH)
    except pyjson5.Json5Exception as error:
        raise ValueError("it looks like JSON, but cannot be read as such") from error


def _repaired(token: re.Match[str]) -> str:
    if token["missing"]:
        return ":null"
    bare = token["bare"]
    return token[0] if bare in (None, "true", "false", "null") else f'"{bare}"'


def _opened(value: object) -> Body:
    """Take the one report out of a list or an envelope around it."""
    if isinstance(value, list):
        if len(value) != 1:
            return Body(problem=f"a list of {len(value)} entries where one report is expected")
        value = value[0]
    if not isinstance(value, dict):
        return Body(problem="JSON, but not an object")
    if value.keys().isdisjoint(_WRAPPERS):
        return Body((value,))
    return Body(_unwrapped(value))


def _unwrapped(fields: dict[str, Any]) -> tuple[Fields, ...]:
    """Give what an envelope holds, then the envelope's own fields under names of their own.

    An envelope's `id` is that of an event, not of a call, and must not be taken for one.
    """
    wrapper = next(name for name in _WRAPPERS if name in fields)
    inner = _inner(fields[wrapper])
    if inner is None or (wrapper != _WRAPPERS[0] and len(fields) > 1):
        return (fields,)
    outer = {
        key if key == "event" else f"envelope {key}": value
        for key, value in fields.items()
        if key != wrapper
    }
    return inner, outer


def _inner(value: object) -> Fields | None:
    if isinstance(value, str) and value.lstrip(_BLANK)[:1] in ("{", "["):
        try:
            value = _load_liberally(value.strip(_BLANK))
        except ValueError:
            return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else None


def _read_multipart(body: bytes, text: str) -> Body:
    boundary = text.splitlines()[0].removeprefix("--").rstrip()[:MAX_BOUNDARY]
    parser = FormDataParser(stream_factory=_discarded, max_form_parts=MAX_PARTS)
    try:
        stream = BytesIO(body.lstrip())
        form = parser.parse(stream, "multipart/form-data", len(body), {"boundary": boundary})[1]
    except HTTPException:
        return Body(problem=f"a multipart form of more than {MAX_PARTS} parts")
    pairs = [(key, value) for key, value in form.items(multi=True) if key]
    if not pairs:
        return Body(problem="a multipart form that cannot be read or holds no fields")
    return _opened(_named_once(pairs))


def _discarded(*_args: Any, **_kwargs: Any) -> BytesIO:
    """Take a file's bytes into memory, to be forgotten: a report has no files."""
    return BytesIO()


def _read_form_body(text: str) -> Body:
    if not text:
        return Body()
    if "=" not in text:
        return Body(problem="neither a JSON object nor a form")
    return _opened(read_form(text))


def _too_deep(text: str) -> bool:
    """Tell whether brackets outside strings nest deeper than MAX_DEPTH."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for mark in _MARKS.finditer(text):
        depth += _DEPTH_CHANGE.get(mark[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _named_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Give pairs as a dictionary; of a key that came twice, the last value that says something.

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


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


_DECODER = json.JSONDecoder(
    object_pairs_hook=_named_once,
    parse_float=str,
    parse_int=_integer,
    parse_constant=str,
    # A composed report may hold a line break inside a text.
    strict=False,
)
