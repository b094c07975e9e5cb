"""Forty hostile texts, in every field, on every page: they stay text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from markupsafe import escape

from obdtrack.calls.reports import deliveries
from obdtrack.services import utc_now
from tests.factories import NUMBER
from tests.pages.site import Site, csrf_token

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
PLAIN = "nothing but words"
FILL = """([names, text]) => names.forEach((name) => {
  document.querySelector(`.place [name=${name}]`).value = text;
})"""
READ = "(names) => names.map((name) => document.querySelector(`.place [name=${name}]`).value)"
FORM = ["to", "bridge", "flow_id", "audio", "name", "reference", "variable", "value", "metadata"]


OTHER_CAMPAIGNS = re.compile(r'<section[^>]*data-live="compared">.*?</section>', re.DOTALL)


class Skeleton(HTMLParser):
    """The tags of a page and the names of their attributes, without any text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.bones: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bones.append(f"<{tag} {' '.join(name for name, _ in attrs)}>")

    def handle_endtag(self, tag: str) -> None:
        self.bones.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.bones.append("<!---->")


@pytest.fixture(scope="module")
def calls(served: Site) -> dict[str, Any]:
    """A call for each text that has it in every field, its report too; all at one moment."""
    served.begin()
    served.stopped_at = utc_now()
    made = {text: place_with(served, text) for text in (*HOSTILE, PLAIN)}
    served.stopped_at = None
    served.close_tabs()
    return made


def place_with(site: Site, text: str) -> Any:
    call = site.place(name=text, reference=text, metadata={text[:60]: text})
    told = text[:40].replace("{{", "{ {")  # a placeholder left unfilled would say nothing
    site.report(call, status=told, dtmf=told, hangup_by=told, recording_url=text)
    site.deliver(data=text.encode(), params={"x": text})
    with site.services.store.connection_context():
        raw, report = deliveries.newest(2)
    return {**call, "report": report.id, "raw": raw.id}


def skeleton(site: Site, path: str) -> list[str]:
    """Return a page's bones but for the list of other campaigns, which each has another of."""
    return Skeleton(OTHER_CAMPAIGNS.sub("", site.weighed(path).text)).bones


def test_there_are_forty() -> None:
    assert len(set(HOSTILE)) == 40


@pytest.mark.parametrize("page", ["/calls/{id}", "/campaigns/{name}", "/deliveries/{report}"])
def test_a_page_is_built_the_same_of_whatever_text(
    site: Site, calls: dict[str, Any], page: str
) -> None:
    def built(text: str) -> list[str]:
        call = calls[text]
        return skeleton(site, page.format(**{**call, "name": quote(call["name"], safe="")}))

    plain = built(PLAIN)
    assert {text for text in HOSTILE if built(text) != plain} == set()


def test_what_is_read_from_whatever_text_is_told_by_the_same_tags(
    site: Site, calls: dict[str, Any]
) -> None:
    """How many fields it has depends on the text."""
    tags = {text: set(skeleton(site, f"/deliveries/{call['raw']}")) for text, call in calls.items()}
    assert {text for text in HOSTILE if not tags[text] <= tags[PLAIN]} == set()


FILTERS = {
    "/": "status name period was from to number ending masked reference mid before tz",
    "/deliveries": "outcome from to before after tz",
    "/campaigns": "before",
}


@pytest.mark.parametrize("page", FILTERS)
def test_a_filter_is_built_the_same_of_whatever_text(site: Site, page: str) -> None:
    def built(text: str) -> list[str]:
        names = FILTERS[page].split()
        return skeleton(site, f"{page}?{urlencode(dict.fromkeys(names, text))}")

    plain = built(PLAIN)
    assert {text for text in HOSTILE if built(text) != plain} == set()


def test_what_was_searched_for_is_shown_as_it_was_typed(site: Site) -> None:
    form = {"csrf_token": csrf_token(site.weighed("/").text)}
    for text in HOSTILE:
        found = site.session.post(f"{site.url}/search", data={**form, "q": f"{text} !"})
        assert f'<span class="typed">{escape(text)} !</span>' in found.text, text


@pytest.mark.parametrize("name", ["../../etc/passwd", "/*</style>*/", "a/b?c=d&e#f"])
def test_a_campaign_of_whatever_name_is_a_click_away(
    site: Site, calls: dict[str, Any], name: str
) -> None:
    site.page.goto(f"{site.url}/campaigns")
    site.page.get_by_role("link", name=name, exact=True).click()
    site.page.wait_for_selector(".strip")
    assert site.page.locator("h1").text_content() == name


def test_every_text_is_on_the_lists_as_it_is(site: Site, calls: dict[str, Any]) -> None:
    site.page.goto(site.url)
    assert set(HOSTILE) <= set(site.page.locator(".c-name .cut").all_text_contents())
    untouched(site)
    site.page.goto(f"{site.url}/campaigns")
    assert set(HOSTILE) <= set(site.page.locator(".row-link").all_text_contents())
    untouched(site)
    for path in ("/deliveries", "/?status=attention", f"/audit?subject={quote(HOSTILE[0])}"):
        site.page.goto(site.url + path)
        untouched(site)


@pytest.mark.parametrize("start", range(0, 40, 8))
def test_a_call_shows_every_text_as_it_is(site: Site, start: int) -> None:
    texts = HOSTILE[start : start + 8]
    first, reference, status, keys, hung_up, *rest = texts
    name = f"{first} once"  # a campaign of no other test
    metadata = {f"k{place}": text for place, text in enumerate(rest)}
    call = site.place(name=name, reference=reference, metadata=metadata)
    site.report(call, status=status, dtmf=keys[:40], hangup_by=hung_up, recording_url=rest[0])
    site.page.goto(f"{site.url}/calls/{call['id']}")
    shown = " ".join(site.page.locator("dd, .sentence").all_text_contents())
    assert [text for text in texts[:5] if text[:40] not in shown] == []
    assert site.page.locator(".crumb a").nth(1).text_content() == name
    untouched(site)


@pytest.mark.parametrize("kind", ["report", "raw"])
def test_a_request_shows_every_text_as_it_came(
    site: Site, calls: dict[str, Any], kind: str
) -> None:
    for text in HOSTILE:
        page = site.weighed(f"/deliveries/{calls[text][kind]}").text
        told = json.dumps(text[:40].replace("{{", "{ {"))[1:-1] if kind == "report" else text
        assert escape(told) in page
    site.page.goto(f"{site.url}/deliveries/{calls[HOSTILE[0]][kind]}")
    untouched(site)


def test_a_form_gives_every_text_back_as_it_was_typed(site: Site) -> None:
    for text in HOSTILE[:5]:
        site.page.goto(f"{site.url}/place")
        site.page.evaluate(FILL, [FORM, text[:40]])
        site.page.click("text=Place call")
        site.page.wait_for_selector(".warn")
        assert site.page.evaluate(READ, FORM) == [text[:40]] * len(FORM)
        site.complaints[:] = [said for said in site.complaints if "status of 422" not in said]
        untouched(site)
    assert NUMBER not in [sent.to for sent in site.provider.sent]


def untouched(site: Site) -> None:
    assert site.page.evaluate("window.hacked") is None
    assert site.page.url.startswith(site.url)
    assert site.page.locator("main script, main iframe, main base, main b > b").count() == 0
    assert site.complaints == []
