"""How far long work is, as whoever started it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class WorkDone(NamedTuple):
    """One part of the work: what it is about, and how many are done of how many (None: unknown)."""

    name: str
    done: int = 0
    total: int | None = None


Watcher = Callable[[WorkDone], object]


def unwatched(_: WorkDone) -> None:
    """Watch nothing."""
