"""Campaigns with a plan on the pages: the form, the lists, what is shown to whom."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from obdtrack.campaigns import campaigns
from obdtrack.campaigns.campaigns import plan_json, plan_of
from obdtrack.campaigns.control import CAMPAIGN
from obdtrack.domain.campaign import CampaignPlan, Retries, StopIf
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.jobs import run_due
from obdtrack.services import Services
from obdtrack.web.api.campaign_schemas import EditCampaignSchema
from obdtrack.web.pages import campaign_lists
from obdtrack.web.pages.campaign_plans import as_form, read_form
from tests.campaigns.running import PLAN, RAVI, checked, started
from tests.factories import ScriptedProvider
from tests.pages.conftest import Visitor, text_of
from tests.pages.site import csrf_token

GIVEN = {
    "name": "diwali", "flow_id": "23", "per_minute": "60", "max_in_flight": "9",
    "numbers_per_request": "1", "interval": "0", "at_window_end": "stop",
}  # fmt: skip
FULL = CampaignPlan(
    bridge="+918068280000",
    audio="7",
    per_minute=120,
    max_in_flight=50,
    numbers_per_request=10,
    retries=Retries(("busy",), 2, 45),
    start_at=datetime(2026, 12, 1, 4, 30, tzinfo=UTC),
    end_at=datetime(2026, 12, 2, 4, 30, tzinfo=UTC),
    calling_window=(time(10), time(18, 30)),
    at_window_end="resume",
    budget=Decimal("1500.00"),
    stop_if=StopIf(40, 30, 10),
    call_type="service",
)


def upload(visitor: Visitor, file: bytes, name: str = "list.csv", **form: str) -> TestResponse:
    page = visitor.open("/campaigns/diwali").text
    (address,) = re.findall(r'action="(/campaigns/[^"]*/list)"', page)
    data = {"csrf_token": csrf_token(page), "file": (io.BytesIO(file), name), **form}
    return visitor.client.post(address, data=data, content_type="multipart/form-data")


@pytest.mark.parametrize("plan", [PLAN, FULL, replace(PLAN, interval=5)])
def test_the_form_gives_a_plan_back_as_it_is(app: Flask, plan: CampaignPlan) -> None:
    with app.test_request_context("/", headers={"Cookie": "obdtrack_mine=Asia%2FKolkata"}):
        read = read_form(as_form(plan_json(plan)))
    assert read.errors == {}
    assert replace(plan, **EditCampaignSchema().load(read.body)) == plan


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("per_minute", "many", "Must be a whole number."),
        ("per_minute", "0", "Must be 1 to 600,000."),
        ("flow_id", "", "Give exactly one of flow_id and audio."),
        ("budget", "1,5", "Must be an amount as text in plain digits"),
        ("opens", "10:00", "Must be two different times of day"),
        ("start_at", "soon", "Must be a day and a time."),
        ("retries.times", "x", "Must be a whole number."),
        ("bridge", "12", "with its country code"),
        ("variables", "no sign", "Write one per line, like otp=123456."),
        ("name", "", "Missing data for required field."),
    ],
)
def test_what_is_wrong_with_a_plan_stands_beside_its_field(
    visitor: Visitor, field: str, text: str, sentence: str
) -> None:
    response = visitor.send("/campaigns/new", on="/campaigns/new", **{**GIVEN, field: text})
    assert response.status_code == 422
    assert sentence in text_of(response.text)
    assert visitor.open("/campaigns/diwali").status_code == 404


def test_a_plan_is_changed_by_its_form(visitor: Visitor, services: Services) -> None:
    campaign_id = campaigns.create("diwali", replace(FULL, variables={"a": "1"}), RAVI, services)
    page = visitor.open(f"/campaigns/{campaign_id}/edit").text
    assert 'value="1500.00"' in page
    assert "Kept if left empty: a" in page
    visitor.send(f"/campaigns/{campaign_id}/edit", **{**GIVEN, "name": "holi", "budget": "9.5"})
    campaign = campaigns.find("holi")
    assert campaign
    plan = plan_of(campaign, services.encryption)
    assert (plan.flow_id, plan.audio, plan.budget) == ("23", None, Decimal("9.5"))
    assert (plan.variables, plan.retries, plan.stop_if) == ({"a": "1"}, None, None)


def test_a_list_says_what_is_wrong_with_it_and_goes_no_further(
    visitor: Visitor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns.create("diwali", PLAN, RAVI, services)
    monkeypatch.setattr(campaign_lists, "MOST_UPLOADED", 40)
    good = b"Phone\n+918867130001\n"
    broken = b64encode(b"not packed").decode()
    for content, name, form, sentence in (
        (b"", "list.csv", {}, "Choose a file that is not empty."),
        (good, "list.pdf", {}, "Choose a file that ends in .csv"),
        (good * 3, "list.csv", {}, "The list is larger than"),
        (b"", "", {"kind": "text/csv", "content": broken}, "Choose a file that is not empty."),
    ):
        assert upload(visitor, content, name, **form).status_code == 303
        assert sentence in visitor.read("/campaigns/diwali")
    twice = {"columns": "2", "column-0": "A", "field-0": "to", "column-1": "B", "field-1": "to"}
    refused = upload(visitor, b"A,B\n1,+918867130001\n", do="import", **twice)
    assert refused.status_code == 422
    assert "Two columns are chosen for to" in text_of(refused.text)
    assert refused.text.count("<select") == 4


def test_who_may_only_read_sees_no_button_and_no_digits(
    visitor: Visitor, guest: Visitor, services: Services
) -> None:
    campaigns.create("diwali", PLAN, RAVI, services)
    choice = {"columns": "1", "column-0": "Phone", "field-0": "to", "do": "import"}
    upload(visitor, b"Phone\n+918867130001\n88671\n", **choice)
    assert "88671" in visitor.read("/campaigns/diwali")
    page = guest.open("/campaigns/diwali").text
    assert "too short" in page
    assert "88671" not in page
    assert not re.findall(r'action="/campaigns/', page)
    assert "New campaign" not in guest.read("/campaigns")


def test_a_campaign_that_halted_says_why_and_shows_the_failures(
    visitor: Visitor, services: Services, provider: ScriptedProvider
) -> None:
    provider.on_send = lambda _: SendResponse(Failure.INVALID_REQUEST, http_status=422)
    started(services, 9, stop_if=StopIf(50, 5, 2))
    for _ in range(3):
        run_due(CAMPAIGN, services)
        services.now.forward(seconds=1)  # type: ignore[attr-defined]  # the tests' clock
    page = visitor.open("/campaigns/diwali").text
    assert "It is paused: too many of the newest calls failed." in text_of(page)
    assert "The newest failures" in text_of(page)
    assert re.search(r'<li>\s*<a href="/calls/', page)


def test_one_list_holds_campaigns_with_and_without_a_plan_or_calls(
    visitor: Visitor, services: Services
) -> None:
    checked(services, 3, name="not called yet")
    visitor.send("/place", on="/place", to="+918867135001", flow_id="23", name="otp", once="1")
    shown = visitor.read("/campaigns")
    assert re.search(r"not called yet Checked 0 % 0 .* otp 1 |otp 1 .*not called yet", shown)


def test_what_is_not_allowed_now_is_refused_with_a_sentence(
    visitor: Visitor, services: Services
) -> None:
    campaign_id = campaigns.create("diwali", PLAN, RAVI, services)
    assert visitor.send(f"/campaigns/{campaign_id}/start").status_code == 303
    assert "This campaign is draft: start is not allowed" in visitor.read("/campaigns/diwali")
