"""With a replica to read: shown from there, decided and written in the main database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from obdtrack.access.keys import create_key
from obdtrack.calls import opt_outs, queries
from obdtrack.domain.phone import dialable
from obdtrack.errors import ConfigError
from obdtrack.operations.doctor.machine import check_read_replica
from obdtrack.operations.doctor.result import CheckedInstallation
from obdtrack.services import Services
from obdtrack.settings import load_settings, require_for_serving
from obdtrack.store.connections import asking
from obdtrack.store.database import Store, bind_tables, open_database, open_replica
from obdtrack.store.encryption import Encryption
from obdtrack.store.migrate import migrate
from tests import applications, factories
from tests.conftest import Caller, emptied
from tests.factories import NUMBER, Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor
from tests.pages.site import SCOPES

CAMPAIGN = "only-in-the-replica"


@pytest.fixture(scope="session")
def replica_url(postgres_url: str) -> str:
    """A second database, which nothing feeds but these tests."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE read_replica")
    url = re.sub(r"/postgres(?=$|\?)", "/read_replica", postgres_url)
    assert url != postgres_url
    store = open_database(url)
    migrate(store)
    store.close_all()
    return url


@pytest.fixture
def store(postgres_store: Store) -> Store:
    return postgres_store


@pytest.fixture
def fed(
    replica_url: str, store: Store, provider: ScriptedProvider, clock: Clock
) -> Iterator[Caller]:
    """Whoever filled the replica: with a call of a campaign, its report and an opt-out."""
    replica = emptied(replica_url)
    settings = factories.settings()
    made = Services(settings, replica, provider, Encryption(settings.secret_key), clock)
    app = applications.make_app(made, documented=False)
    caller = Caller(app.test_client(), create_key("feeds the replica", SCOPES, made))
    caller.call = caller.place(name=CAMPAIGN, reference="order-7").json
    caller.report(id=caller.call["provider_id"])
    caller.delivery = caller.only_delivery()
    app.quarantine.close()
    replica.close_all()
    bind_tables(store)
    return caller


@pytest.fixture
def services(services: Services, replica_url: str, fed: Caller) -> Iterator[Services]:
    replica = open_replica(replica_url)
    yield replace(services, read_store=replica)
    replica.close_all()


@pytest.fixture
def visitor(app: Flask, services: Services) -> Visitor:
    return Visitor(app, create_key("Asha", SCOPES, services))


@pytest.fixture
def caller(app: Flask, services: Services) -> Caller:
    return Caller(app.test_client(), create_key("tests", SCOPES, services))


PAGES = {
    "/?period=any": "/calls/{call}",
    "/calls/{call}": "order-7",
    "/calls.csv?period=any": "{call}",
    "/deliveries": "/deliveries/{delivery}",
    "/deliveries/{delivery}": "/calls/{call}",
    "/campaigns": CAMPAIGN,
    f"/campaigns/{CAMPAIGN}": "/calls/{call}",
    "/audit": "feeds the replica",
}


@pytest.mark.parametrize("path", PAGES)
def test_pages_and_csv_show_what_the_replica_holds(
    visitor: Visitor, fed: Caller, path: str
) -> None:
    ids = {"call": fed.call["id"], "delivery": fed.delivery["id"]}
    page = visitor.open(path.format(**ids))
    assert page.status_code == 200
    assert PAGES[path].format(**ids) in page.text


def test_look_ups_show_what_the_replica_holds(caller: Caller, fed: Caller) -> None:
    call, delivery = fed.call["id"], fed.delivery["id"]
    assert [found["id"] for found in caller.get("/calls").json["data"]] == [call]
    assert caller.get(f"/calls/{call}").json["status"] == "completed"
    assert caller.get(f"/calls/{fed.call['provider_id']}").json["id"] == call
    assert len(caller.get(f"/calls/{call}/events").json["data"]) == 3
    assert [found["id"] for found in caller.get("/deliveries").json["data"]] == [delivery]
    assert caller.get(f"/deliveries/{delivery}").json["outcome"] == "matched"


