"""A person brings a campaign on its way in a browser: from a list with bad rows to its report."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from obdtrack.campaigns import campaigns
from obdtrack.campaigns.control import CAMPAIGN, control
from obdtrack.domain.campaign import CampaignAction
from obdtrack.jobs import run_due
from tests.campaigns.running import RAVI
from tests.pages.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

sync_api = pytest.importorskip(
    "playwright.sync_api",
    reason="no playwright here: pip install -r requirements-dev.txt to test pages in a browser",
)
expect = sync_api.expect

RARELY, OFTEN = 16_000, 4_000
"""More milliseconds than pass between two looks at a campaign that stands still, or moves."""

GOOD = ["+918867130001,Asha", "+918867130002,Ravi", "+918867130003,Meena"]
BAD = ["9.18867E+11,Kiran", "88671,Latha", ",Mani", "+91886713000x,Nila", "+918867130008,"]
RIGHT = [f"+91886713000{n},N{n}" for n in range(4, 9)]


@pytest.fixture(autouse=True)
def _nothing_to_complain_about(site: Site) -> Iterator[None]:
    yield
    assert site.complaints == []


def a_list(folder: Path, name: str, rows: list[str]) -> Path:
    path = folder / name
    path.write_text("\n".join(["Phone,Name", *rows]) + "\n")
    return path


def upload(page: Page, path: Path) -> None:
    page.set_input_files("#file", path)
    page.click("button:has-text('Upload a list')")
    page.get_by_label("Phone", exact=True).wait_for()


def test_a_list_with_bad_rows_is_put_right_checked_called_paused_and_reported(
    site: Site, tmp_path: Path
) -> None:
    page = site.page
    page.goto(f"{site.url}/campaigns")
    page.click("a:has-text('New campaign')")
    page.fill("#f-name", "diwali")
    page.click("button:has-text('Create campaign')")
    expect(page.locator("main")).to_contain_text("exactly one of flow_id and audio")
    site.complaints.clear()  # the browser says that the form was refused
    page.fill("#f-flow_id", "23")
    page.fill("#f-per_minute", "600")
    page.click("button:has-text('Create campaign')")
    page.wait_for_url("**/campaigns/diwali")
    expect(page.locator(".plan")).to_contain_text("Nobody is called yet. Upload a list")

    upload(page, a_list(tmp_path, "first.csv", GOOD + BAD))
    names = page.get_by_label("Name", exact=True)
    expect(names).to_have_value("")  # not guessed: the campaign knows no such variable
    names.select_option(label="a variable of this name")
    page.click("button:has-text('Show again')")
    expect(page.locator("main")).to_contain_text("shortened by a spreadsheet")
    page.click("button:has-text('Import 8 rows')")
    expect(page.locator(".flash")).to_contain_text("8 rows: 3 to be called, 5 invalid")
    bad = page.locator(".bad-rows tbody tr")
    expect(bad).to_have_count(5)
    shortened = re.compile("shortened by a spreadsheet")
    expect(bad.first.locator("td")).to_have_text(["5", "Phone", "9.18867E+11", shortened])
    expect(bad.last.locator("td")).to_have_text(["9", "Name", "", "empty cell"])

    upload(page, a_list(tmp_path, "second.csv", RIGHT))
    page.get_by_label("Name", exact=True).select_option("variables.")
    page.click("button:has-text('Import 5 rows')")
    expect(page.locator(".flash")).to_contain_text("5 to be called, 0 invalid")

    page.click("button:has-text('Check')")
    expect(page.locator("main")).to_contain_text("The first requests as they will be sent")
    page.click("summary:has-text('Start')")
    expect(page.locator(".sure[open]")).to_contain_text("8 numbers will be called.")
    page.set_viewport_size({"width": 360, "height": 800})
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.click(".sure[open] button")
    expect(page.locator(".plan")).to_contain_text("It is calling.")
    run_due(CAMPAIGN, site.services)
    assert len(site.provider.sent) > 0
    with page.expect_navigation():
        page.click(".plan button:has-text('Pause')")
    run_due(CAMPAIGN, site.services)
    page.reload()
    expect(page.locator(".plan")).to_contain_text("Nobody is called until it is resumed.")
    page.click("summary:has-text('Resume')")
    page.click(".sure[open] button")
    expect(page.locator(".plan")).to_contain_text("It is calling.")
    with page.expect_download() as download:
        page.click("text=recipients (CSV)")
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["Result"] for row in rows).count("Invalid row") == 5
    assert len(rows) == 13


def test_a_campaign_is_followed_while_it_runs_and_stops(site: Site) -> None:
    site.plan_campaign("holi", "+918867131001\n+918867131002\n")
    site.take_clock()
    page, plan = site.page, site.page.locator(".plan")
    page.goto(f"{site.url}/campaigns/holi")
    expect(plan).to_contain_text("0 of 2 done, 2 to be called")
    order(site, "holi", CampaignAction.START)
    site.poll(RARELY)
    expect(plan).to_contain_text("It is calling.")
    order(site, "holi", CampaignAction.STOP)
    site.poll(OFTEN)
    expect(plan).to_contain_text("2 skipped")
    expect(plan.get_by_role("button", name="Pause")).to_have_count(0)


def test_a_campaign_is_started_and_paused_without_script(site: Site) -> None:
    site.plan_campaign("onam", "+918867132001\n+918867132002\n")
    with site.visit(java_script_enabled=False) as page:
        page.goto(f"{site.url}/campaigns/onam")
        plan = page.locator(".plan")
        page.click("summary:has-text('Start')")
        page.click(".sure[open] button")
        expect(plan).to_contain_text("It is calling.")
        page.click("button:has-text('Pause')")
        expect(plan.get_by_role("button", name="Pause")).to_have_count(0)
        run_due(CAMPAIGN, site.services)
        page.reload()
        expect(plan).to_contain_text("Nobody is called until it is resumed.")


def order(site: Site, name: str, action: CampaignAction) -> None:
    """Have somebody elsewhere start or stop a campaign, and it do what follows at once."""
    with site.services.store.connection_context():
        found = campaigns.find(name)
        assert found is not None
        control(found.id, action, RAVI, site.services)
    if action is CampaignAction.STOP:
        run_due(CAMPAIGN, site.services)
