"""Reports do not stand in the line of those who place calls (SQLite: elsewhere there is none)."""

from __future__ import annotations

import time

import pytest

from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.services import Services, new_id
from obdtrack.store.database import Store
from tests.factories import PROVIDER, raw_delivery
from tests.store import background


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


def test_a_report_waits_for_no_line(services: Services) -> None:
    written: list[str] = []

    def place() -> None:
        with services.store.write():
            written.append("call")
            time.sleep(0.02)

    def report() -> None:
        receive_deliveries(
            [InboundRequest(new_id(), services.now(), raw_delivery(), PROVIDER)], services
        )
        written.append("report")

    with services.store.write():
        line = [background.begin(place) for _ in range(20)]
    for begun in (background.begin(report), *line):
        begun.result(background.PATIENCE)
    assert "report" in written[:10]
