"""Lists in pages, as the provider gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"[0-9]{1,9}")

PER_PAGE = 15
MOST_PER_PAGE = 100


def page_of(items: Sequence[Any], query: Mapping[str, str], url: str) -> dict[str, Any]:
    """Return the page of `items` that `query` asks for; `url` is the list's."""
    per_page = _positive(query.get("per_page"), PER_PAGE, MOST_PER_PAGE)
    last_page = max(1, -(-len(items) // per_page))
    # A page past the last is empty, not an error.
    page = _positive(query.get("page"), 1, last_page + 1)
    return {
        "status": "OK",
        "code": 200,
        "data": list(items[(page - 1) * per_page : page * per_page]),
        "links": _links(page, last_page, f"{url}?per_page={per_page}"),
        "meta": {
            "current_page": page,
            "last_page": last_page,
            "per_page": per_page,
            "total": len(items),
        },
    }


def _links(page: int, last_page: int, url: str) -> dict[str, str | None]:
    """Return the addresses of the pages around `page`; None where there is no such page."""
    pages = {"first": 1, "last": last_page, "prev": page - 1, "next": page + 1}
    return {
        name: f"{url}&page={number}" if 1 <= number <= last_page else None
        for name, number in pages.items()
    }


def _positive(text: str | None, default: int, most: int) -> int:
    """Read a number from 1 to `most`; `default` for what is none."""
    if text is None or not _NUMBER.fullmatch(text):
        return default
    return min(max(int(text), 1), most)
