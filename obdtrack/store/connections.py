"""What SQLite and PostgreSQL share: a connection for a block, and how long a writer waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peewee import Database

from obdtrack.store.models import ASKED

BUSY_SECONDS = 2.0
"""How long a writer waits for its turn before it says so: providers wait three seconds for us."""


@contextmanager
def connected(store: Database) -> Iterator[None]:
    """Have a connection for the block; it goes back to the pool unless there was one before."""
    opened = store.connect(reuse_if_open=True)
    try:
        yield
    finally:
        if opened:
            store.close()


@contextmanager
def asking(store: Database | None) -> Iterator[None]:
    """Ask `store` in the block, in this thread; None: the one that the tables are bound to.

    A transaction of a store (`write`) is such a block, so that nothing is decided by a replica.
    """
    before = ASKED.get()
    ASKED.set(store)
    try:
        yield
    finally:
        ASKED.set(before)
