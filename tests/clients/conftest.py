"""One database for the client's tests, and one served installation for whatever talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from obdtrack.store.database import Store
from tests.end_to_end.conftest import Installation


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """What is asked of the database has tests of its own, on both kinds."""
    return sqlite_store


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installed = Installation(tmp_path_factory.mktemp("installation"))
    installed.environ["OBDTRACK_DESTINATIONS_PRIVATE"] = "true"
    installed.prepare()
    installed.start_simulator("--ring-seconds", "0.3", "--slow-seconds", "1.2")
    installed.start_server()
    yield installed
    installed.stop()
