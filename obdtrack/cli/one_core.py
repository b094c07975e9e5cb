"""Keeps the threads that run Python on one core, and from waking each other too soon."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def on_one_core(app: WSGIApplication) -> WSGIApplication:
    """Return the application so that each thread that serves it settles first; Linux only.

    Python runs one of its threads at a time. On one core they hand over without waking another
    core, while the server's own threads, which read and write the sockets, use the rest. As
    batch work a thread that is woken does not push aside the one that woke it, and which still
    holds what it needs. `python -m bench ingest` shows both in the rate of reports.
    """
    here = threading.local()

    def settled(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not hasattr(here, "settled"):
            here.settled = True
            _settle(core)
        return app(environ, start_response)

    core = _core()
    return settled if core else app


def start_on_one_core(start: Callable[[], object]) -> None:
    """Do what starts threads, so that they settle there too: they inherit it from the starter."""

    def run() -> None:
        _settle(core)
        start()

    core = _core()
    starter = threading.Thread(target=run)
    starter.start()
    starter.join()


def _core() -> set[int]:
    """Return the core to settle on, none where nobody can."""
    return {max(os.sched_getaffinity(0))} if hasattr(os, "sched_setaffinity") else set()


def _settle(core: set[int]) -> None:
    with suppress(OSError):  # a sandbox may forbid it: then it is only slower
        if core:
            os.sched_setaffinity(0, core)
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
