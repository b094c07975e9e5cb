"""Cuts lists into pages, each with the cursor from which the next one goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Row = TypeVar("Row")


def cut(
    found: Sequence[Row], limit: int, cursor: Callable[[Any], str] = lambda row: str(row.id)
) -> tuple[Sequence[Row], str | None]:
    """Return at most `limit` rows and the cursor of the next page; None if there is none.

    One row more than `limit` must have been looked for: it shows whether there is a next page.
    """
    rows = found[:limit]
    return rows, cursor(rows[-1]) if len(found) > limit else None
