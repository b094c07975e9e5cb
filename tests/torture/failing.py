"""Makes the n-th operation fail, on the disk or on the network, in each way it can."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from tests.torture.provider import CrashError

Result = TypeVar("Result")


class Kind(StrEnum):
    """How an operation fails."""

    ONCE = "fails"
    FOR_GOOD = "fails, and all after it"
    UNHEARD = "is done, but reported as failed"
    DEATH = "is not reached: the process dies"


class Trouble:
    """Counts operations while it is armed, and lets the n-th of them fail (0: none)."""

    def __init__(self) -> None:
        self.armed = False
        self.count = 0
        self._at, self._kind, self._dead = 0, Kind.ONCE, False
        self._opened: list[sqlite3.Connection] = []
        self.after_each: Callable[[], None] = lambda: None

    def arm(self, at: int, kind: Kind) -> None:
        """Begin to count."""
        self.armed, self.count = True, 0
        self._at, self._kind, self._dead = at, kind, False

    def disarm(self) -> None:
        """Let everything succeed from now on."""
        self.armed = False

    def close(self) -> None:
        """Close whatever is still open, as the end of a process does."""
        while self._opened:
            self._opened.pop().close()

    def around(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Do one operation, unless it is its turn to fail."""
        if not self.armed:
            return do(*arguments)
        self.count += 1
        if self._dead:
            raise CrashError
        if not self._is_hit():
            result = do(*arguments)
            self.after_each()
            return result
        if self._kind is Kind.DEATH:
            self._dead = True
            raise CrashError
        if self._kind is Kind.UNHEARD:
            do(*arguments)
        raise sqlite3.OperationalError("disk I/O error")

    def _is_hit(self) -> bool:
        return self.count == self._at or (self._kind is Kind.FOR_GOOD and 0 < self._at < self.count)

    def connection_class(self) -> type[sqlite3.Connection]:
        """Return a class of connections whose every statement is such an operation."""
        trouble = self

        class Cursor(sqlite3.Cursor):
            def execute(self, *arguments: Any) -> Any:
                return trouble.around(super().execute, *arguments)

            def executemany(self, *arguments: Any) -> Any:
                return trouble.around(super().executemany, *arguments)

        class Connection(sqlite3.Connection):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                trouble._opened.append(self)

            def cursor(self, *_: Any) -> Any:
                return super().cursor(Cursor)

        return Connection
