"""The inbox: whose request it is, what it says, which are wanted, and all of them read again."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from obdtrack.web.pages import deliveries as inbox
from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider, accepted, report_body
from tests.pages.conftest import Visitor

MASKED = "+9188•••••001"


def day(shift: int) -> str:
    """A day as ids know it: they are made by the machine's own clock."""
    return f"{datetime.now(UTC) + timedelta(days=shift):%Y-%m-%d}"


@pytest.fixture
def reported(caller: Caller, provider: ScriptedProvider) -> Any:
    """A call with its report, a duplicate of that, and a report of a call that is not ours."""
    provider.on_send = accepted(mid=None)
    call = caller.place().json
    for _ in range(2):
        caller.report(mid=call["provider_id"][:-2])
    caller.report(mid="nobody's", to=919845012012, status="RINGOUT")
    return call


def test_each_request_tells_its_number_and_the_providers_word(
    visitor: Visitor, reported: Any
) -> None:
    told = visitor.read("/deliveries")
    named = reported["provider_id"].partition(":")[0]
    assert f"the request about {NUMBER} {NUMBER} ANSWER POST {named}" in told
    assert f"Duplicate : the request about {NUMBER} {NUMBER} ANSWER" in told
    assert "+919845012012 RINGOUT" in told


def test_who_may_not_see_numbers_is_shown_them_masked(guest: Visitor, reported: Any) -> None:
    page = guest.open("/deliveries").text
    assert f"{MASKED} ANSWER POST" in guest.read("/deliveries")
    assert NUMBER[1:] not in page
    assert "919845012012" not in page


def test_a_request_leads_to_its_call_by_how_that_stands(visitor: Visitor, reported: Any) -> None:
    page = visitor.open("/deliveries").text
    link = (
        rf'href="/calls/{reported["id"]}"\s+aria-label="Answered: the call to \{NUMBER}">Answered<'
    )
    assert len(re.findall(link, page)) == 2


def test_what_cannot_be_read_shows_how_it_begins_and_why(visitor: Visitor, caller: Caller) -> None:
    caller.deliver("who are you?")
    caller.deliver(json.dumps({"x": "y" * 9000}))
    told = visitor.read("/deliveries")
    assert re.search(r"no number \S.* POST who are you\?", told)


def test_a_request_tells_its_number_on_its_own_page(visitor: Visitor, reported: Any) -> None:
    paths = re.findall(r'href="(/deliveries/[0-9a-f-]{36})"', visitor.open("/deliveries").text)
    assert "Number +919845012012 Provider status RINGOUT" in visitor.read(paths[0])


@pytest.mark.parametrize(
    ("first", "last", "there"),
    [(-1, 1, True), (None, 1, True), (-1, None, True), (2, None, False), (None, -2, False)],
)
def test_requests_of_some_days_are_shown(
    visitor: Visitor, reported: Any, first: int | None, last: int | None, there: bool
) -> None:
    bounds = {"from": first, "to": last}
    query = "&".join(f"{name}={day(shift)}" for name, shift in bounds.items() if shift is not None)
    told = visitor.read(f"/deliveries?outcome=unmatched&{query}")
    assert ("RINGOUT" in told) == there
    assert ("No request ended with the outcome Unmatched in these days." in told) != there


def test_an_outcome_is_chosen_within_the_days(visitor: Visitor, reported: Any) -> None:
    page = visitor.open(f"/deliveries?from={day(-1)}&before=x").text
    assert f'href="/deliveries?from={day(-1)}&amp;outcome=matched"' in page
    assert "No report has arrived yet" not in visitor.read(f"/deliveries?from={day(9)}")


def read_all(visitor: Visitor, **form: str) -> tuple[str, str]:
    """Press the button; returns where it leads and what it said."""
    location = visitor.send("/deliveries/replay", on="/", outcome="unmatched", **form).location
    return location, visitor.read(location)


@pytest.fixture
def five_unmatched(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five reports of no call of ours, and pages that read two at a time again."""
    monkeypatch.setattr(inbox, "_AT_ONCE", 2)
    for count in range(5):
        caller.report(mid=f"nobody's-{count}")


def test_reading_all_again_goes_on_where_it_stopped(visitor: Visitor, five_unmatched: None) -> None:
    location, told = read_all(visitor)
    assert "Reprocessed: 2 unmatched; 3 to go." in told
    assert "Reprocess the next ones" in told
    after = location.rpartition("after=")[2]
    location, told = read_all(visitor, after=after)
    assert "2 unmatched; 1 to go." in told
    location, told = read_all(visitor, after=location.rpartition("after=")[2])
    assert "Reprocessed: 1 unmatched; none left." in told
    assert "after=" not in location


def test_only_requests_of_the_chosen_days_are_read_again(
    visitor: Visitor, five_unmatched: None
) -> None:
    assert "nothing to reprocess" in read_all(visitor, **{"from": day(2)})[1]
    location, told = read_all(visitor, to=day(1))
    assert "3 to go" in told
    assert f"to={day(1)}" in location


def why_it_stays_rejected(visitor: Visitor, caller: Caller) -> str:
    """Read again a report with a wrong secret; returns the page that then opens."""
    caller.deliver(json.dumps(report_body()), headers={"Authorization": "Bearer wrong-and-long"})
    caller.client.application.quarantine.flush()
    response = visitor.send("/deliveries/replay", on="/", outcome="rejected")
    return visitor.read(response.location)


WHY = "carried a secret that is not one of OBDTRACK_WEBHOOK_SECRETS"


def test_a_wrong_secret_stays_wrong(visitor: Visitor, caller: Caller) -> None:
    told = why_it_stays_rejected(visitor, caller)
    assert "Reprocessed: 1 rejected; none left." in told
    assert WHY in told


def test_not_saying_why_it_stays_so_would_be_noticed(
    visitor: Visitor, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counts_alone(ends: Counter[str], _: int) -> str:
        return f"Reprocessed: {sum(ends.values())}."

    monkeypatch.setattr(inbox, "_said", counts_alone)
    assert WHY not in why_it_stays_rejected(visitor, caller)


@pytest.mark.parametrize("outcome", ["matched", "nonsense", ""])
def test_only_what_may_change_is_read_again(visitor: Visitor, outcome: str) -> None:
    assert visitor.send("/deliveries/replay", on="/", outcome=outcome).status_code == 422
