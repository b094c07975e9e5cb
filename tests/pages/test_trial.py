"""A test report is no call: its page says so, and offers nothing that only a call has."""

from __future__ import annotations

import pytest

from obdtrack.operations.webhooks.try_callback import try_callback
from obdtrack.services import Services
from obdtrack.statistics import counters
from obdtrack.store import models
from tests.conftest import Caller
from tests.factories import ScriptedProvider
from tests.pages.conftest import Visitor

NOWHERE = "http://127.0.0.1:9/webhooks/mobtexting"


@pytest.fixture
def trial(services: Services) -> str:
    return f"/calls/{try_callback(NOWHERE, services, patience=0).call_id}"


def test_a_test_report_says_that_no_phone_rang(visitor: Visitor, trial: str) -> None:
    told = visitor.read(trial)
    assert "A test report; no phone rang obdtrack posted it to its own callback" in told
    assert "it has not arrived." in told
    assert "From obdtrack itself, which created the call and its report as a test." in told
    assert "Test call given an id; nothing was sent" in told


def test_a_test_report_is_not_told_as_a_call(
    visitor: Visitor, trial: str, provider: ScriptedProvider
) -> None:
    told = visitor.read(trial)
    for false in ("Request sent", "The provider's answer", "Our request", "to scale", "Show the"):
        assert false not in told
    assert "Poll the provider now" not in told
    assert provider.sent == []


def test_a_call_is_not_told_as_a_test(visitor: Visitor, caller: Caller) -> None:
    told = visitor.read(f"/calls/{caller.place(name='obdtrack-test').json['id']}")
    assert "A test report" not in told
    assert "Poll the provider now" in told


def test_test_reports_are_in_no_list_and_no_figure(visitor: Visitor, trial: str) -> None:
    call_id = trial.rpartition("/")[2]
    assert trial not in visitor.open("/?period=any").text
    assert call_id not in visitor.open("/calls.csv").text
    assert "obdtrack-test" not in visitor.read("/campaigns")
    assert counters.wrong() == 0
    assert list(models.Statistic.select()) == []


def test_test_reports_are_shown_to_who_asks_for_them(visitor: Visitor, trial: str) -> None:
    for address in ("/?period=any&name=obdtrack-test", "/campaigns/obdtrack-test"):
        assert trial in visitor.open(address, follow_redirects=True).text
    assert "A test report; no phone rang" in visitor.read(trial)


def test_a_call_named_like_a_test_is_listed_and_counted(visitor: Visitor, caller: Caller) -> None:
    call_id = caller.place(name="obdtrack-test").json["id"]
    assert call_id in visitor.open("/?period=any").text
    assert "obdtrack-test" in visitor.read("/campaigns")
    assert counters.wrong() == 0
