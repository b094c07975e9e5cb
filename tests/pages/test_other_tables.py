"""Tables of campaigns and of deliveries: the pages' words, the reader's clock, no formulas."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest

from obdtrack.services import Services
from tests.campaigns.running import listening, look_for_work, number, started
from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider, accepted
from tests.pages.conftest import Visitor

FAR = datetime(2026, 12, 1, tzinfo=UTC)


def as_csv(visitor: Visitor, path: str) -> list[dict[str, str]]:
    response = visitor.open(path)
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))


def as_workbook(visitor: Visitor, path: str) -> list[dict[str, object]]:
    heading, *lines = openpyxl.load_workbook(io.BytesIO(visitor.open(path).data)).active.values
    return [dict(zip(heading, line, strict=True)) for line in lines]


@pytest.fixture
def report(caller: Caller, provider: ScriptedProvider) -> None:
    """An answered call of a campaign with its report."""
    provider.on_send = accepted(mid=None)
    placed = caller.place(name="fees").json
    caller.report(mid=placed["provider_id"][:-2], charges="0.25")


def test_the_hours_of_a_campaign_are_a_table_of_numbers(visitor: Visitor, report: None) -> None:
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FKolkata")
    (line,) = as_workbook(visitor, "/campaign-hours.xlsx?name=fees&period=any")
    assert line == {
        "Hour (Asia/Kolkata)": "17:00–17:59", "Placed": 1, "Ended": 1, "Answered": 1,
        "Answered, percent of ended": 100, "Cost": 0.25,
    }  # fmt: skip
    assert as_csv(visitor, "/campaign-hours.csv?name=fees&period=any")[0]["Cost"] == "0.2500"
    assert visitor.open("/campaign-hours.csv?name=fees&period=never").status_code == 422


def test_deliveries_are_a_table_of_the_filter(
    visitor: Visitor, guest: Visitor, report: None
) -> None:
    (line,) = as_workbook(visitor, "/deliveries/table.xlsx?outcome=matched")
    assert isinstance(line["Received (UTC)"], datetime)
    assert (line["Outcome"], line["Call status"]) == ("Matched", "Answered")
    assert line["Number"] == NUMBER
    (line,) = as_csv(guest, "/deliveries/table.csv")
    assert line["Number"] == "'+9188•••••001"
    assert as_csv(visitor, "/deliveries/table.csv?outcome=failed") == []
    assert as_csv(visitor, "/deliveries/table.csv?to=2020-01-01") == []


def test_recipients_are_a_table_with_the_result_of_each(
    guest: Visitor, services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(mid=None)
    made = listening(services)
    called = started(made, [number(1)], name="sale")
    look_for_work(made)
    waiting = started(made, [number(2)], name="later", start_at=FAR)
    (line,) = as_workbook(guest, f"/campaigns/{called}/recipients.xlsx")
    assert (line["Result"], line["Calls"]) == ("Queued", 1)
    assert isinstance(line["Newest call (UTC)"], datetime)
    (line,) = as_csv(guest, f"/campaigns/{waiting}/recipients.csv")
    assert (line["Result"], line["Newest call (UTC)"]) == ("Still to be called", "")
    assert "•" in line["Number"]
