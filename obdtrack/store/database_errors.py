"""What errors of a database mean: do it again, not now, or a fault of ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from obdtrack.errors import Code, ObdtrackError
from obdtrack.store.moved import MOVED

Given = ParamSpec("Given")
Result = TypeVar("Result")

_UNAVAILABLE = "The database cannot be used at the moment. Try again soon."
_RETRY_AFTER = 5

_PAUSES = (0.01, 0.05, 0.2)
"""Seconds before each repetition of a transaction that was undone."""


class AbortedError(ObdtrackError):
    """A transaction that met another one and was undone: done again, it succeeds."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, _UNAVAILABLE, retry_after=_RETRY_AFTER)


def repeated(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Return `work`, which is one transaction, so that it is done again if it was undone.

    The one place for that. Beside the transaction `work` must do nothing that cannot be repeated.
    """

    @wraps(work)
    def repeating(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        for pause in _PAUSES:
            try:
                return work(*args, **kwargs)
            except AbortedError:
                time.sleep(pause)  # the one it met goes on meanwhile
        return work(*args, **kwargs)

    return repeating


@contextmanager
def unavailable_if_locked() -> Iterator[None]:
    """Turn a database that is busy, full, damaged or gone into an error: try again soon.

    One that undid the transaction for another's sake becomes AbortedError.
    """
    try:
        yield
    except Exception as error:
        if unusable(error) is None:
            raise
        raise (AbortedError() if sqlstate(error) in _ABORTED else unavailable()) from error


_ERRORS = {
    **dict.fromkeys(("OperationalError", "InterfaceError", "DatabaseError"), True),
    **dict.fromkeys(("IntegrityError", "ProgrammingError", "DataError"), False),
    **dict.fromkeys(("InternalError", "NotSupportedError"), False),
}
"""Whether an error of this name (PEP 249) is about the database and not about a statement."""


_ABORTED = ("40001", "40P01", "25P03")
"""SQLSTATEs of a transaction that was undone for another's sake: serialization, deadlock, idle."""

READ_ONLY = "25006"
_NOT_NOW = (READ_ONLY, "25P03", "25P04")
"""SQLSTATEs that are about the database, though their class says something else: a server that only
reads since it was failed over, and transactions that took too long."""


def unusable(error: Exception) -> str | None:
    """Return in one line why the database cannot be used; None if `error` says something else.

    Told by names, which peewee and the drivers share: rows that are read late, and copies, raise
    the driver's own. A plain DatabaseError is SQLite's for a file that is damaged or no database.
    What refuses changes to one that was moved has a kind at each of the two that says nothing.
    """
    lines = str(error).splitlines() or [type(error).__name__]
    if MOVED in lines[0]:
        return lines[0]
    names = (kind.__name__ for kind in type(error).__mro__)
    known = _ERRORS.get(next((name for name in names if name in _ERRORS), ""))
    if not known and (known is None or sqlstate(error) not in _NOT_NOW):
        return None
    return lines[0]


def sqlstate(error: Exception) -> str | None:
    """Return PostgreSQL's code for an error; peewee's hold the driver's.

    The last may only say that what was lost before cannot be rolled back any more.
    """
    told: BaseException | None = error
    while told is not None:
        if state := getattr(getattr(told, "orig", told), "sqlstate", None):
            return str(state)
        told = told.__context__
    return None


def unavailable() -> ObdtrackError:
    """Return the error a caller sees when the database cannot be used now."""
    return ObdtrackError(Code.UNAVAILABLE, _UNAVAILABLE, retry_after=_RETRY_AFTER)