def test_a_call_is_found_before_the_replica_has_it(
    caller: Caller, visitor: Visitor, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted("5f0c1f7a-0000-4000-8000-000000000001")
    call = caller.place(name="new").json
    assert caller.get(f"/calls/{call['id']}").json == call
    assert len(caller.get(f"/calls/{call['id']}/events").json["data"]) == 2
    assert visitor.open(f"/calls/{call['id']}").status_code == 200
    assert visitor.open("/campaigns/new").status_code == 200
    assert call["id"] not in caller.get("/calls").text


def test_who_has_changed_something_reads_it_where_it_was_written(
    visitor: Visitor, fed: Caller, clock: Clock
) -> None:
    assert fed.call["id"] in visitor.open("/?period=any").text
    form = {"to": NUMBER, "flow_id": "23", "interval": "0", "once": "form-1"}
    visitor.send("/place", on="/place", reference="order-8", **form)
    assert "order-8" in visitor.open("/?period=any").text
    clock.forward(seconds=31)
    page = visitor.open("/?period=any").text
    assert fed.call["id"] in page
    assert "order-8" not in page


def test_a_request_leaves_nothing_behind_that_asks_the_replica(
    caller: Caller, fed: Caller, services: Services
) -> None:
    caller.get(f"/calls/{fed.call['id']}")
    assert queries.find(fed.call["id"]) is None


def test_a_transaction_asks_the_store_that_it_writes(services: Services, fed: Caller) -> None:
    with asking(services.read_store):
        assert queries.find(fed.call["id"])
        with services.store.write():
            assert queries.find(fed.call["id"]) is None
        assert queries.find(fed.call["id"])


def test_a_change_is_decided_and_shown_where_it_is_written(
    caller: Caller, fed: Caller, services: Services
) -> None:
    assert caller.post(f"/calls/{fed.call['id']}/refresh").status_code == 404
    assert caller.post(f"/deliveries/{fed.delivery['id']}/replay").status_code == 404


def test_whether_to_call_is_never_asked_of_the_replica(
    caller: Caller, fed: Caller, replica_url: str, services: Services, store: Store
) -> None:
    number = dialable(NUMBER)
    with psycopg.connect(replica_url) as replica:
        replica.execute("INSERT INTO opt_outs (number, recorded_at) VALUES (%s, 0)", (number,))
    assert caller.get("/calls").json["data"][0]["opted_out_at"]
    key = {"Idempotency-Key": "order-7"}
    first = caller.post("/calls", {"to": NUMBER, "flow_id": "23"}, **key)
    assert first.status_code == 201
    assert caller.post("/calls", {"to": NUMBER, "flow_id": "23"}, **key).json == first.json
    with store.write():
        opt_outs.note(number, None, services.now(), None, services)
    assert caller.place().status_code == 409


def test_the_replica_takes_no_writing(services: Services) -> None:
    with pytest.raises(Exception, match="read-only"), services.read_store.connection_context():
        services.read_store.execute_sql("DELETE FROM calls")


def test_a_replica_that_is_gone_stops_pages_and_nothing_else(
    services: Services, fed: Caller
) -> None:
    gone = replace(services, read_store=open_replica("postgresql://127.0.0.1:1/gone"))
    app = applications.make_app(gone, documented=False)
    caller = Caller(app.test_client(), create_key("tests", SCOPES, gone))
    placed = caller.place()
    assert placed.status_code == 201
    assert caller.report(id=placed.json["provider_id"]).status_code == 200
    assert app.test_client().get("/readyz").status_code == 200
    assert caller.get(f"/calls/{placed.json['id']}").status_code == 503
    app.quarantine.close()


def looked_at(services: Services) -> tuple[str, str]:
    found = check_read_replica(CheckedInstallation(services.settings, services))
    return found.level, found.text


def test_doctor_tells_that_the_replica_is_behind(
    services: Services, caller: Caller, clock: Clock
) -> None:
    assert looked_at(services) == ("ok", "can be read and is not behind")
    assert looked_at(replace(services, read_store=None)) == ("ok", "not in use")
    clock.forward(seconds=61)
    caller.place()
    level, text = looked_at(services)
    assert (level, text.partition(":")[0]) == ("warning", "is behind")
    gone = replace(services, read_store=open_replica("postgresql://127.0.0.1:1/gone"))
    assert looked_at(gone)[0] == "problem"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///replica.db", "must be postgresql://"),
        ("mysql://localhost/x", "must be postgresql://"),
    ],
)
def test_a_replica_is_a_postgresql_database(
    monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setenv("OBDTRACK_READ_DATABASE_URL", url)
    with pytest.raises(ConfigError, match=sentence):
        load_settings()


def test_sqlite_has_no_replicas(tmp_path: Path) -> None:
    settings = factories.settings(
        database_url=f"sqlite:///{tmp_path}/obdtrack.db", read_database_url="postgresql://x/y"
    )
    with pytest.raises(ConfigError, match="READ_DATABASE_URL is set, but SQLite has no replicas"):
        require_for_serving(settings)
