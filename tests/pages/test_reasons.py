"""Why calls fail: counted on both pages, each reason a link, and in the provider's own words."""

from __future__ import annotations

import re
from html import unescape

import pytest

from obdtrack.domain.submission import Failure, SendResponse
from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider, accepted
from tests.pages.conftest import Visitor

WORDS = f"No balance for {NUMBER[1:]}"


@pytest.fixture
def failed(caller: Caller, provider: ScriptedProvider) -> None:
    """Of a campaign one call answered, two busy, one without a route, one refused in words."""
    provider.on_send = accepted(mid=None)
    for word in ("ANSWER", "BUSY", "BUSY", "CONGESTION"):
        call = caller.place(name="otp", reference=word).json
        caller.report(mid=call["provider_id"][:-2], status=word)
    provider.on_send = lambda _: SendResponse(Failure.INSUFFICIENT_BALANCE, WORDS, http_status=400)
    caller.place(name="otp", reference="REFUSED")
    provider.on_send = accepted(mid=None)
    caller.place(name="otp", reference="WAITING")
    other = caller.place(name="spring", reference="OTHER").json
    caller.report(mid=other["provider_id"][:-2], status="BUSY")


def linked(visitor: Visitor, page: str) -> dict[str, tuple[int, list[str]]]:
    """Return by its words how many calls a reason has, and those that its link leads to."""
    table = visitor.open(page).text.partition('class="bars why"')[2].partition("</table>")[0]
    rows = re.findall(r'<a href="([^"]+)">(.*?)</a>.*?<td class="n">(\d+)', table, re.DOTALL)
    return {
        words: (int(calls), re.findall(r'ref">(\w+)', visitor.open(unescape(link)).text))
        for link, words, calls in rows
    }


@pytest.mark.parametrize(("page", "others"), [("/", ["OTHER"]), ("/campaigns/otp", [])])
def test_each_reason_is_counted_and_leads_to_its_calls(
    visitor: Visitor, failed: None, page: str, others: list[str]
) -> None:
    assert linked(visitor, page) == {
        "The line was busy": (2 + len(others), [*others, "BUSY", "BUSY"]),
        "No route, or congestion in the network": (1, ["CONGESTION"]),
        "The balance at the provider is too low": (1, ["REFUSED"]),
    }


def test_shares_are_of_what_failed_in_the_time_that_is_shown(
    visitor: Visitor, failed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = visitor.read("/campaigns/otp?period=day")
    assert "The line was busy 2 50.0 %" in told
    assert "lost (4)." in told
    assert "Why calls fail" not in visitor.read("/?to=2020-01-01")
    monkeypatch.setattr("obdtrack.web.pages.totals.MOST_LOOKED_AT", 3)
    told = visitor.read("/campaigns/otp")
    assert "lost (2) among the newest 3 calls of this time." in told


def test_the_list_has_the_providers_words_without_a_number(guest: Visitor, failed: None) -> None:
    told = guest.open("/").text
    assert ">No balance for +9188•••••001</q>" in told
    assert ">CONGESTION</q>" in told
    assert ">BUSY</q>" not in told  # they say no more than ours


def test_a_reason_is_chosen_without_a_status(visitor: Visitor, failed: None) -> None:
    assert "REFUSED" in visitor.read("/?reason=insufficient-balance")
    told = visitor.read("/?reason=none")
    assert [word in told for word in ("OTHER", "BUSY", "REFUSED")] == [True, True, False]
    assert "CONGESTION" not in visitor.open("/calls.csv?reason=none").text
