"""Takes variables' values out of what the provider echoes back, before it is stored."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

REMOVED = "[removed]"

# What these hold is the provider's; a one-digit variable must not tear an id or a time apart.
_KEPT = frozenset(
    {"id", "mobile", "to", "status", "charges", "credits", "created_at", "submitted_at", "code"}
)


def scrub(body: bytes | None, values: Collection[str]) -> bytes | None:
    """Give the answer's body without any of `values`, whichever key they came back under."""
    wanted = sorted((value for value in values if value), key=len, reverse=True)
    if body is None or not wanted:
        return body
    try:
        parsed = json.loads(body, parse_float=str)
    except (ValueError, RecursionError):
        return _replaced(body.decode("utf-8", "replace"), wanted).encode()
    return json.dumps(_clean(parsed, wanted), ensure_ascii=False).encode()


def _clean(part: Any, wanted: Collection[str]) -> Any:
    if isinstance(part, dict):
        return {
            _replaced(key, wanted): value if key in _KEPT else _clean(value, wanted)
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [_clean(item, wanted) for item in part]
    if isinstance(part, bool) or part is None:
        return part
    text = str(part)
    clean = _replaced(text, wanted)
    return part if clean == text else clean


def _replaced(text: str, wanted: Collection[str]) -> str:
    for value in wanted:
        text = text.replace(value, REMOVED)
    return text
