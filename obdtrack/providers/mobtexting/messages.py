"""What an answer of the provider says, read but not yet judged: its JSON, and its words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from itertools import chain, islice
from typing import Any
from urllib.parse import SplitResult, urlsplit

from obdtrack.domain.phone import mask_all
from obdtrack.providers.http.exchange import HttpExchange
from obdtrack.providers.mobtexting.lenient_json import load_json
from obdtrack.providers.mobtexting.text import cut, scalar

_TITLE = re.compile(r"<title[^>]{0,100}>([^<]+)", re.IGNORECASE)

_MESSAGES = ("message", "msg", "error", "status_description")
COMPLAINTS = ("errors", "error")
"""Keys that only a refusal has; under them stand texts, alone, in lists or by field."""

_LONGEST_MESSAGE = 300
_LONGEST_READ = 2_000
_MOST_COMPLAINTS = 10
_DEEPEST_COMPLAINT = 4


def json_object(found: HttpExchange) -> Mapping[str, Any] | None:
    """Return the JSON object that came, or None for anything else. Never raises."""
    if is_compressed(found):
        return None
    try:
        response = load_json(found.body)
    except ValueError:
        return None
    return response if isinstance(response, Mapping) else None


def is_compressed(found: HttpExchange) -> bool:
    """Whether a body came packed though we asked for a plain one; it is never unpacked."""
    return found.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")


def is_html(found: HttpExchange) -> bool:
    """Whether a body is a page, or at least markup, by its type or its first character."""
    typed = "html" in found.headers.get("Content-Type", "").lower()
    return typed or found.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def redirect_target(found: HttpExchange) -> SplitResult:
    """Return where a redirect points, empty if nowhere or to nothing that can be read."""
    try:
        return urlsplit(found.headers.get("Location", ""))
    except ValueError:
        return urlsplit("")


def _complaints(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, Mapping) and depth < _DEEPEST_COMPLAINT:
        for key, inner in value.items():
            yield from (f"{key}: {text}" for text in _complaints(inner, depth + 1))
    elif isinstance(value, list) and depth < _DEEPEST_COMPLAINT:
        for inner in value:
            yield from _complaints(inner, depth + 1)
    elif text := scalar(value):
        yield text


def words_of(found: HttpExchange, response: Mapping[str, Any] | None) -> str | None:
    """Return what an answer has to say in words; `answer` is its JSON object if it has one.

    They may hold secrets and numbers, and have any length: see `presentable`.
    """
    if found.status // 100 == 3:
        target = redirect_target(found)._replace(query="", fragment="")
        return f"redirects to {target.geturl() or 'nowhere'}"
    if response is not None:
        return _message(response)
    if is_compressed(found):
        return "compressed, though a plain answer was asked for"
    text = found.body.decode("utf-8", "replace")
    if not is_html(found):
        return text
    title = _TITLE.search(text)
    return title and unescape(title[1])


def _message(response: Mapping[str, Any]) -> str | None:
    """Return the message of an object with its complaints by field, as readable text."""
    message = next((text for key in _MESSAGES if (text := scalar(response.get(key)))), "")
    complaints = chain.from_iterable(_complaints(response.get(key)) for key in COMPLAINTS)
    told = "; ".join(islice((text for text in complaints if text != message), _MOST_COMPLAINTS))
    return f"{message} ({told})" if message and told else message or told or None


def presentable(words: str | None, hidden: Mapping[str, str]) -> str | None:
    """Return the provider's words as one short line, fit for a log or a page.

    Each key of `hidden` is replaced by its value; phone numbers are masked.
    """
    if not words:
        return None
    for secret in sorted(hidden, key=len, reverse=True):
        words = words.replace(secret, hidden[secret])
    line = "".join(c if c.isprintable() else " " for c in words[:_LONGEST_READ])
    return cut(mask_all(" ".join(line.split())), _LONGEST_MESSAGE) or None
