"""A campaign's progress, and the tables that add up to it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from obdtrack.campaigns.control import control
from obdtrack.domain.campaign import CampaignAction, Retries
from obdtrack.services import Services
from tests.campaigns.running import RAVI, checked, listening, number, pass_time, report
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted


@pytest.fixture
def run(services: Services, provider: ScriptedProvider, clock: Clock) -> None:
    """A campaign of six: one answered, one called twice, one failed, two wait, one is not sent."""
    provider.on_send = accepted(None)
    running = listening(services)
    rows = [{"name": "Ravi"}] * 6
    campaign_id = checked(running, 6, rows, per_minute=60, retries=Retries(("busy",), 1, 1))
    control(campaign_id, CampaignAction.START, RAVI, running)
    pass_time(running, clock, 4)
    for n, word in enumerate(("ANSWER", "BUSY", "CONGESTION")):
        report(running, number(n), word)
    clock.forward(minutes=1)
    provider.on_send = accepted(None, charges="0.2500")
    pass_time(running, clock, 0)
    control(campaign_id, CampaignAction.STOP, RAVI, running)
    pass_time(running, clock, 2)


def table(caller: Caller, **query: str) -> list[dict[str, str]]:
    response = caller.get("/campaigns/diwali/report.csv", **query)
    assert (response.status_code, response.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))


def cost(lines: list[dict[str, str]]) -> Decimal:
    return sum((Decimal(line["charges"]) for line in lines if line["charges"]), Decimal(0))


@pytest.mark.usefixtures("run")
def test_the_tables_of_a_report_equal_the_figures_to_the_digit(caller: Caller) -> None:
    shown: Any = caller.get("/campaigns/diwali").json
    progress, totals = shown["progress"], shown["totals"]
    by = {name: table(caller, by=name) for name in ("recipient", "attempt", "day")}
    for name, lines in by.items():
        assert cost(lines) == Decimal(progress["cost"]), name
    (day,) = by["day"]
    assert progress["calls"] == int(day["calls"]) == len(by["attempt"])
    statuses = Counter(line["status"] for line in by["attempt"])
    for status in ("completed", "busy", "failed", "queued", "rejected", "unknown"):
        assert int(day[status]) == totals[status] == statuses[status]
    assert len(by["recipient"]) == totals["sent"] + totals["skipped"] == 6
    skipped = Counter(line["reason"] for line in by["recipient"] if line["status"] == "skipped")
    assert progress["skipped"] == skipped
    assert progress["waiting"] == totals["queued"]
    assert progress["answered_percent"] == "33.3"
