"""A campaign's page: its own life, hour by hour, beside the one before, and calls nobody heard."""

from __future__ import annotations

import re

import pytest

from obdtrack.calls import search
from obdtrack.calls.search import CallFilter, Talk
from obdtrack.services import Services
from obdtrack.statistics import questions
from tests.conftest import Caller
from tests.factories import Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor, text_of


@pytest.fixture
def two(caller: Caller, provider: ScriptedProvider, clock: Clock) -> None:
    """Two campaigns of one name, a day apart, and one of another name between them.

    The second has an answered call of two seconds, one of forty, and, an hour later, a busy one.
    """
    provider.on_send = accepted(mid=None)

    def call(name: str, **report: str) -> None:
        placed = caller.place(name=name).json
        start = f"{clock():%Y-%m-%d %H:%M:%S}"
        caller.report(mid=placed["provider_id"][:-2], start_at=start, **report)

    call("fees 22 Nov", duration="30", charges="0.50")
    clock.forward(hours=2)
    call("other", duration="5", charges="0.10")
    clock.forward(hours=22)
    call("fees 23 Nov", duration="2", charges="0.25")
    call("fees 23 Nov", duration="40", charges="0.35")
    clock.forward(hours=1)
    call("fees 23 Nov", status="BUSY", charges="0")


def links(page: str) -> list[str]:
    return [one.replace("&amp;", "&") for one in re.findall(r'href="(/\?[^"]*)"', page)]


def test_a_campaign_is_drawn_from_its_first_to_its_last_call(
    two: None, visitor: Visitor, clock: Clock
) -> None:
    clock.forward(hours=9)
    page = visitor.read("/campaigns/fees 23 Nov")
    assert "Whole campaign" in page
    assert "Calls placed since 24 Nov 12:00 until 24 Nov 13:30." in page
    assert "Placed 3" in page


def test_days_are_those_of_the_readers_calendar(two: None, visitor: Visitor, clock: Clock) -> None:
    clock.forward(hours=11, minutes=10)
    for query, placed in (
        ("period=today", 0), ("period=yesterday", 3), ("from=2026-11-24&to=2026-11-24", 3),
        ("from=2026-11-25", 0),
    ):  # fmt: skip
        assert f"Placed {placed} " in visitor.read(f"/campaigns/fees 23 Nov?{query}"), query
        assert visitor.read(f"/?name=fees 23 Nov&{query}").count("the call to") == placed


def test_an_hours_figures_lead_to_exactly_its_calls(two: None, visitor: Visitor) -> None:
    page = visitor.open("/campaigns/fees 23 Nov").text
    assert "12:00–12:59 2 2 100.0 % 0.6000" in text_of(page)
    assert "13:00–13:59 1 0 0.0 % 0.0000" in text_of(page)
    found = [one for one in links(page) if "hour=12" in one]
    assert (
        len(set(found)) == 3
    )  # all of the hour, those answered, and of the chart those that ended
    assert {visitor.read(one).count("the call to") for one in found} == {2}


def test_a_campaign_is_compared_with_the_one_before_of_the_same_kind(
    two: None, visitor: Visitor
) -> None:
    page = visitor.read("/campaigns/fees 23 Nov")
    assert "Compared with fees 22 Nov (23 Nov)" in page
    assert "Placed 3 1 +2" in page
    assert "Answered, of those that ended 66.7 % 100.0 % −33.3 points" in page
    assert "Average talk time 21 s 30 s −9 s" in page
    assert "Cost of an answered call 0.3000 0.5000 −0.2000" in page
    assert "Compared with other (" in visitor.read("/campaigns/fees 23 Nov?with=other")
    assert "There is no campaign before this one" in visitor.read("/campaigns/fees 22 Nov")


def test_calls_in_which_perhaps_nothing_was_heard_are_found(two: None, visitor: Visitor) -> None:
    page = visitor.open("/campaigns/fees 23 Nov").text
    assert "1 call was answered and ended within 3 seconds: perhaps" in text_of(page)
    (address,) = (one for one in links(page) if "talked=3" in one)
    listed = visitor.open(address).text
    assert text_of(listed).count("the call to") == 1
    (call,) = re.findall(r'class="row-link" href="([^"]*)"', listed)
    assert "perhaps the sound did not play" in visitor.read(call)
    assert "Perhaps nothing was heard" not in visitor.read("/campaigns/fees 22 Nov")


def test_talk_and_life_are_the_same_in_both_databases(services: Services, two: None) -> None:
    with services.store.connection_context():
        assert search.talk(CallFilter(name="fees 23 Nov"), 2000) == Talk(2, 42, 1)
        life = questions.life("fees 23 Nov")
        assert life is not None
        assert life.end - life.first == 3
        assert questions.life("none") is None
