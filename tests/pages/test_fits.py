"""One call's page on a telephone, on paper, and for who typed something wrong."""

from __future__ import annotations

from typing import Any

import pytest

from obdtrack.domain.submission import Failure, SendResponse
from tests.pages.site import Site

sync_api = pytest.importorskip(
    "playwright.sync_api",
    reason="no playwright here: pip install -r requirements-dev.txt to test pages in a browser",
)
expect = sync_api.expect

DRAWN = """[...document.querySelectorAll('.drawing')].filter((it) => it.checkVisibility())
  .map((it) => [it.getBoundingClientRect().left, it.getBoundingClientRect().right])"""
SMALLEST = """Math.min(...[...document.querySelectorAll('.drawing text')]
  .filter((it) => it.checkVisibility()).map((it) => it.getBoundingClientRect().height))"""

TOPS = """[...document.querySelectorAll('.filters :is(#from, #to)')]
  .map((it) => it.getBoundingClientRect().top)"""


@pytest.fixture
def call(site: Site) -> str:
    placed = site.place(interval=5)
    site.report(placed, status="NOANSWER", start_at="2026-11-23 11:50:00", end_at=None)
    site.report(placed, start_at="2026-11-23 11:55:00", end_at="2026-11-23 11:55:20")
    return f"{site.url}/calls/{placed['id']}"


def opened(site: Site, call: str, width: int, **media: Any) -> Any:
    site.page.set_viewport_size({"width": width, "height": 900})
    site.page.emulate_media(**media)
    site.page.goto(call)
    return site.page


@pytest.mark.parametrize("width", [360, 639, 800, 993, 1600])
def test_one_drawing_is_seen_and_all_of_it(site: Site, call: str, width: int) -> None:
    page = opened(site, call, width)
    ((left, right),) = page.evaluate(DRAWN)
    assert 0 <= left < right <= width
    assert page.evaluate(SMALLEST) >= 10


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_on_paper_all_is_drawn_and_dark_on_light(site: Site, call: str, theme: str) -> None:
    page = opened(site, f"{call}?theme={theme}", 718, media="print", color_scheme="dark")
    ((left, right),) = page.evaluate(DRAWN)
    assert 0 <= left < right <= 718
    ground = page.locator(".num").first.evaluate("it => getComputedStyle(it).backgroundColor")
    assert min(int(part) for part in ground[4:-1].split(",")) > 200
    assert page.locator(".ago").first.is_hidden()
    breaks = "it => getComputedStyle(it).breakInside"
    cards = page.locator(".card").all()  # one that is moved as a whole leaves half a page empty
    assert {card.evaluate(breaks) for card in cards} == {"auto"}
    assert page.locator(".event").first.evaluate(breaks) == "avoid"
    assert page.locator(".zone").inner_text().strip() == "Times in UTC"


def test_what_is_wrong_with_a_decision_is_in_focus(site: Site) -> None:
    site.provider.on_send = lambda _: SendResponse(Failure.TIMEOUT)
    page = opened(site, f"{site.url}/calls/{site.place()['id']}", 1280)
    page.check("text=It is this call")
    page.fill("[name=provider_id]", "nonsense")
    page.click("button:has-text('Save decision')")
    expect(page.locator("[name=provider_id]")).to_be_focused()
    expect(page.locator("[name=provider_id]")).to_have_value("nonsense")
    page.click(".zone a")  # and there is a way on
    assert "/resolve" not in page.url


@pytest.mark.parametrize("path", ["/", "/deliveries"])
def test_filters_stay_in_line_where_one_of_them_is_wrong(site: Site, path: str) -> None:
    page = opened(site, f"{site.url}{path}?from=27/11/2026", 1280)
    expect(page.locator("#w-from")).to_be_visible()
    tops = page.evaluate(TOPS)
    assert len(tops) >= 2
    assert max(tops) - min(tops) < 1


def test_the_menu_stands_beside_the_brand_and_closes_when_focus_leaves_it(site: Site) -> None:
    page = opened(site, site.url, 1280)
    for width in (360, 768, 850, 900, 1000, 1100, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        brand, icon = page.locator(".brand").bounding_box(), page.locator(".person").bounding_box()
        middles = [box["y"] + box["height"] / 2 for box in (brand, icon)]
        assert abs(middles[0] - middles[1]) < 3, width
    page.click(".more > summary")
    page.locator(".more a").last.focus()
    page.keyboard.press("Tab")
    expect(page.locator(".more .sheet")).to_be_hidden()
    page.click(".person > summary")
    page.focus(".person button")
    expect(page.locator(".person .sheet")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".person .sheet")).to_be_hidden()
