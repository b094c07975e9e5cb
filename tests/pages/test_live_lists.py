"""What somebody sees who leaves a list open, and who uses a mouse or a phone on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from obdtrack.store import models
from tests.factories import report_body
from tests.pages.site import Site

sync_api = pytest.importorskip(
    "playwright.sync_api",
    reason="no playwright here: pip install -r requirements-dev.txt to test pages in a browser",
)
expect = sync_api.expect

POLL = 7000


@pytest.fixture(autouse=True)
def _nothing_to_complain_about(site: Site) -> Iterator[None]:
    """Each test begins without calls."""
    with site.services.store.write():
        for table in (models.EventRow, models.ResponseRow, models.Delivery, models.Call):
            table.delete().execute()
    yield
    assert site.complaints == []


def watch(site: Site, path: str) -> Any:
    site.take_clock()
    site.page.goto(site.url + path)
    site.page.mouse.move(0, 0)
    return site.page.locator("[data-live-rows] tbody tr")


def test_a_call_that_left_the_filter_is_marked_and_then_goes(site: Site) -> None:
    first, _ = site.place(reference="first"), site.place(reference="second")
    rows = watch(site, "/?status=queued")
    site.report(first)
    site.poll(POLL)
    expect(rows.nth(1)).to_contain_text("Moved on")
    expect(rows.nth(1)).not_to_contain_text("Queued")
    expect(rows.nth(0)).to_contain_text("Queued")
    site.poll(POLL)
    expect(rows).to_have_count(1)


def test_nothing_goes_from_under_a_reader(site: Site) -> None:
    first, _ = site.place(reference="first"), site.place(reference="second")
    rows = watch(site, "/?status=queued")
    rows.nth(1).hover()
    there = rows.nth(1).bounding_box()
    site.report(first)
    for _ in range(3):
        site.poll(POLL)
    expect(rows.nth(1)).to_contain_text("Moved on")
    assert rows.nth(1).bounding_box() == there


def test_a_list_that_became_empty_says_so_and_fills_again(site: Site) -> None:
    call = site.place(name="fills")
    rows = watch(site, "/?status=queued&name=fills")
    site.report(call)
    site.poll(POLL)
    expect(rows).to_have_count(0)
    expect(site.page.locator(".empty")).to_contain_text("No calls here")
    site.place(name="fills", reference="again")
    site.poll(POLL)
    expect(rows).to_have_count(1)
    expect(site.page.locator(".empty")).to_have_count(0)


def test_a_reader_of_a_list_that_became_empty_keeps_its_rows_marked(site: Site) -> None:
    call = site.place()
    rows = watch(site, "/?status=queued")
    rows.first.hover()
    site.report(call)
    site.poll(POLL)
    expect(rows.first).to_contain_text("Moved on")
    site.page.mouse.move(0, 0)
    site.poll(POLL)
    expect(site.page.locator(".empty")).to_contain_text("No calls here")


def test_a_call_that_joins_the_filter_stands_in_its_place(site: Site) -> None:
    old, new = site.place(reference="old"), site.place(reference="new")
    middle = site.place(reference="newest")
    for call in (old, middle):
        site.report(call, status="BUSY")
    rows = watch(site, "/?status=busy")
    site.report(new, status="BUSY")
    site.poll(POLL)
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("new")


def test_rows_beyond_the_page_are_not_said_to_be_followed(site: Site) -> None:
    for count in range(51):
        site.place(reference=f"r-{count}")
    rows = watch(site, "/")
    rows.nth(3).hover()
    site.place(reference="one more")
    site.poll(POLL)
    expect(rows.last).to_contain_text("Not followed")
    site.page.evaluate("scrollTo(0, 0)")
    site.page.mouse.move(0, 0)
    site.page.evaluate("scrollTo(0, 0)")
    site.poll(POLL)
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("one more")
    expect(rows.last).to_contain_text("r-2")


def test_a_row_in_use_is_brought_up_to_date_when_it_is_left(site: Site) -> None:
    call = site.place()
    rows = watch(site, "/")
    rows.first.locator(".row-link").focus()
    site.report(call)
    site.poll(POLL)
    expect(rows.first).to_contain_text("Queued")
    site.page.locator("#q").focus()
    site.poll(POLL)
    expect(rows.first).to_contain_text("Answered")


def test_buttons_work_after_what_they_stand_on_was_exchanged(site: Site) -> None:
    call = site.place()
    site.take_clock()
    site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.page.goto(f"{site.url}/calls/{call['id']}")
    site.page.evaluate("const main = document.querySelector('main');"
                       "main.replaceWith(main.cloneNode(true))")  # fmt: skip
    site.page.evaluate("navigator.clipboard.writeText('nothing')")
    site.page.locator(".copy summary").first.click()
    expect(site.page.locator(".copy summary").first).to_have_text("Copied")
    assert "curl" in site.page.evaluate("navigator.clipboard.readText()")


def test_what_stands_open_is_not_copied_again_by_itself(site: Site) -> None:
    call = site.place()
    site.take_clock()
    site.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.page.goto(f"{site.url}/calls/{call['id']}")
    site.page.locator(".copy summary").first.click()
    expect(site.page.locator(".copy summary").first).to_have_text("Copied")
    site.page.evaluate("navigator.clipboard.writeText('something else')")
    site.page.locator("#q").focus()
    site.report(call)
    site.poll(POLL)
    expect(site.page.locator(".head-row").first).to_contain_text("Answered")
    assert site.page.evaluate("navigator.clipboard.readText()") == "something else"


@pytest.mark.parametrize("cell", [".c-number", ".c-name", ".c-why", ".c-age"])
def test_a_press_beside_the_links_of_a_row_leads_to_its_call(site: Site, cell: str) -> None:
    call = site.place(name="otp")
    box = watch(site, "/").first.locator(cell).bounding_box()
    site.page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    site.page.wait_for_url(f"**/calls/{call['id']}")


@pytest.mark.parametrize(
    ("cell", "there"), [(".c-number", "/?number_of={}"), (".c-name", "/campaigns/otp")]
)
def test_a_press_on_a_link_of_a_row_leads_where_it_says(site: Site, cell: str, there: str) -> None:
    call = site.place(name="otp")
    watch(site, "/").first.locator(f"{cell} a").click()
    site.page.wait_for_url(site.url + there.format(call["id"]))


@pytest.mark.parametrize("cell", [".c-number", ".c-name"])
def test_a_number_and_a_reference_are_selected_with_the_mouse(site: Site, cell: str) -> None:
    site.place(reference="order-7-of-november")
    rows = watch(site, "/")
    box = text_box(rows.first.locator(cell))
    middle = box["y"] + box["height"] / 2
    beside = -6 if cell == ".c-number" else 1  # a browser drags a link that is taken itself
    site.page.mouse.move(box["x"] + beside, middle)
    site.page.mouse.down()
    site.page.mouse.move(box["x"] + box["width"] - beside, middle, steps=5)
    site.page.mouse.up()
    selected = site.page.evaluate("getSelection().toString()")
    assert selected[3:10] in rows.first.inner_text()
    assert len(selected) > 8
    assert site.page.url == f"{site.url}/"


def text_box(cell: Any) -> Any:
    """Return where the text of a cell stands."""
    return cell.evaluate(
        "cell => { const range = document.createRange(); range.selectNodeContents(cell);"
        "const {x, y, width, height} = range.getBoundingClientRect();"
        "return {x, y, width, height} }"
    )


def test_the_tooltip_of_a_badge_is_under_the_mouse(site: Site) -> None:
    site.place()
    badge = watch(site, "/").first.locator(".badge-s")
    box = badge.bounding_box()
    title = site.page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('[title]').title",
        [box["x"] + 5, box["y"] + 5],
    )
    assert title == "Accepted by the provider; no report yet."


def test_the_first_call_is_in_sight_on_a_phone(site: Site) -> None:
    site.place()
    rows = watch(site, "/")
    site.page.set_viewport_size({"width": 360, "height": 740})
    site.page.reload()
    expect(rows.first).to_be_in_viewport(ratio=1)
    expect(site.page.locator("#reason")).to_be_hidden()
    site.page.click(".fold > summary")
    expect(site.page.locator("#reason")).to_be_visible()


def test_filters_stand_open_where_there_is_room(site: Site) -> None:
    watch(site, "/")
    expect(site.page.locator("#reason")).to_be_visible()
    expect(site.page.locator(".fold > summary")).to_be_hidden()


def test_the_inbox_is_followed_too(site: Site) -> None:
    site.deliver(json=report_body(mid="nobody's"))
    rows = watch(site, "/deliveries?outcome=unmatched")
    site.deliver(json=report_body(mid="nobody's-2", status="RINGOUT"))
    site.poll(POLL)
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("RINGOUT")
