"""What lists of calls are narrowed by, how many they find, and where figures lead."""

from __future__ import annotations

import re
from html import unescape

import pytest

from obdtrack.calls import search
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor, text_of

REPORTS = {
    "FIRST": ["ANSWER"],
    "SECOND": ["BUSY"],
    "THIRD": ["BUSY", "ANSWER"],
    "FOURTH": [],
    "FIFTH": ["CONGESTION"],
}
"""By the reference of a call, an hour apart from 12:00 UTC on: what was reported about it."""


@pytest.fixture
def placed(caller: Caller, provider: ScriptedProvider, clock: Clock) -> None:
    provider.on_send = accepted(mid=None)
    for place, (reference, words) in enumerate(REPORTS.items()):
        name, flow = ("otp", "23") if place % 2 else ("diwali", "99")
        call = caller.place(reference=reference, name=name, flow_id=flow).json
        for word in words:
            caller.report(mid=call["provider_id"][:-2], status=word)
            clock.forward(minutes=2)
        clock.forward(minutes=60 - 2 * len(words))


def listed(visitor: Visitor, address: str) -> list[str]:
    page = visitor.open(address)
    assert page.status_code == 200, page.text
    return [word for word in re.findall(r'ref">(\w+)', page.text) if word in REPORTS]


def counted(visitor: Visitor, address: str) -> int:
    """Return how many calls a list says it has, and see that it lists them."""
    found = re.search(r"(\d+) calls?$", " ".join(_part(visitor.open(address).text).split()))
    count = int(found.group(1)) if found else 0
    assert len(listed(visitor, address)) == count
    return count


def _part(page: str) -> str:
    return page.partition('data-live="found">')[2].partition("</p>")[0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=busy&status=completed", ["THIRD", "SECOND", "FIRST"]),
        ("reason=congestion", ["FIFTH"]),
        ("reason=congestion&name=diwali&status=failed", ["FIFTH"]),
        ("reason=congestion&name=otp", []),
        ("caller=tests", ["FIFTH", "FOURTH", "THIRD", "SECOND", "FIRST"]),
        ("caller=nobody", []),
        ("flow=23", ["FOURTH", "SECOND"]),
        ("flow=23&status=busy", ["SECOND"]),
        ("source=api", ["FOURTH"]),
        ("hour=12&tz=utc", ["FIRST"]),
        ("hour=0&tz=utc", []),
        ("hour=13&tz=mine", []),
        ("hour=17&tz=mine", ["FIRST"]),
        ("conflict=yes", ["THIRD"]),
        ("conflict=yes&name=otp", []),
        ("name=otp&status=queued", ["FOURTH"]),
    ],
)
def test_calls_are_narrowed_by(
    visitor: Visitor, placed: None, query: str, found: list[str]
) -> None:
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FKolkata")
    assert listed(visitor, f"/?{query}") == found
    assert counted(visitor, f"/?{query}") == len(found)


@pytest.mark.parametrize(
    "query",
    [
        "caller=tests", "flow=23", "hour=5", "source=api", "attempts=2", "reason=no-report",
        "conflict=yes", "status=attention", "name=otp", "ending=5001", "masked=%2B9188•••••001",
        "reference=FIRST",
    ],
)  # fmt: skip
def test_all_that_an_address_asks_for_stands_in_the_form(
    visitor: Visitor, placed: None, query: str
) -> None:
    name, _, value = query.replace("%2B", "+").partition("=")
    form = visitor.open(f"/?{query}").text.partition('class="filters"')[2].partition("</form>")[0]
    assert 'type="hidden" name="was"' in form
    assert form.count('type="hidden"') == 1
    field = re.escape(name)
    chosen = rf'name="{field}" value="{re.escape(value)}"(?: checked| maxlength)'
    selected = rf'name="{field}">.*?<option value="{re.escape(value)}" selected'
    assert re.search(f"{chosen}|{selected}", form, re.DOTALL), form


def test_every_figure_bar_and_reason_leads_to_as_many_calls(
    visitor: Visitor, placed: None, clock: Clock
) -> None:
    page = visitor.open("/").text
    strip = page.partition('data-live="strip"')[2].partition("</section>")[0]
    tiles = re.findall(r'<dd[^>]*>\s*<a\s+class="quiet"\s+href="([^"]+)">\s*([^<]+?)\s*</a>', strip)
    assert len(tiles) == 8
    for link, words in tiles:
        figure = counted(visitor, unescape(link))
        if words.endswith("%"):
            assert figure == 2
        elif match := re.fullmatch(r"(\d+) of (\d+) ended", words):
            assert figure == int(match.group(2)), words
        else:
            assert figure == int(words), words
    bars = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"', strip)
    assert len(bars) == 1
    for link, words in bars:
        assert counted(visitor, unescape(link)) == sum(map(int, re.findall(r" (\d+)", words)[1:]))


