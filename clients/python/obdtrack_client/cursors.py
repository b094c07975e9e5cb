"""Where a reader of the events is: kept between two runs of a program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Cursor(Protocol):
    """Keeps a place in the feed: in a file, or beside what was made of the events."""

    def load(self) -> str | None:
        """Return what was saved last, None if nothing ever was."""

    def save(self, cursor: str) -> None:
        """Keep it: once this returns, everything before it counts as done."""


class FileCursor:
    """Keeps it in a file of one line, which is replaced as a whole."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self) -> str | None:
        """Return what was saved last, None if nothing ever was."""
        try:
            return self._path.read_text("ascii").strip() or None
        except FileNotFoundError:
            return None

    def save(self, cursor: str) -> None:
        """Replace the file, so that it has the old or the new cursor whenever the machine stops."""
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("w", encoding="ascii") as file:
            file.write(f"{cursor}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
