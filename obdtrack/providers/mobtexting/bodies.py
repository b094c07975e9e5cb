"""Turns the bytes of a request into named values, whatever form they came in."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, lookup
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, unquote_plus

from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser

from obdtrack.providers.mobtexting.envelopes import (
    Around,
    Fields,
    Places,
    entries,
    has_paths,
    nested,
    one,
    opened,
)
from obdtrack.providers.mobtexting.lenient_json import BLANK, load_texts, named_once

MAX_PARTS = 1000
MAX_BOUNDARY = 70
"""The longest boundary of a multipart form (RFC 2046, 5.1.1)."""

MAX_REPORTS = 100
"""How many reports one request may bring."""

_JSON_IN_TEXT = re.compile(r'"(?:["\s]|\\["\\nrt])*[{\[]')
_LINE_ENDS = re.compile(r"[\r\n]+")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_CHARSETS = frozenset({"iso8859-1", "iso8859-15", "cp1252"})
"""Those taken from a content type, for bytes that are not UTF-8."""

# A link copied out of a page or a script: `?id=1&amp;status=ANSWER`, `?id=1\u0026status=ANSWER`.
_AMPERSAND = re.compile(r"&(?:amp;)+|&#0*38;|&#x0*26;|\\u0026(?=[\w\[\]]+=)", re.IGNORECASE)


class Body(NamedTuple):
    """What a body holds: its fields, the surest first, or the problem that hid them.

    `whole` is the object as it came, for what is looked up by a path. If it holds several requests,
    `parts` are their bodies, and there is nothing else.
    """

    sources: tuple[Fields, ...] = ()
    problem: str | None = None
    whole: object = None
    parts: tuple[str, ...] = ()


NO_BODY = Body()
_ALONE, _NAMED, _QUERY = Around(), Around(named=True), Around(documented=False)


def read_body(body: bytes, content_type: str, places: Places, *, named: bool = False) -> Body:
    """Read a body as JSON, multipart form or urlencoded form. Never raises.

    What it is, is told from the bytes: the content type is too often another one. Bytes that are
    not UTF-8 are UTF-16 or what the content type names where they can be, and else become U+FFFD.
    `places` tells which keys name a call, so that an envelope is known from a report; `named` that
    the call is named elsewhere in the request.
    """
    if not body:
        return NO_BODY
    around = _NAMED if named else _ALONE
    text = _decoded(body, content_type)
    if text[:1] != "{":
        text = text.strip(BLANK)
        if text[:3].lower() in ("%7b", "%5b"):
            text = unquote_plus(text)
    if text[:1] in ("{", "[") or _JSON_IN_TEXT.match(text):
        return _read_json_body(text, places, around)
    if text.startswith("--") and "content-disposition" in text.lower():
        return _read_multipart(body, text, places, around)
    if text and "=" not in text and "%3d" not in text.lower():
        return Body(problem="neither a JSON object nor a form")
    return _read_form(text, places, around)


def read_query(text: str, places: Places) -> Body:
    """Read a URL's query, `a=1&b=2`, into text values. Never raises."""
    return _read_form(text, places, _QUERY)


def _read_form(text: str, places: Places, around: Around) -> Body:
    if not text:
        return NO_BODY
    if "=" not in text:
        text = unquote(text)  # the whole of it was escaped
    if ";" in text or "\\" in text:
        text = _AMPERSAND.sub("&", text)
    pairs = parse_qsl(text.lstrip("?&"), keep_blank_values=True, errors="replace")
    fields = named_once(pairs)
    if "{" not in text and "%7" not in text and not has_paths(fields):
        return Body((fields,), None, fields)
    return _opened(fields, places, around)


def _decoded(body: bytes, content_type: str) -> str:
    start = body[:4]
    if b"\0" in start or start >= BOM_UTF16_BE:
        # Without a mark, two ASCII characters tell the order of the bytes: `{"`.
        little = start[:2] == BOM_UTF16_LE or start[1::2] == b"\0\0"
        if little or start[:2] == BOM_UTF16_BE or start[::2] == b"\0\0":
            return body.decode("utf-16-le" if little else "utf-16-be", "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode(_charset(content_type), "replace")


def _charset(content_type: str) -> str:
    named = _CHARSET.search(content_type)
    try:
        found = lookup(named[1]).name if named else "utf-8"
    except LookupError:
        return "utf-8"
    return found if found in _CHARSETS else "utf-8"


def _read_json_body(text: str, places: Places, around: Around) -> Body:
    try:
        value = load_texts(text)
    except ValueError as error:
        lines = [line for part in _LINE_ENDS.split(text) if (line := part.strip(f",{BLANK}"))]
        objects = all(line[0] == "{" and line[-1] == "}" for line in lines)
        several = entries(lines, places, around) if objects else []
        return _parts(several) if several else Body(problem=str(error))
    if isinstance(value, dict) and text.find("{", 1) < 0 and not has_paths(value):
        return Body((value,), None, value)  # as almost all are: nothing stands inside anything
    return _opened(value, places, around)


def _opened(value: object, places: Places, around: Around) -> Body:
    """Take the one report out of a list or an envelope around it, or all that a list holds."""
    if several := entries(value, places, around):
        return _parts(several)
    if isinstance(value, list) and len(value) != 1:
        return Body(problem=f"a list of {len(value)} entries where one report is expected")
    value = one(value)
    if not isinstance(value, dict):
        return Body(problem="JSON, but not an object")
    sources = opened(value, places, around)
    if len(sources) > 1 or not has_paths(value):
        return Body(sources, None, value)
    whole = nested(value)
    sources = opened(whole, places, around._replace(documented=False))
    return Body(sources if len(sources) > 1 else (value,), None, whole)


def _parts(several: Sequence[object]) -> Body:
    if len(several) > MAX_REPORTS:
        return Body(
            problem=f"{len(several)} reports in one request, and {MAX_REPORTS} at most are read"
        )
    return Body(parts=tuple(p if isinstance(p, str) else json.dumps(p) for p in several))


def _read_multipart(body: bytes, text: str, places: Places, around: Around) -> Body:
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
    return _opened(named_once(pairs), places, around)


def _discarded(*_args: Any, **_kwargs: Any) -> BytesIO:
    """Take a file's bytes into memory, to be forgotten: a report has no files."""
    return BytesIO()
