"""Every page, opened once in a browser: readable by everybody, at every width, light and silent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from obdtrack.access import keys
from obdtrack.access.audit import operator
from obdtrack.access.keys import Scope
from obdtrack.domain.calling_hours import CallType
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.errors import Code
from obdtrack.notifications import destinations
from obdtrack.notifications.destinations import Wishes
from obdtrack.privacy.opt_outs import suppress
from tests.factories import NUMBER, accepted
from tests.pages import pseudo
from tests.pages.site import Site
from tests.pages.test_destinations import send

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright",
    reason="no axe here: pip install -r requirements-dev.txt to test pages for everybody",
)

UNKNOWN = SendResponse(Failure.PROVIDER_ERROR, http_status=500, body=b"<b>oops</b>")
WIDTHS = (360, 768, 1600)
LONG = "a campaign with a name as long as names can be, made by somebody who never saw a phone."
VIOLATIONS = {"resultTypes": ["violations"]}
"""Where all is well nothing is told in detail: that takes three times as long."""

COLOURS = {**VIOLATIONS, "runOnly": ["color-contrast", "link-in-text-block"]}
"""The only rules that depend on the theme."""

CUT = """[...document.querySelectorAll('.table-wrap')].some((table) =>
  table.firstElementChild.scrollWidth > table.clientWidth)"""


GLUED = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let last = null, text; text = texts.nextNode(); last = text) {
    if (!last || text.parentElement.closest("template, option, title, textarea")) continue;
    const joint = last.data.slice(-1) + text.data.slice(0, 1);
    if (!/[\\p{L}\\p{N}).,;:][\\p{L}\\p{N}(+]/u.test(joint)) continue;
    const around = document.createRange();
    around.setStart(last, 0);
    around.setEnd(text, text.length);
    const common = around.commonAncestorContainer, between = [];
    for (const one of [last, text]) {
      for (let it = one.parentElement; it !== common; it = it.parentElement) between.push(it);
    }
    const apart = (it) => !getComputedStyle(it).display.startsWith("inline");
    if (between.length && !between.some(apart)) found.push(last.data + "|" + text.data);
  }
  return found;
}"""
"""Find texts that follow each other in one line without a blank between them."""


DATA = re.compile(
    r"obdtrack|HTTP|\bAPI\b|[\da-f]{8}-[\da-f-]{27}|…[\da-f]{8}|(https?:/)?/[\w./{}*?=&%@:-]*"
    r"|[A-Z]\w+/[\w-]+|UTC|\b\d+ [A-ZŬĴĈŜ]\w{2}\b|\b[A-Z]{3,}\b|\b[kvr]{2,}\b|hook-1|KiB|MiB|GiB"
    r"|otp|spring|diwali|Asha|order-7|shop\.example|command line \(root\)|openapi\.json"
    r"|a{200}|, none$|erased-[\da-f]{16}"
    + "".join(rf"|\b{word}\b" for word in (*Scope, *Code, *CallType, "error"))
    + f"|{re.escape(LONG)}"
)
"""What pages show that is said in no language: ids, codes, addresses, and the names given above."""

CLIPPED = """() =>
  [...document.querySelectorAll("button, .btn, .badge-s, .tag, th, label, h1, h2, dt")]
  .filter((it) => it.checkVisibility() && it.clientWidth && it.scrollWidth > it.clientWidth + 1
    && getComputedStyle(it).overflowX !== "visible" && !it.closest(".visually-hidden")
    && getComputedStyle(it).textOverflow !== "ellipsis")
  .map((it) => it.textContent.trim())"""
"""Find texts that their own element cuts off; where that is meant there is an ellipsis."""


class Seen(NamedTuple):
    """What was found on one page; `wide` and `cut` hold the widths at which it does not fit."""

    path: str
    light: list[str]
    dark: list[str]
    wide: list[int]
    cut: list[int]
    glued: list[str]


