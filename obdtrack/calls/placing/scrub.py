"""Takes variables' values out of what the provider echoes back, before it is stored."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

REMOVED = "[removed]"

SHORTEST = 3
"""A shorter value stands in other words by chance; it is taken out only where it stands alone."""


def scrub(
    body: bytes | None, values: Collection[str], own_keys: Collection[str] = ()
) -> bytes | None:
    """Return the response's body without any of `values`, whichever key they came back under.

    One shorter than SHORTEST is taken out only where it is the whole of a text. What `own_keys`
    hold is the provider's: a one-digit variable must not tear an id or a time apart.
    """
    wanted = sorted((value for value in values if value), key=len, reverse=True)
    if body is None or not wanted:
        return body
    try:
        text = json.dumps(
            _clean(json.loads(body, parse_float=str), wanted, own_keys), ensure_ascii=False
        )
    except (ValueError, RecursionError):
        text = _replaced(body.decode("utf-8", "replace"), wanted)
    # Half a character is written as JSON writes it: whatever came, the call it is about goes on.
    return text.encode("utf-8", "backslashreplace")


def _clean(part: Any, wanted: Collection[str], own_keys: Collection[str]) -> Any:
    if isinstance(part, dict):
        return {
            _replaced(key, wanted): value if key in own_keys else _clean(value, wanted, own_keys)
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [_clean(item, wanted, own_keys) for item in part]
    if isinstance(part, bool) or part is None:
        return part
    text = str(part)
    clean = _replaced(text, wanted)
    return part if clean == text else clean


def _replaced(text: str, wanted: Collection[str]) -> str:
    if text.strip() in wanted:
        return REMOVED
    for value in (value for value in wanted if len(value) >= SHORTEST):
        text = text.replace(value, REMOVED)
    return text
