"""What only a browser shows: live pages, double clicks, contrast, silence, text that stays text."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from markupsafe import escape
from playwright.sync_api import Page, expect

from obdtrack.domain.submission import Failure, SendAnswer
from tests.factories import NUMBER, accepted, report_body
from tests.pages.conftest import Site, csrf_token

UNKNOWN = SendAnswer(Failure.PROVIDER_ERROR, http_status=500, body=b"<b>oops</b>")


def fill_with_calls(site: Site) -> dict[str, str]:
    """Put one of everything on the pages, and give their addresses by name."""
    answered = site.place(name="otp", reference="order-7", interval=5)
    site.report(answered, status="NOANSWER", start_at="2026-11-23 11:50:00", charges="0.5")
    site.report(answered)
    site.report(answered)
    site.place(name="otp")
    site.deliver(data="no report at all")
    site.provider.on_send = lambda _: UNKNOWN
    unknown = site.place(name="spring")
    site.provider.on_send = accepted(mid=None)
    return {
        "calls": "/",
        "call": f"/calls/{answered['id']}",
        "unknown": f"/calls/{unknown['id']}",
        "attention": "/?status=attention",
        "nothing": "/?name=none",
        "campaigns": "/campaigns",
        "campaign": "/campaigns/otp",
        "deliveries": "/deliveries",
        "unreadable": "/deliveries?outcome=unreadable",
        "place": "/place",
        "audit": "/audit",
        "search": "/search",
        "docs": "/api/docs",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_readable_by_everybody_and_silent(site: Site, theme: Any) -> None:
    paths = fill_with_calls(site)
    page = site.visit(color_scheme=theme, viewport={"width": 1280, "height": 900})
    for path in [*paths.values(), first_delivery(page, site)]:
        open_page(page, site, path)
        assert violations(page) == [], path
    assert site.complaints == []
    page.goto(f"{site.url}/nothing/here")
    assert violations(page) == []
    page.context.clear_cookies()
    page.goto(f"{site.url}/sign-in")
    assert violations(page) == []


def test_no_page_is_wider_than_a_phone(site: Site) -> None:
    paths = fill_with_calls(site)
    page = site.visit(viewport={"width": 360, "height": 740})
    for path in paths.values():
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_pages_are_light(site: Site) -> None:
    paths = fill_with_calls(site)
    del paths["docs"]  # Swagger UI alone is larger
    for path in paths.values():
        page = site.weighed(path)
        files = re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text)
        weight = page.weight + sum(site.weighed(name).weight for name in files)
        assert len(files) == 4, path
        assert weight < 100_000, path


def test_a_person_comes_in_and_goes_out(site: Site) -> None:
    site.page.context.clear_cookies()
    site.page.goto(f"{site.url}/campaigns")
    site.page.fill("#key", site.key)
    site.page.click("main button")
    site.page.wait_for_url(f"{site.url}/campaigns")
    site.page.click(".menu summary")
    site.page.click(".menu button")
    site.page.wait_for_url(f"{site.url}/sign-in")


def test_a_call_is_followed_without_reloading(site: Site) -> None:
    call = site.place()
    site.page.goto(f"{site.url}/calls/{call['id']}")
    expect(site.page.locator(".head-row")).to_contain_text("Queued")
    site.page.evaluate("window.stayed = true")
    site.report(call)
    expect(site.page.locator(".head-row")).to_contain_text("Answered")
    expect(site.page.locator(".sentence")).to_contain_text("16 s after it started")
    assert site.page.evaluate("window.stayed")


def test_the_list_is_followed_and_does_not_jump(site: Site) -> None:
    for count in range(40):
        site.place(reference=f"r-{count}")
    site.page.goto(site.url)
    site.page.evaluate("scrollTo(0, 700)")
    there = site.page.locator("tbody tr").nth(20).bounding_box()
    site.place(reference="newest")
    expect(site.page.locator("[data-live-new] button")).to_have_text("1 new")
    assert site.page.locator("tbody tr").nth(20).bounding_box() == there
    site.page.evaluate("scrollTo(0, 0)")
    expect(site.page.locator("tbody tr").first).to_contain_text("newest")


def test_a_hidden_tab_asks_nothing(site: Site) -> None:
    site.place()
    site.page.goto(site.url)
    site.page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    asked: list[str] = []
    site.page.on("request", lambda r: asked.append(r.url) if r.resource_type == "fetch" else None)
    site.page.wait_for_timeout(2500)
    assert asked == []


def test_a_double_click_dials_once(site: Site) -> None:
    site.page.goto(f"{site.url}/place")
    site.page.fill("#f-to", NUMBER)
    site.page.fill("#f-flow_id", "23")
    site.page.dblclick("button:has-text('Call now')")
    site.page.wait_for_url("**/calls/*")
    site.page.go_back()
    assert len(site.provider.sent) == 1


def test_an_unknown_call_is_decided(site: Site) -> None:
    site.provider.on_send = lambda _: UNKNOWN
    call = site.place()
    site.page.goto(f"{site.url}/calls/{call['id']}")
    site.page.check("text=No phone rang")
    site.page.fill("#note", "asked them")
    site.page.click("button:has-text('Decide')")
    expect(site.page.locator(".head-row")).to_contain_text("Rejected")
    expect(site.page.locator(".events")).to_contain_text("asked them")


def test_a_delivery_is_read_again(site: Site) -> None:
    site.deliver(json=report_body(mid=None, call_id="late:1"))
    open_page(site.page, site, first_delivery(site.page, site))
    expect(site.page.locator(".head-row")).to_contain_text("Unmatched")
    site.provider.on_send = accepted(mid="late")
    site.place()
    site.page.reload()
    if site.page.locator("text=Read it again").count():
        site.page.click("text=Read it again")
    expect(site.page.locator(".head-row")).to_contain_text("Matched")


def test_a_test_report_is_sent_and_followed(site: Site) -> None:
    site.page.goto(f"{site.url}/deliveries")
    site.page.click("text=Send a test report")
    expect(site.page.locator(".flash")).to_contain_text("stands on its call")


def test_the_search_box_leads_to_the_call(site: Site) -> None:
    call = site.place()
    site.page.goto(site.url)
    site.page.keyboard.press("/")
    site.page.keyboard.type("5001")
    site.page.keyboard.press("Enter")
    site.page.wait_for_url(f"**/calls/{call['id']}")


HOSTILE = [
    "<script>window.hacked=1</script>", "<img src=x onerror=window.hacked=1>",
    "\"><svg onload=hacked()>",
    "'><b>bold</b>", "</title><script>window.hacked=1</script>", "</textarea><i>x</i>", "{{ 7*7 }}",
    "{% if 1 %}x{% endif %}", "${7*7}", "javascript:window.hacked=1", "<!-- comment -->", "]]>",
    "&lt;b&gt;", "&amp;amp;", "&#60;b&#62;", "<a href=//evil.example>x</a>",
    "'; DROP TABLE calls; --",
    "\" onmouseover=\"window.hacked=1", "' autofocus onfocus='window.hacked=1", "`onload=1`",
    "<iframe src=//evil.example>", "<style>*{display:none}</style>", "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>", "<form action=//evil.example>", "=HYPERLINK(1)",
    "%3Cb%3E",
    "%s%d%n", "../../etc/passwd", "a/b?c=d&e#f", "?status=busy", "#event-1", "\\u003cb\\u003e",
    "<b>" * 20, "ﷺ نص من اليمين", "भारत ☎️ 👩‍💻", "Z̸a̸l̸g̸o̸", "ａｂｃ", "&quot;'<>", "/*</style>*/",
]  # fmt: skip


def test_hostile_text_stays_text(site: Site) -> None:
    assert len(HOSTILE) == 40
    page, token = site.page, csrf_token(site.weighed("/").text)
    for text in HOSTILE:
        call = site.place(name=text, reference=text, metadata={text[:60]: text}, variables={})
        site.report(call, status=text[:60], dtmf=text[:40], hangup_by=text, recording_url=text)
        site.deliver(data=text.encode(), params={"x": text})
        page.goto(f"{site.url}/calls/{call['id']}")
        assert text in " ".join([*page.locator("dd, .sentence").all_text_contents()]), text
        assert page.locator(".crumb a").nth(1).text_content() == text
        untouched(page, site)
        filtered = site.weighed(f"/?name={quote(text, safe='')}&from={quote(text, safe='')}").text
        assert f'name="name" value="{escape(text)}"' in filtered
        found = site.session.post(f"{site.url}/search", data={"csrf_token": token, "q": f"{text}?"})
        assert str(escape(f"{text}?")) in found.text
    days = f"/?name={quote(HOSTILE[0])}&from={quote(HOSTILE[0])}&number={quote(HOSTILE[5])}"
    for path in (days, "/", "/campaigns", "/deliveries", "/audit?subject=" + quote(HOSTILE[0])):
        page.goto(site.url + path)
        untouched(page, site)
        if path == "/":
            shown = page.locator(".c-name .cut").all_text_contents()
            assert set(HOSTILE) <= set(shown)
    fill_form(page, site)
    assert site.complaints == []


def fill_form(page: Page, site: Site) -> None:
    """Send hostile text in every field of the form, and find it there again."""
    for text in HOSTILE[:8]:
        page.goto(f"{site.url}/place")
        fields = ["to", "bridge", "flow_id", "audio", "name", "reference", "variables"]
        for field in fields:
            page.fill(f"#f-{field}", text[:40])
        page.click("text=Call now")
        expect(page.locator(".warn")).to_be_visible()
        assert page.input_value("#f-reference") == text[:40]
        untouched(page, site)
    site.complaints[:] = [c for c in site.complaints if "status of 422" not in c]


def untouched(page: Page, site: Site) -> None:
    assert page.evaluate("window.hacked") is None
    assert page.url.startswith(site.url)
    assert page.locator("main script, main iframe, main base, main b > b").count() == 0


def open_page(page: Page, site: Site, path: str) -> None:
    page.goto(site.url + path)
    if path == "/api/docs":
        page.wait_for_selector(".opblock")


def first_delivery(page: Page, site: Site) -> str:
    page.goto(f"{site.url}/deliveries")
    return page.locator(".row-link").first.get_attribute("href") or ""


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {json.dumps(v['nodes'][0]['target'])}" for v in found]


def test_the_key_in_a_page_is_none(site: Site) -> None:
    """No page, and no file of a page, holds a secret."""
    call = site.place()
    for path in ("/", f"/calls/{call['id']}", "/deliveries"):
        page = site.weighed(path).text
        assert site.key not in page
        assert site.context.settings.webhook_secrets[0] not in page
