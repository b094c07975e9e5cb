"""Keeps the threads that run Python on one core, and from waking each other too soon."""

from __future__ import annotations

import os
from contextlib import suppress


def settle() -> None:
    """Have this thread stay on one core from now on, as those that it starts; Linux only.

    Python runs one of its threads at a time. On one core they hand over without waking another
    core, while the server's own threads, which read and write the sockets, use the rest. As
    batch work a thread that is woken does not push aside the one that woke it, and which still
    holds what it needs. `python -m bench ingest` shows both in the rate of reports.
    """
    if hasattr(os, "sched_setaffinity"):
        with suppress(OSError):  # a sandbox may forbid it: then it is only slower
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