def addresses(site: Site) -> list[str]:
    """Put one of everything on the pages, and give their addresses."""
    answered = site.place(name="otp", reference="order-7", interval=5)
    site.report(answered, status="NOANSWER", start_at="2026-11-23 11:50:00", charges="0.5")
    site.report(answered)
    site.report(answered)
    site.report(answered, status="BUSY")
    queued = site.place(name=LONG, reference="r" * 200, metadata={"k": "v" * 500})
    site.deliver(data="no report at all")
    site.deliver("not the right secret", data="who are you?")
    site.provider.on_send = lambda _: UNKNOWN
    unknown = site.place(name="spring")
    site.provider.on_send = accepted(mid=None)
    site.deliver(json={"mid": str(UUID(int=7)), "to": NUMBER[1:], "disposition": "ANSWER"})
    inbox = site.weighed("/deliveries?outcome=unmatched").text
    delivery = re.findall(r'href="(/deliveries/[0-9a-f-]{36})"', inbox)[0]
    site.plan_campaign("diwali", "+918867139999\nno number\n")
    with site.services.store.connection_context():
        wishes = Wishes("https://shop.example/" + "a" * 200, ("call.*", "opt_out.added"))
        suppress("+918867135077", operator(), site.services)
        key = keys.all_keys()[-1].id
        destination, _ = destinations.create(wishes, operator(), site.services)
        send(site.services, destination, response="{" + "0" * 999)
    told = [f"/destinations{path}" for path in ("", "/new", f"/{destination}")]
    calls = [f"/calls/{call['id']}" for call in (answered, queued, unknown)]
    return [
        "/", "/?status=attention", "/attention", "/?name=none", "/search", *calls,
        f"/submissions/{unknown['submission_id']}", "/campaigns",
        "/campaigns/otp", "/campaigns/new", "/campaigns/diwali", "/time-zone", "/deliveries",
        "/deliveries?outcome=rejected", delivery,
        "/deliveries?outcome=challenge", "/place", *told, "/audit", "/alarms", "/health",
        f"/audit?number_of={answered['id']}", "/keys", f"/keys/{key}", "/opt-outs", "/people",
        "/api/docs", "/api/docs/calls",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def every_address(served: Site) -> list[str]:
    served.begin()
    return addresses(served)


@pytest.fixture(scope="module")
def tour(served: Site, every_address: list[str]) -> Iterator[list[Seen]]:
    """Open every page, and the error pages, once."""
    served.begin()
    seen = [look_at(served, path) for path in every_address]
    silent = list(served.complaints)
    faults = [look_at(served, path) for path in ("/nothing", "/?fault=500", "/?fault=503")]
    served.page.context.clear_cookies()
    yield [*seen, *faults, look_at(served, "/sign-in")]
    served.complaints[:] = silent
    served.close_tabs()


def look_at(site: Site, path: str) -> Seen:
    page, wide, cut = site.page, [], []
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(site.url + path)
    page.evaluate(axe.Axe().axe_script)
    light = violations(page, VIOLATIONS)
    page.emulate_media(color_scheme="dark")
    dark = violations(page, COLOURS)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(width)
        if page.evaluate(CUT):
            cut.append(width)
    return Seen(path, light, dark, wide, cut, page.evaluate(GLUED))


def violations(page: Any, options: dict[str, Any]) -> list[str]:
    found = axe.Axe(axe_script="''").run(page, options=options).response["violations"]
    return [f"{v['id']}: {json.dumps(v['nodes'][0]['target'])}" for v in found]


def test_every_page_is_readable_by_everybody_in_light(tour: list[Seen]) -> None:
    assert {seen.path: seen.light for seen in tour if seen.light} == {}


def test_every_page_has_enough_contrast_in_dark(tour: list[Seen]) -> None:
    assert {seen.path: seen.dark for seen in tour if seen.dark} == {}


def test_no_page_is_wider_than_its_window(tour: list[Seen]) -> None:
    assert {seen.path: seen.wide for seen in tour if seen.wide} == {}


def test_no_column_is_cut_off(tour: list[Seen]) -> None:
    assert {seen.path: seen.cut for seen in tour if seen.cut} == {}


def test_no_texts_are_glued_together(tour: list[Seen]) -> None:
    assert {seen.path: seen.glued for seen in tour if seen.glued} == {}


def test_no_page_complains_or_asks_elsewhere(served: Site, tour: list[Seen]) -> None:
    expected = re.compile(r"the server responded with a status of (404|500|503)")
    assert [said for said in served.complaints if not expected.search(said)] == []


def test_every_page_is_light(served: Site, every_address: list[str]) -> None:
    for path in every_address:
        page = served.weighed(path)
        files = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text)
        weight = page.weight + sum(served.weighed(name).weight for name in files)
        assert len(files) == 4, path
        assert weight < 60_000, (path, weight)


def test_no_page_holds_a_secret(served: Site, every_address: list[str]) -> None:
    for path in every_address:
        page = served.weighed(path).text
        assert served.key not in page
        assert served.services.settings.webhook_secrets[0] not in page


@pytest.fixture(scope="module")
def in_pseudo(served: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pseudo.spoken(served.app, tmp_path_factory.mktemp("pseudo")):
        yield


@pytest.mark.usefixtures("in_pseudo")
def test_every_text_comes_from_the_catalogue(served: Site, every_address: list[str]) -> None:
    found = {}
    for path in every_address:
        page = served.weighed(path).text
        assert pseudo.SAYS in page
        if texts := pseudo.untranslated(page, DATA):
            found[path] = texts
    assert found == {}


@pytest.mark.usefixtures("in_pseudo")
@pytest.mark.parametrize("width", [360, 1280])
def test_longer_texts_have_room(served: Site, every_address: list[str], width: int) -> None:
    served.begin()
    served.page.set_viewport_size({"width": width, "height": 900})
    wide, clipped = [], {}
    for path in every_address:
        served.page.goto(served.url + path)
        if served.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
        if texts := served.page.evaluate(CLIPPED):
            clipped[path] = texts
    assert (wide, clipped) == ([], {})
