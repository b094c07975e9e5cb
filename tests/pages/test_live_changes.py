"""What a live page says to those who do not see it, and when it stops being live."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from obdtrack.access import keys
from obdtrack.access.keys import create_key
from obdtrack.services import Services
from tests.factories import Clock
from tests.pages.conftest import Visitor
from tests.pages.site import SCOPES, Site

sync_api = pytest.importorskip(
    "playwright.sync_api",
    reason="no playwright here: pip install -r requirements-dev.txt to test pages in a browser",
)
expect = sync_api.expect

MINUTE = 60_000


def asked_live(visitor: Visitor) -> tuple[int, str]:
    response = visitor.open("/", headers={"X-Live": "1"})
    return response.status_code, response.text


def test_a_live_page_is_told_that_its_session_has_ended(visitor: Visitor, clock: Clock) -> None:
    assert asked_live(visitor)[0] == 200
    clock.forward(hours=13)
    assert asked_live(visitor) == (401, "Your session has ended.")


def test_a_live_page_is_told_that_its_key_was_revoked(app: Flask, services: Services) -> None:
    visitor = Visitor(app, create_key("Asha", SCOPES, services))
    with services.store.connection_context():
        keys.revoke_key(keys.all_keys()[-1].id, services)
    assert asked_live(visitor) == (401, "Your key was revoked.")


def test_changes_are_said_in_a_sentence_and_not_as_a_table(site: Site) -> None:
    first = site.place()
    site.take_clock()
    site.page.goto(site.url)
    said = site.page.get_by_role("status")
    expect(said).to_have_text("")
    site.report(first)
    site.poll(MINUTE)
    expect(said).to_have_text(f"Answered: the call to {first['to']}")
    site.place()
    site.poll(MINUTE)
    expect(said).to_have_text(f"1 new. Queued: the call to {first['to']}")
    for _ in range(3):
        site.place()
    site.poll(MINUTE)
    expect(said).to_have_text("3 new")


def test_changes_can_be_paused_by_keyboard_and_stay_so_on_the_next_page(site: Site) -> None:
    call = site.place()
    site.take_clock()
    site.page.goto(site.url)
    site.page.get_by_role("button", name="Live (pause changes of this page)").press("Enter")
    site.report(call)
    site.page.goto(f"{site.url}/?paused=still")
    site.report(call, status="BUSY")
    asked: list[str] = []
    site.page.on("request", lambda r: asked.append(r.url) if r.resource_type == "fetch" else None)
    site.page.clock.run_for(10 * MINUTE)
    assert asked == []
    with site.page.expect_response(lambda response: response.status == 200):
        site.page.get_by_role("button", name="Paused (resume changes of this page)").press("Enter")
    expect(site.page.get_by_role("button", name="Live (pause")).to_be_visible()


def test_a_page_without_its_server_says_how_old_it_is_until_the_server_is_back(site: Site) -> None:
    site.place()
    site.take_clock()
    site.page.goto(site.url)
    site.page.route("**/*", lambda route: route.abort())
    site.page.clock.run_for(MINUTE)
    band, said = site.page.locator("[data-band]"), site.page.get_by_role("status")
    as_of = re.compile(r"As of \d\d:\d\d:\d\d\. The server does not respond\.")
    expect(band).to_contain_text(as_of)
    expect(band.get_by_role("link")).to_be_hidden()
    expect(said).to_contain_text("The server does not respond.")
    expect(site.page.locator("body")).to_have_class("stale")
    site.page.unroute_all()
    site.page.clock.run_for(3 * MINUTE)
    expect(band).to_be_hidden()
    expect(said).to_contain_text("The server responds again.")
    expect(site.page.locator("body")).not_to_have_class("stale")


def test_a_page_whose_session_has_ended_stays_and_leads_to_the_door(site: Site) -> None:
    call = site.place()
    site.take_clock()
    site.page.goto(f"{site.url}/calls/{call['id']}")
    site.page.context.clear_cookies()
    site.page.clock.run_for(MINUTE)
    band = site.page.locator("[data-band]")
    expect(band).to_contain_text("Sign in first.")
    expect(site.page.locator(".sentence")).to_be_visible()
    band.get_by_role("link", name="Sign in again").click()
    site.page.wait_for_url(f"**/sign-in?next=/calls/{call['id']}")
