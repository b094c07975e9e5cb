"""Databases that nobody has migrated yet, and writers without patience."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from obdtrack.store import connections
from obdtrack.store.database import Store, open_database


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """A database of its own on the server of this test run."""
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """The same test on an empty database of each kind."""
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


@pytest.fixture
def empty_store(empty_url: str) -> Iterator[Store]:
    store = open_database(empty_url)
    yield store
    store.close_all()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, each_store: Store) -> Iterator[Store]:
    """A store of each kind that waits a moment for its turn and no longer."""
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.1)
    url = each_store.database
    store = open_database(url if url.startswith("postgres") else f"sqlite:///{url}")
    yield store
    store.close_all()
