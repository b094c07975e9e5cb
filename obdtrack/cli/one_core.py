"""Keeps the threads that run Python on one core, and from waking each other too soon."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def on_one_core(app: WSGIApplication) -> WSGIApplication:
    """Return the application so that each thread that serves it settles first; Linux only.

    Python runs one of its threads at a time. On one core they hand over without waking another
    core, while the server's own threads, which read and write the sockets, use the rest. As
    batch work a thread that is woken does not push aside the one that woke it, and which still
    holds what it needs. `python -m bench ingest` shows both in the rate of reports.
    """
    if not hasattr(os, "sched_setaffinity"):
        return app
    core = {max(os.sched_getaffinity(0))}
    here = threading.local()

    def settled(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not hasattr(here, "settled"):
            here.settled = True
            with suppress(OSError):  # a sandbox may forbid it: then it is only slower
                # Threads that this one starts, like the writer, inherit both.
                os.sched_setaffinity(0, core)
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        return app(environ, start_response)

    return settled
