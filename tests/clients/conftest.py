"""What is asked of the database has tests of its own, on both kinds."""

from __future__ import annotations

import pytest

from obdtrack.store.database import Store


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store
