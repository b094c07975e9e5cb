"""Threads that may hang without the whole run hanging with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
PATIENCE = 30
"""Seconds after which a thread is taken to hang."""


def begin(work: Callable[..., Result], *arguments: Any) -> Future[Result]:
    """Do something in a thread of its own, which nobody has to wait for."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work(*arguments))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def together(works: Iterable[Callable[[], Result]]) -> list[Result]:
    """Do things in threads of their own, at the same time; raises what the first one raised."""
    return [begun.result(PATIENCE) for begun in [begin(work) for work in works]]
