"""The list and its figures: one period, one meaning for each word, and the first call of all."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from obdtrack.domain.status import FINAL, Status
from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.web.pages.labels import GROUP
from obdtrack.web.pages.preferences import Zone, day_start
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor, text_of

UNKNOWN = SendResponse(Failure.PROVIDER_ERROR)
REFUSED = SendResponse(Failure.REFUSED)


def chosen(page: str) -> list[str]:
    return re.findall(r'<option value="([^"]*)" selected', page)


def days(page: str) -> list[str]:
    return re.findall(r'type="date"\s+value="([^"]*)"', page)


def test_days_are_shown_as_the_time_that_was_chosen(visitor: Visitor) -> None:
    page = visitor.open("/?period=week&was=week&from=2026-11-23&to=2026-11-23").text
    assert (chosen(page), days(page)) == (["days"], ["2026-11-23"] * 2)
    assert "Selected days" in page


def test_a_period_takes_the_place_of_days(visitor: Visitor, caller: Caller) -> None:
    caller.place(reference="order-7")
    page = visitor.open("/?period=day&was=days&from=2020-01-01&to=2020-01-01").text
    assert (chosen(page), days(page)) == (["day"], ["", ""])
    assert "order-7" in page


def test_days_stay_when_only_something_else_is_chosen(visitor: Visitor) -> None:
    page = visitor.open("/?status=busy&period=days&was=days&from=2020-01-01&to=").text
    assert (chosen(page), days(page)) == (["days"], ["2020-01-01", ""])
    assert 'value="busy" checked' in page


def test_days_are_kept_for_a_number_that_is_searched(visitor: Visitor, caller: Caller) -> None:
    caller.place()
    assert "No calls here" in visitor.read("/?ending=5001&from=2020-01-01&to=2020-01-01")
    assert "No calls here" not in visitor.read("/?ending=5001")


@pytest.mark.parametrize("minutes", [0, 15, 29, 30, 45, 59])
def test_the_list_begins_where_its_figures_begin(
    visitor: Visitor, caller: Caller, clock: Clock, minutes: int
) -> None:
    for _ in range(12):
        caller.place()
        clock.forward(minutes=10)
    clock.forward(minutes=minutes)
    page = visitor.open("/?period=hour").text
    placed = re.search(r"Placed (\d+)", text_of(page))
    assert placed is not None
    assert page.count('class="row-link"') == int(placed[1])


def test_the_strip_says_since_when_it_counts(
    visitor: Visitor, caller: Caller, clock: Clock
) -> None:
    caller.place()
    clock.forward(minutes=10)
    assert "Calls placed since 23 Nov 11:00." in visitor.read("/?period=hour")
    assert "Calls of all time; the bars begin on" in visitor.read("/?period=any")


def test_figures_up_to_a_day_leave_out_what_came_later(visitor: Visitor, caller: Caller) -> None:
    caller.place()
    assert "Placed 0" in visitor.read("/?to=2026-11-22")
    assert "Placed 1" in visitor.read("/?to=2026-11-23")


@pytest.fixture
def of_every_kind(caller: Caller, provider: ScriptedProvider) -> None:
    """Two calls answered, two canceled, one rejected, one unknown, one queued."""
    provider.on_send = accepted(mid=None)
    for word in ("ANSWER", "ANSWER", "CANCEL", "CANCEL"):
        call = caller.place(name="otp").json
        caller.report(mid=call["provider_id"][:-2], status=word)
    caller.place(name="otp")
    for response in (UNKNOWN, REFUSED):
        provider.on_send = lambda _, response=response: response
        caller.place(name="otp")


def test_a_word_counts_the_same_on_every_page(visitor: Visitor, of_every_kind: None) -> None:
    listed, campaigns, campaign = map(visitor.read, ("/", "/campaigns", "/campaigns/otp"))
    for told in (listed, campaign):
        assert "Rejected 1 In doubt 1 Waiting 1" in told
        assert re.search(r"Answered 50(\.0)? % 2 of 4 ended", told)
    assert "Canceled 2 Failed 0" in listed
    assert "Not answered 2" in campaign
    assert "otp 7 50 %" in campaigns
    assert re.search(r'data-label="waiting">\s*<a [^>]*>1<', visitor.open("/campaigns").text)


def test_percents_of_a_campaign_are_of_what_is_said_below(
    visitor: Visitor, of_every_kind: None
) -> None:
    told = visitor.read("/campaigns/otp")
    assert re.search(r"Answered 2 50\.0 % Canceled 2 50\.0 %", told)
    assert "Percent of the calls that ended (4)" in told
    assert "Percent of the calls that were answered (2)" in told


def test_every_status_is_in_one_of_the_groups_that_add_up() -> None:
    parts = [FINAL, GROUP["in-doubt"].statuses, GROUP["waiting"].statuses]
    parts.append({Status.REJECTED, Status.SKIPPED})
    assert sorted(status for part in parts for status in part) == sorted(Status)
    assert GROUP["ended"].statuses == GROUP["not-answered"].statuses | {Status.COMPLETED}


def test_bars_of_campaigns_have_a_legend_and_a_title(visitor: Visitor, of_every_kind: None) -> None:
    page = visitor.open("/campaigns").text
    said = "Answered 2, Canceled 2, Rejected 1, Unknown 1, Queued 1"
    assert f"<title>{said}</title>" in page
    legend = "By status: Answered Canceled Rejected Unknown Queued Campaign"
    assert legend in visitor.read("/campaigns")


def test_campaigns_are_in_the_order_of_their_newest_calls(
    visitor: Visitor, caller: Caller, clock: Clock
) -> None:
    for name in ("b", "c", "a"):
        caller.place(name=name)
        clock.forward(seconds=40)
    page = visitor.open("/campaigns").text
    assert re.findall(r'href="/campaigns/(\w)"', page) == ["a", "c", "b"]


def test_whoever_begins_is_told_how(visitor: Visitor, guest: Visitor) -> None:
    assert "First steps" in visitor.read("/")
    assert "Place one to your own phone. Place a call" in visitor.read("/?status=busy")
    assert 'href="/place"' not in guest.open("/").text


def test_an_empty_period_is_no_beginning(visitor: Visitor, caller: Caller) -> None:
    caller.place()
    assert "No calls here" in visitor.read("/?to=2020-01-01")


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/", "Calls"),
        ("/campaigns", "Campaigns"),
        ("/campaigns/otp", "Campaigns"),
        ("/calls/{id}", "Calls"),
        ("/search", "Calls"),
        ("/deliveries", "Deliveries"),
        ("/audit", "Audit"),
    ],
)
def test_the_navigation_says_where_one_is(
    visitor: Visitor, caller: Caller, path: str, word: str
) -> None:
    call = caller.place(name="otp").json
    page = visitor.open(path.format(id=call["id"])).text
    nav = page.partition('aria-label="Pages"')[2].partition("</nav>")[0]
    assert re.findall(r'<a[^>]* aria-current="\w+">([^<]+)', nav) == [word]


@pytest.mark.parametrize("path", ["/nothing", "/calls/nothing", "/assets/nothing/at-all"])
def test_no_page_is_the_current_one_where_there_is_none(visitor: Visitor, path: str) -> None:
    page = visitor.open(path, headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "aria-current" not in page.text.partition("</nav>")[0]


@pytest.mark.parametrize("page", ["/", "/calls.csv", "/deliveries"])
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2199-12-31", "1970-01-01"])
def test_any_day_can_be_asked_for(visitor: Visitor, page: str, day: str) -> None:
    for name in ("from", "to"):
        assert visitor.client.get(f"{page}?{name}={day}").status_code == 200


def test_a_day_of_twenty_five_hours_is_shown_whole() -> None:
    berlin = Zone("mine", ZoneInfo("Europe/Berlin"))
    start, end = (day_start("2026-10-25", berlin, days_later=n) for n in (0, 1))
    assert start
    assert end
    assert end - start == timedelta(hours=25)
