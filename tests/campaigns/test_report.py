"""A campaign's progress, and the tables that add up to it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from obdtrack.access import audit
from obdtrack.campaigns.control import control
from obdtrack.domain.campaign import CampaignAction, Retries
from obdtrack.services import Services
from tests.campaigns.running import RAVI, checked, listening, number, pass_time, report
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted


@pytest.fixture
def run(services: Services, provider: ScriptedProvider, clock: Clock) -> None:
    """A campaign of twelve: one answered, one called twice, one failed, some wait or are unsent."""
    provider.on_send = accepted(None)
    running = listening(services)
    rows = [{"name": "Ravi"}] * 12
    campaign_id = checked(running, 12, rows, per_minute=60, retries=Retries(("busy",), 1, 1))
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
    noted = {row.subject: row.detail for row in audit.newest(99) if row.action == "download-ended"}
    assert {name: noted[f"campaign-{name}"]["rows"] for name in by} == {
        name: len(lines) for name, lines in by.items()
    }
    (day,) = by["day"]
    assert progress["calls"] == int(day["calls"]) == len(by["attempt"])
    statuses = Counter(line["status"] for line in by["attempt"])
    for status in ("completed", "busy", "failed", "queued", "rejected", "unknown"):
        assert int(day[status]) == totals[status] == statuses[status]
    assert len(by["recipient"]) == totals["sent"] + totals["skipped"] == 12
    skipped = Counter(line["reason"] for line in by["recipient"] if line["status"] == "skipped")
    assert progress["skipped"] == skipped
    assert progress["waiting"] == totals["queued"]
    assert progress["answered_percent"] == "33.3"


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(("by", "status"), [("unsent", "skipped"), ("failed", "failed")])
def test_the_unsent_and_the_failed_are_a_file_that_can_be_imported(
    caller: Caller, by: str, status: str
) -> None:
    wanted = [line["to"] for line in table(caller, by="recipient") if line["status"] == status]
    assert wanted
    exported = caller.get("/campaigns/diwali/report.csv", by=by)
    caller.post("/campaigns", {"name": "again", "flow_id": "23"})
    body = {"data": exported.data, "content_type": "text/csv", "headers": caller.headers}
    imported = caller.client.post("/api/v1/campaigns/again/recipients", **body).json
    assert (imported["rows"], imported["ready"]) == (len(wanted), len(wanted)), imported
    again = caller.get("/campaigns/again/recipients").json["data"]
    assert sorted(row["to"] for row in again) == [number.strip("'") for number in wanted]
    kept = {tuple(line.values())[2:] for line in table(caller, by=by)}
    assert kept == ({("Ravi",)} if by == "unsent" else {()})  # of what was sent no value is kept


@pytest.mark.usefixtures("run")
def test_who_does_not_see_numbers_gets_tables_without_them(reader: Caller) -> None:
    for by in ("recipient", "attempt", "unsent", "failed"):
        lines = table(reader, by=by)
        assert lines
        assert all("••••" in line["to"] for line in lines), by


def test_days_are_those_of_the_zone_and_a_wrong_zone_is_named(
    run: None, caller: Caller, clock: Clock
) -> None:
    assert table(caller, by="day")[0]["day"] == "2026-11-23"
    assert table(caller, by="day", zone="Pacific/Kiritimati")[0]["day"] == "2026-11-24"
    refused = caller.get("/campaigns/diwali/report.csv", zone="Mars/Olympus")
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["zone"])


def test_a_change_that_is_not_allowed_names_those_that_are(caller: Caller) -> None:
    caller.post("/campaigns", {"name": "diwali", "flow_id": "23"})
    refused = caller.post("/campaigns/diwali/resume")
    assert refused.status_code == 409
    assert "edit, check, stop" in refused.json["detail"]
    stopped = caller.post("/campaigns/diwali/stop", {"why": "a wrong flow"})
    assert (stopped.status_code, stopped.json["state"]) == (200, "stopped")
    assert stopped.json["allowed"] == []
    assert "a wrong flow" in {entry.detail.get("why") for entry in audit.newest(5)}
    assert caller.post("/campaigns/diwali/stop", {"reason": "x"}).status_code == 422
    assert caller.post("/campaigns/nobody/stop").status_code == 404


def test_only_who_may_place_calls_may_start_a_campaign(reader: Caller) -> None:
    assert reader.post("/campaigns/diwali/start").status_code == 403
