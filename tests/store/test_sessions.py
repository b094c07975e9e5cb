"""Sessions on PostgreSQL keep the promises however server, role and address are set up."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest

from obdtrack.calls.placing import place
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.reports import receive
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import models, sessions
from obdtrack.store.connections import asking, connected
from obdtrack.store.database import Store, open_database
from obdtrack.store.database_errors import repeated
from obdtrack.store.patience import OPEN_SECONDS, PROBE_SECONDS, Circuit
from tests.conftest import emptied
from tests.end_to_end.conftest import until
from tests.factories import NOON, PROVIDER, call_request, raw_delivery
from tests.store import stored

AS_SOMEBODY_SET_IT_UP = {
    "default_transaction_isolation": "serializable",
    "synchronous_commit": "off",
    "idle_session_timeout": "1000",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
PROMISED = {
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    "idle_session_timeout": "0",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "1500ms",
    "statement_timeout": "1min",
    "client_connection_check_interval": "1s",
}
STRICTER = {
    "synchronous_commit": "remote_apply",
    "lock_timeout": "700ms",
    "idle_in_transaction_session_timeout": "1s",
    "statement_timeout": "9s",
}


def with_options(url: str, settings: dict[str, str]) -> str:
    """The address with these settings, as somebody may have given them to role or database."""
    chosen = "%20".join(
        f"-c%20{name}%3D{value}".replace(" ", "%5C%20") for name, value in settings.items()
    )
    return f"{url}{'&' if '?' in url else '?'}options={chosen}"


def shown(store: Store, names: Any) -> dict[str, str]:
    with store.connection_context():
        return {name: store.execute_sql(f"SHOW {name}").fetchone()[0] for name in names}


@pytest.mark.parametrize(
    ("chosen", "expected"), [(AS_SOMEBODY_SET_IT_UP, PROMISED), (STRICTER, STRICTER)]
)
def test_a_serving_session_has_what_the_promises_need_and_keeps_what_is_stricter(
    postgres_url: str, chosen: dict[str, str], expected: dict[str, str]
) -> None:
    store = open_database(with_options(postgres_url, chosen), serving=True)
    assert shown(store, expected) == expected
    store.close_all()


def test_a_command_may_take_long_but_lets_go_of_its_locks_when_it_is_stopped(
    postgres_url: str,
) -> None:
    store = open_database(with_options(postgres_url, AS_SOMEBODY_SET_IT_UP))
    limits = {"idle_in_transaction_session_timeout": "1min", "statement_timeout": "0"}
    assert shown(store, limits) == limits
    assert shown(store, ["synchronous_commit"]) == {"synchronous_commit": "on"}
    store.close_all()


def test_connections_notice_a_dead_server_however_the_address_says_it(postgres_url: str) -> None:
    store = open_database(f"{postgres_url}&connect_timeout=60&tcp_user_timeout=500", serving=True)
    with store.connection_context():
        parameters = store.connection().info.get_parameters()
        assert (parameters["connect_timeout"], parameters["tcp_user_timeout"]) == ("2", "500")
        assert parameters["keepalives_idle"] == "5"
    store.close_all()


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    emptied(postgres_url).close_all()
    isolated = {"default_transaction_isolation": "repeatable read"}
    store = open_database(with_options(postgres_url, isolated))
    yield store
    store.close_all()


def waits(url: str) -> bool:
    with psycopg.connect(url) as looking:
        sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return looking.execute(sql).fetchone() is not None


def outcome_of_an_early_report(
    services: Services, monkeypatch: pytest.MonkeyPatch, url: str
) -> str:
    """The report is being stored when the response to the request begins to be."""
    names_are_locked, process = threading.Event(), receive.process

    def process_slowly(*batch: Any) -> Any:
        found = process(*batch)
        names_are_locked.set()
        until(partial(waits, url))
        return found

    def respond(*_: Any) -> Any:
        names_are_locked.wait(20)
        return services.provider.on_send(call_request())  # type: ignore[attr-defined]

    monkeypatch.setattr(receive, "process", process_slowly)
    monkeypatch.setattr(place, "_send_by", respond)
    early = InboundRequest(new_id(), NOON, raw_delivery(), PROVIDER)
    stored.together(
        services.store,
        [
            partial(receive_deliveries, [early], services),
            partial(place_call, call_request(), None, services),
        ],
    )
    return str(models.Delivery.get().outcome)


def test_an_early_report_is_joined_also_where_repeatable_read_is_the_default(
    services: Services, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    assert outcome_of_an_early_report(services, monkeypatch, postgres_url) == "matched"


def test_leaving_the_isolation_as_it_is_set_would_be_noticed(
    services: Services, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setattr(sessions, "_SET", "SELECT %s, %s, %s")
    assert outcome_of_an_early_report(services, monkeypatch, postgres_url) == "unmatched"


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(postgres_url: str) -> None:
    store = open_database(postgres_url, serving=True)
    sql = "SELECT pg_backend_pid()"
    with store.connection_context():
        (first,) = store.execute_sql(sql).fetchone()
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (first,))
    with store.connection_context():
        assert store.execute_sql(sql).fetchone() != (first,)
    store.close_all()


def test_who_stands_still_in_a_transaction_loses_it_and_begins_anew(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SERVING", sessions.SERVING._replace(idle=0.1))
    store = open_database(postgres_url, serving=True)
    tries: list[int] = []

    @repeated
    def write() -> None:
        with store.write():
            tries.append(len(tries))
            models.Counter.insert(name=f"try-{len(tries)}", value=0).execute()
            if len(tries) == 1:
                select.select([store.connection()], [], [], 20)  # the server says why
            models.Counter.select().count()

    with connected(store), asking(store):
        models.Counter.delete().execute()
        write()
        assert [row.name for row in models.Counter.select()] == ["try-2"]
    store.close_all()


def test_of_a_silent_database_one_asks_now_and_then_and_the_others_are_refused() -> None:
    now = [0.0]
    circuit = Circuit(lambda: now[0])
    circuit.check()
    threading.Thread(target=circuit.trip).start()
    until(lambda: circuit.open)
    with pytest.raises(Exception, match="a moment ago"):
        circuit.check()
    now[0] += OPEN_SECONDS
    circuit.check()  # this one asks
    with pytest.raises(Exception, match="a moment ago"):
        circuit.check()
    circuit.reset()
    circuit.check()


def test_who_has_waited_for_a_silent_database_is_not_the_one_who_asks_again() -> None:
    now = [0.0]
    circuit = Circuit(lambda: now[0])
    circuit.trip()
    now[0] += OPEN_SECONDS
    with pytest.raises(Exception, match="a moment ago"):
        circuit.check()
    now[0] += PROBE_SECONDS
    circuit.check()


def test_who_waited_for_the_figures_of_a_database_that_went_silent_does_not_wait_again(
    postgres_url: str,
) -> None:
    store = open_database(postgres_url, serving=True)

    def count_when_it_is_silent() -> None:
        with store.write(), asking(store):
            models.Counter.insert(name="one", value=1).execute()
            store._adapter.circuit.trip()
            store.take_hot_rows()

    with pytest.raises(ObdtrackError):
        count_when_it_is_silent()
    store._adapter.circuit.reset()
    with store.write(), asking(store):
        assert not models.Counter.select().where(models.Counter.name == "one").exists()
        store.take_hot_rows()
    store.close_all()
