"""Migrating, broken on purpose: the checks of it must fail with these, or they prove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from obdtrack.store import migrate
from obdtrack.store.database import Store


@contextmanager
def sound() -> Iterator[None]:
    """Break nothing."""
    yield


def unprotected() -> AbstractContextManager[Any]:
    """Migrate without keeping others out, and not in one transaction."""

    @contextmanager
    def alone(store: Store) -> Iterator[None]:
        with store.connection_context():
            yield

    return patch.object(migrate, "_alone", alone)
