"""Four servers on one PostgreSQL behind a balancer, one of them killed again and again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from obdtrack.calls.placing.place import place_call
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database import Store
from tests.end_to_end.balancer import Balancer
from tests.end_to_end.conftest import Installation, responses, until
from tests.factories import ScriptedProvider, accepted, call_request, report_body
from tests.torture import forks

SERVERS = 4
KILLS = 4
CALLS = 300
POSTERS = 6


@pytest.fixture
def store(postgres_store: Store) -> Store:
    return postgres_store


class Server(Installation):
    """One of the processes that serve the same database."""

    def serve(self) -> None:
        self.process = forks.start(["serve"], self.environ)
        until(lambda: responses(f"{self.url}/livez"))


@pytest.fixture
def expected(services: Services, provider: ScriptedProvider) -> list[str]:
    """Submission ids of calls whose reports are about to come.

    No server runs yet: by its clock, what is being placed by the test's would be long overdue, and
    it would decide that it was never sent.
    """
    mids = [f"m{number}" for number in range(CALLS)]
    for mid in mids:
        provider.on_send = accepted(mid)
        place_call(call_request(), None, services)
    return mids


@pytest.fixture
def servers(postgres_url: str, expected: list[str], tmp_path: Path) -> Iterator[list[Server]]:
    """Four processes as on four machines: they share nothing but the database."""
    installed = [Server(tmp_path, postgres_url) for _ in range(SERVERS)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Server.serve, installed))
    yield installed
    for one in installed:
        one.process.kill()


def test_no_acknowledged_report_is_lost_while_servers_die(
    servers: list[Server], expected: list[str]
) -> None:
    balancer = Balancer([server.port for server in servers])
    acknowledged: set[str] = set()
    stop = threading.Event()
    posters = [
        threading.Thread(
            target=post, args=(balancer.port, expected[n::POSTERS], acknowledged, stop)
        )
        for n in range(POSTERS)
    ]
    for poster in posters:
        poster.start()
    for number in range(KILLS):
        time.sleep(0.7)
        servers[number % SERVERS].process.kill()
        servers[number % SERVERS].serve()
    stop.set()
    for poster in posters:
        poster.join()
    balancer.close()
    assert len(acknowledged) == len(expected)
    assert_each_is_one_event(acknowledged)


def post(port: int, mids: list[str], acknowledged: set[str], stop: threading.Event) -> None:
    """Post each report until it is acknowledged, and then again and again until told to stop."""
    headers = {"Authorization": "Bearer a-secret-long-enough", "Connection": "close"}
    left = list(mids)
    while left or not stop.is_set():
        mid = left[0] if left else mids[0]
        try:
            body = json.dumps(report_body(mid=mid))
            url = f"http://127.0.0.1:{port}/webhooks/mobtexting"
            response = requests.post(url, data=body, headers=headers, timeout=10)
        except requests.RequestException:
            continue  # the server died; the provider would post again
        if response.status_code == 200:
            acknowledged.add(mid)
            left = left[1:]


def assert_each_is_one_event(mids: set[str]) -> None:
    events = models.EventRow.select(models.Call.mid).join(models.Call)
    reported = [row.call.mid for row in events.where(models.EventRow.kind == "report")]
    assert sorted(reported) == sorted(mids)
    statuses = {call.status for call in models.Call.select().where(models.Call.mid.in_(list(mids)))}
    assert statuses == {"completed"}
