"""A filter in an address that cannot be meant: said beside its field, and nothing is listed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conftest import Caller
from tests.factories import NUMBER, ScriptedProvider, accepted
from tests.pages.conftest import Visitor

WRONG = {
    "from": ("from=27/11/2026", "“27/11/2026” is not a day; write it like 2026-11-27."),
    "to": ("to=yesterday", "“yesterday” is not a day"),
    "to, before from": ("from=2026-11-24&to=2026-11-23", "This is before the start day."),
    "period": ("period=century", "“century” is none of hour"),
    "status": ("status=engaged", "“engaged” is not a status."),
    "status, one of two": ("status=busy&status=engaged", "“engaged” is not a status."),
    "status, attention and more": (
        "status=attention,busy",
        "cannot be combined with another status",
    ),
    "reason": ("reason=Why+not", "“Why not” is not a reason like no-report"),
    "name": (f"name={'x' * 101}", "is longer than 100 characters"),
    "name, twice": ("name=otp&name=sale", "Given more than once"),
    "reference": ("reference=a%00b", "contains control characters"),
    "ending": ("ending=01", "is not 4 to 15 digits"),
    "masked": ("masked=9188", "is not a number as lists show it"),
    "tz": ("tz=mars&from=2026-11-23", "“mars” is none of utc"),
    "before": ("before=newest", "This cursor did not come from the previous page."),
    "source": ("source=gossip", "“gossip” is none of api, webhook, poll"),
    "attempts": ("attempts=0", "“0” is not a number from 1 to 9."),
    "hour": ("hour=24", "“24” is not an hour from 0 to 23."),
    "conflict": ("conflict=perhaps", "“perhaps” is not “yes”."),
    "caller": (f"caller={'x' * 101}", "is longer than 100 characters"),
    "number_of": ("number_of=nobody", "There is no call with this id."),
    "stauts": ("stauts=busy", "There is no such filter."),
}
"""By the name of the parameter (to a comma): an address, and what is said of it."""


@pytest.fixture
def placed(caller: Caller) -> None:
    caller.place(name="otp", reference="order-7")


@pytest.mark.parametrize("wrong", [name for name in WRONG if name != "before"])
def test_a_table_of_more_than_was_asked_for_is_refused(
    visitor: Visitor, placed: None, wrong: str
) -> None:
    query, words = WRONG[wrong]
    refused = visitor.open(f"/calls.csv?{query}", headers={"Accept": "text/csv"})
    assert (refused.status_code, "order-7" in refused.text) == (422, False)
    assert words in refused.text
    assert f"{wrong.partition(',')[0]}: " in refused.text


def test_a_program_is_told_the_field(caller: Caller, placed: None) -> None:
    refused = caller.client.get("/calls.csv?from=27/11/2026", headers=caller.headers)
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["from"])


@pytest.mark.parametrize(("query", "words"), WRONG.values(), ids=WRONG)
def test_the_page_says_so_and_lists_nothing(
    visitor: Visitor, placed: None, query: str, words: str
) -> None:
    told = visitor.read(f"/?{query}")
    assert words in told
    assert "nothing is listed" in told
    assert "order-7" not in told


def test_what_was_typed_stays_in_its_field(visitor: Visitor, placed: None) -> None:
    page = visitor.open(f"/?from=27/11/2026&to=2026-11-28&status=busy&name={'x' * 101}").text
    assert re.search(r'name="from" type="text"\s+value="27/11/2026" aria-invalid="true"', page)
    assert re.search(r'name="to" type="date"\s+value="2026-11-28">', page)
    assert f'value="{"x" * 101}"' in page
    assert 'value="busy" checked' in page


def test_blanks_around_a_filter_mean_nothing(visitor: Visitor, placed: None) -> None:
    for query in ("name=+otp+", "reference=+order-7", "from=2026-11-23+", "status=", "name=+"):
        assert "order-7" in visitor.read(f"/?{query}")


def test_a_day_that_was_replaced_by_a_period_is_not_read(visitor: Visitor, placed: None) -> None:
    assert "order-7" in visitor.read("/?period=day&was=days&from=27/11/2026")


@pytest.fixture
def three(caller: Caller, provider: ScriptedProvider) -> None:
    """One call answered, one busy, one still on its way."""
    provider.on_send = accepted(mid=None)
    for word in ("ANSWER", "BUSY"):
        call = caller.place(reference=word).json
        caller.report(mid=call["provider_id"][:-2], status=word)
    caller.place(reference="WAITING")


@pytest.mark.parametrize("query", ["status=busy&status=completed", "status=busy,completed"])
def test_several_statuses_are_an_or(visitor: Visitor, three: None, query: str) -> None:
    for path in ("/", "/calls.csv"):
        told = visitor.open(f"{path}?{query}").text
        assert [word in told for word in ("ANSWER", "BUSY", "WAITING")] == [True, True, False]


def test_links_keep_all_statuses(visitor: Visitor, three: None, monkeypatch: Any) -> None:
    monkeypatch.setattr("obdtrack.web.pages.calls.PAGE", 1)
    page = " ".join(visitor.open("/?status=busy&status=completed").text.split())
    assert 'href="/?status=busy&amp;status=completed&amp;before=' in page
    assert 'href="/calls.csv?status=busy&amp;status=completed"' in page
    assert page.count('name="status"') == 12
    assert re.findall(r'name="status" value="([a-z-]+)" checked', page) == ["completed", "busy"]


DELIVERIES = {
    "from": "from=27/11/2026",
    "to": "from=2026-11-24&to=2026-11-23",
    "outcome": "outcome=lost",
    "outcome, twice": "outcome=matched&outcome=failed",
    "before": "before=newest",
    "outcom": "outcom=failed",
}


@pytest.mark.parametrize("query", DELIVERIES.values(), ids=DELIVERIES)
def test_the_inbox_says_so_too(visitor: Visitor, caller: Caller, query: str) -> None:
    caller.report()
    told = visitor.read(f"/deliveries?{query}")
    assert "nothing is listed" in told
    assert NUMBER not in told


def test_nothing_is_read_again_of_days_that_are_none(visitor: Visitor, caller: Caller) -> None:
    caller.report()
    caller.place()
    days = {"outcome": "unmatched", "from": "27/11/2026"}
    refused = visitor.send("/deliveries/replay", on="/", **days)
    assert (refused.status_code, "is not a day" in refused.text) == (422, True)


@pytest.mark.parametrize("page", ["/campaigns", "/audit"])
def test_a_list_goes_on_only_from_where_it_was(visitor: Visitor, placed: None, page: str) -> None:
    assert "nothing is listed" in visitor.read(f"{page}?before=newest")


def test_a_campaigns_period_is_one_of_ours(visitor: Visitor, placed: None) -> None:
    assert visitor.open("/campaigns/otp?period=century").status_code == 422
