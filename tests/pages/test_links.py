"""Figures that count calls are links, and each leads to as many calls as it says."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from obdtrack.domain.submission import Failure, SendResponse
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted, call_log, log_row
from tests.pages.conftest import Visitor

TILE = re.compile(r"<dt[^>]*>([^<]+)</dt>\s*<dd>\s*<a[^>]*href=\"([^\"]+)\">(\d+)</a>")
STATUS = re.compile(r"</svg>(\w[\w ]*?)\s*</span>\s*</th>.*?href=\"([^\"]+)\">(\d+)</a>", re.DOTALL)
PLACED = re.compile(r"\"placed\">\s*<a[^>]*href=\"([^\"]+)\">(\d+)")


@pytest.fixture(autouse=True)
def _calls(caller: Caller, provider: ScriptedProvider, clock: Clock) -> None:
    """Calls of two campaigns on three days, with outcomes of several kinds."""
    for word, name in (("ANSWER", "otp"), ("BUSY", "otp"), ("CANCEL", "spring"), ("", "otp")):
        provider.on_send = accepted(mid=None)
        call = caller.place(name=name, reference=f"{word}-{clock.now:%d}").json
        if word:
            caller.report(mid=call["provider_id"][:-2], status=word)
        clock.forward(hours=17)
    provider.on_send = lambda _: SendResponse(Failure.PROVIDER_ERROR)
    caller.place(name="otp", reference="unknown")
    clock.forward(minutes=10)


def listed(visitor: Visitor, link: str) -> int:
    page = visitor.open(unescape(link))
    assert page.status_code == 200
    return page.text.count('class="row-link"')


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("/", {"Placed": 5, "Busy": 1, "In doubt": 1, "Waiting": 1}),
        ("/?period=day&name=otp", {"Placed": 2, "In doubt": 1, "Waiting": 1}),
        ("/?from=2026-11-23&to=2026-11-24", {"Placed": 3, "Canceled": 1}),
        ("/campaigns/otp", {"Placed": 4, "Not answered": 1, "Waiting": 1}),
    ],
)
def test_a_tile_leads_to_the_calls_it_counts(
    visitor: Visitor, page: str, words: dict[str, int]
) -> None:
    found = {word: (link, int(n)) for word, link, n in TILE.findall(visitor.open(page).text)}
    assert {word: found[word][1] for word in words} == words
    for link, count in found.values():
        assert listed(visitor, link) == count


def test_a_status_of_a_campaign_leads_to_its_calls(visitor: Visitor) -> None:
    found = STATUS.findall(visitor.open("/campaigns/otp").text)
    assert {word for word, _, _ in found} == {"Answered", "Busy", "Queued", "Unknown"}
    for _, link, count in found:
        assert listed(visitor, link) == int(count)


def test_what_polling_found_and_what_a_redial_reached_lead_to_their_calls(
    visitor: Visitor, caller: Caller, provider: ScriptedProvider
) -> None:
    provider.on_send = accepted()
    call = caller.place(name="redialed", interval=5, reference="POLLED").json
    provider.on_find = lambda **_: call_log(log_row())
    caller.post(f"/calls/{call['id']}/refresh")
    found = {word: (link, int(n)) for word, link, n in TILE.findall(visitor.open("/").text)}
    link, count = found["Found by polling"]
    assert (count, listed(visitor, link)) == (1, 1)
    assert re.search(r'value="poll"\s+selected', visitor.open(unescape(link)).text)
    page = visitor.open("/campaigns/redialed").text
    (link,) = re.findall(r'href="([^"]+attempts=1[^"]*)">1<', page)
    assert listed(visitor, link) == 1
    assert listed(visitor, link.replace("attempts=1", "attempts=2")) == 0
    nine = link.replace("attempts=1", "attempts=9")
    assert listed(visitor, nine) == 0
    assert re.search(r'value="9"\s+selected', visitor.open(unescape(nine)).text)


def test_a_campaign_of_the_list_leads_to_all_its_calls(visitor: Visitor) -> None:
    found = PLACED.findall(visitor.open("/campaigns").text)
    assert sorted(int(count) for _, count in found) == [1, 4]
    for link, count in found:
        assert listed(visitor, link) == int(count)


@pytest.mark.parametrize(
    ("page", "bars"),
    [("/?period=day", 2), ("/?period=week", 5), ("/?period=month", 4), ("/campaigns/otp", 6)],
)
@pytest.mark.parametrize("zone", ["", "Asia%2FKolkata"])
def test_a_bar_leads_to_the_calls_it_counts(
    visitor: Visitor, page: str, bars: int, zone: str
) -> None:
    if zone:
        visitor.client.set_cookie("obdtrack_mine", zone)
    found = re.findall(
        r'<a href="([^"]+)" aria-label="[^"]*?: ([^"]*\d)">', visitor.open(page).text
    )
    assert len(found) == bars
    for link, said in found:
        assert listed(visitor, link) == sum(int(count) for count in re.findall(r"\d+", said))


def test_a_minute_may_be_where_a_period_begins_or_ends(visitor: Visitor, clock: Clock) -> None:
    said = visitor.open("/?from=2026-11-23T12:00&to=2026-11-23T12:30").text
    assert said.count('type="datetime-local"') == 2
    assert said.count('class="row-link"') == 1
    assert listed(visitor, "/?from=2026-11-23T12:01&to=2026-11-23T13:00") == 0
    later = clock.now + timedelta(minutes=1)
    assert listed(visitor, f"/?from=2026-11-26T00:00&to={later:%Y-%m-%dT%H:%M}") == 1
