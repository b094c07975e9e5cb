"""A test report is no call: its page says so, and offers nothing that only a call has."""

from __future__ import annotations

import pytest

from obdtrack.operations.webhooks.try_callback import try_callback
from obdtrack.services import Services
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