def test_a_list_says_how_many_it_finds_and_no_more_than_it_has_counted(
    visitor: Visitor, placed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "5 calls" in visitor.read("/")
    assert "1 call " in visitor.read("/?flow=23&status=busy")
    monkeypatch.setattr(search, "MOST_COUNTED", 1)
    assert "More than 1 calls" in visitor.read("/?flow=23")
    assert "5 calls" in visitor.read("/")  # the figures know it


def test_pages_go_older_and_newer(
    visitor: Visitor, placed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obdtrack.web.pages.calls.PAGE", 2)

    def follow(address: str, rel: str) -> str:
        found = re.search(rf'href="([^"]+)" rel="{rel}"', visitor.open(address).text)
        return unescape(found.group(1)) if found else ""

    assert listed(visitor, "/") == ["FIFTH", "FOURTH"]
    second = follow("/", "next")
    third = follow(second, "next")
    assert (listed(visitor, second), listed(visitor, third)) == (["THIRD", "SECOND"], ["FIRST"])
    assert listed(visitor, follow(third, "prev")) == ["THIRD", "SECOND"]
    assert follow(second, "prev") == follow(third, "next") == ""
    assert listed(visitor, "/?status=completed&status=busy") == ["THIRD", "SECOND"]
    either = follow("/?status=completed&status=busy", "next")
    assert listed(visitor, either) == ["FIRST"]


def test_what_no_index_finds_is_looked_for_a_bounded_way_at_a_time(
    visitor: Visitor, placed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LOOKED_AT", 1)
    page = visitor.open("/?flow=99").text
    assert listed(visitor, "/?flow=99") == ["FIFTH"]
    assert "calls looked at" in text_of(page)
    seen, address = [], "/?flow=99"
    while address:
        page = visitor.open(address).text
        seen += listed(visitor, address)
        found = re.search(r'href="([^"]+)" rel="next"', page)
        address = unescape(found.group(1)) if found else ""
    assert seen == ["FIFTH", "THIRD", "FIRST"]


def test_columns_are_chosen_and_kept(visitor: Visitor, placed: None) -> None:
    assert "0:23" in visitor.read("/?status=completed")
    assert "Caller" in visitor.read("/")
    response = visitor.send("/columns", on="/", query="status=busy", column="flow")
    assert response.location == "/?status=busy"
    page = visitor.open("/").text
    assert re.findall(r'<th scope="col"[^>]*>([^<]+)', page) == ["Status", "Number", "Flow"]
    assert 'class="c-flow" data-label="Flow">23<' in page
    visitor.send("/columns", on="/", query="", column="nothing")
    assert 'class="c-flow"' not in visitor.open("/").text


def test_a_call_shows_who_placed_it(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    caller.place(reference="FIRST")
    assert 'class="cut">tests<' in visitor.open("/").text


@pytest.mark.parametrize("typed", ["DIW", "diw", "Diw"])
def test_campaigns_and_references_are_found_by_their_beginnings(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider, typed: str
) -> None:
    provider.on_send = accepted(mid=None)
    for name, reference in (("diwali", "order-7"), ("diwali-2", "DIW-8"), ("sale", None)):
        caller.place(name=name, reference=reference)
    there = visitor.send("/search", on="/", q=typed).location
    told = visitor.read(there)
    assert ("diwali campaign" in told, "diwali-2 campaign" in told) == (True, True)
    assert ("DIW-8 reference" in told, "sale" in told) == (True, False)
    assert visitor.send("/search", on="/", q="order").location == "/?reference=order-7"


def test_no_number_is_found_digit_by_digit(
    guest: Visitor, visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted(mid=None)
    caller.place(name="of-8867135001", reference="for-8867135001")
    for typed in ("of-8", "for-8", "of", "for"):
        assert "8867135001" not in guest.read(guest.send("/search", on="/", q=typed).location)
    assert "8867135001" not in guest.open("/search").text
    assert visitor.send("/search", on="/", q="of-8").location == "/campaigns/of-8867135001"


def test_the_newest_campaigns_are_suggested(visitor: Visitor, placed: None) -> None:
    page = visitor.open("/").text
    assert re.findall(r'<option value="(\w+)"></option>', page) == ["diwali", "otp"]
    assert "Newest campaigns diwali otp" in visitor.read("/search")
