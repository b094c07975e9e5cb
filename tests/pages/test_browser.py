"""What only a browser shows: the ways people go, live pages, double clicks."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from obdtrack.domain.submission import Failure, SendResponse
from tests.factories import report_body
from tests.pages.site import Site

sync_api = pytest.importorskip(
    "playwright.sync_api",
    reason="no playwright here: pip install -r requirements-dev.txt to test pages in a browser",
)
expect = sync_api.expect

UNKNOWN = SendResponse(Failure.PROVIDER_ERROR, http_status=500, body=b"<b>oops</b>")
MINUTE = 60_000


@pytest.fixture(autouse=True)
def _nothing_to_complain_about(site: Site) -> Iterator[None]:
    yield
    assert site.complaints == []


def test_a_person_comes_in_and_goes_out(site: Site) -> None:
    site.page.context.clear_cookies()
    site.page.goto(f"{site.url}/campaigns")
    site.page.fill("#key", site.key)
    site.page.click("main button")
    site.page.wait_for_url(f"{site.url}/campaigns")
    site.page.click(".person > summary")
    site.page.click(".person button")
    site.page.wait_for_url(f"{site.url}/sign-in")
    site.page.goto(site.url)
    assert site.page.url.startswith(f"{site.url}/sign-in")


def test_the_search_box_leads_from_everything_to_the_call(site: Site) -> None:
    number = "+918867139876"
    call = site.place(to=number, reference="order-9876-b")
    known = ("88671 39876", "9876", call["id"], call["provider_id"], "order-9876-b")
    for typed in known:
        site.page.goto(f"{site.url}/audit")
        site.page.keyboard.press("/")
        site.page.keyboard.type(typed)
        site.page.keyboard.press("Enter")
        site.page.wait_for_url(f"**/calls/{call['id']}")


def test_the_search_box_leads_to_a_campaign(site: Site) -> None:
    site.place(name="autumn")
    site.page.goto(site.url)
    site.page.fill("#q", "autumn")
    site.page.keyboard.press("Enter")
    site.page.wait_for_url("**/campaigns/autumn")


def test_a_call_is_followed_without_reloading(site: Site) -> None:
    call = site.place()
    site.take_clock()
    site.page.goto(f"{site.url}/calls/{call['id']}")
    expect(site.page.locator(".head-row")).to_contain_text("Queued")
    site.page.evaluate("window.stayed = true")
    site.report(call)
    site.page.clock.run_for(3000)
    expect(site.page.locator(".head-row")).to_contain_text("Answered")
    expect(site.page.locator(".sentence")).to_contain_text("16 s later")
    assert site.page.evaluate("window.stayed")


def test_the_list_is_followed_and_does_not_jump(site: Site) -> None:
    for count in range(30):
        site.place(reference=f"r-{count}")
    site.take_clock()
    site.page.goto(site.url)
    site.page.evaluate("scrollTo(0, 700)")
    there = site.page.locator("tbody tr").nth(20).bounding_box()
    site.place(reference="newest")
    site.page.clock.run_for(3000)
    expect(site.page.locator("[data-live-new] button")).to_have_text("1 new")
    assert site.page.locator("tbody tr").nth(20).bounding_box() == there
    site.page.evaluate("scrollTo(0, 0)")
    site.page.clock.run_for(3000)
    expect(site.page.locator("tbody tr").first).to_contain_text("newest")


def test_a_page_that_says_the_same_is_asked_for_by_its_mark(site: Site) -> None:
    site.place()
    site.take_clock()
    responses: list[int] = []
    site.page.goto(f"{site.url}/campaigns")
    site.page.on("response", lambda response: responses.append(response.status))
    for _ in range(3):
        site.poll(MINUTE)
    assert responses[0] == 200
    assert 304 in responses[1:]


def test_a_hidden_tab_asks_nothing_and_a_seen_one_asks_again(site: Site) -> None:
    site.place()
    site.take_clock()
    site.page.goto(site.url)
    asked: list[str] = []
    site.page.on("request", lambda r: asked.append(r.url) if r.resource_type == "fetch" else None)
    show(site, hidden=True)
    site.page.clock.run_for(10 * MINUTE)
    assert asked == []
    with site.page.expect_request(f"{site.url}/"):
        show(site, hidden=False)


def show(site: Site, *, hidden: bool) -> None:
    site.page.evaluate(
        "value => { Object.defineProperty(document, 'hidden', {value, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange')) }",
        hidden,
    )


def test_a_double_click_dials_once(site: Site) -> None:
    site.page.goto(f"{site.url}/place")
    site.page.fill("#f-to", "+918867135002")
    site.page.fill("#f-flow_id", "23")
    site.page.dblclick("button:has-text('Place call')")
    site.page.wait_for_url("**/calls/*")
    site.page.go_back()
    assert len(site.provider.sent) == 1


def test_an_unknown_call_is_decided(site: Site) -> None:
    site.provider.on_send = lambda _: UNKNOWN
    call = site.place()
    site.page.goto(f"{site.url}/calls/{call['id']}")
    site.page.check("text=No phone rang")
    site.page.fill("#note", "asked them")
    site.page.click("button:has-text('Save decision')")
    expect(site.page.locator(".head-row")).to_contain_text("Rejected")
    expect(site.page.locator(".events")).to_contain_text("asked them")


def test_a_delivery_is_read_again(site: Site) -> None:
    site.deliver(json=report_body(mid="nobody's"))
    site.page.goto(f"{site.url}/deliveries?outcome=unmatched")
    site.page.locator(".row-link").first.click()
    expect(site.page.locator(".head-row")).to_contain_text("Unmatched")
    site.page.click("text=Reprocess")
    expect(site.page.locator(".flash")).to_have_text("Reprocessed: it is still unmatched.")


def test_a_test_report_is_sent_and_followed(site: Site) -> None:
    site.page.goto(f"{site.url}/deliveries")
    site.page.click("text=Send a test report")
    expect(site.page.locator(".flash")).to_contain_text("is on its call")


def test_the_filtered_calls_are_downloaded_as_a_table(site: Site, tmp_path: Path) -> None:
    site.place(name="table", reference="=1+1")
    site.place(name="other")
    site.page.goto(f"{site.url}/?name=table")
    with site.page.expect_download() as started:
        site.page.click("text=Download CSV")
    started.value.save_as(tmp_path / "calls.csv")
    rows = list(csv.DictReader((tmp_path / "calls.csv").open(encoding="utf-8-sig")))
    assert [row["Reference"] for row in rows] == ["'=1+1"]


def test_everything_on_a_call_is_reached_by_the_keyboard(site: Site) -> None:
    call = site.place()
    site.page.goto(f"{site.url}/calls/{call['id']}")
    reached: set[str] = set()
    for _ in range(40):
        site.page.keyboard.press("Tab")
        reached.add(site.page.evaluate("document.activeElement.textContent.trim()"))
    assert {"Skip to the content", "Poll the provider now"} <= reached
    assert any(text.startswith("Our request") for text in reached)


def test_a_command_is_copied_by_one_press(site: Site) -> None:
    call = site.place()
    site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.page.goto(f"{site.url}/calls/{call['id']}")
    site.page.click("text=Copy as curl")
    expect(site.page.locator(".copy summary").first).to_have_text("Copied")
    copied = site.page.evaluate("navigator.clipboard.readText()")
    assert f"/api/v1/calls/{call['id']}" in copied


def test_pages_work_without_a_script(site: Site) -> None:
    page = site.visit(java_script_enabled=False)
    page.goto(f"{site.url}/place")
    page.fill("#f-to", "+918867135003")
    page.fill("#f-flow_id", "23")
    page.click("text=Place call")
    assert "/calls/" in page.url
    assert [sent.to for sent in site.provider.sent] == ["+918867135003"]
