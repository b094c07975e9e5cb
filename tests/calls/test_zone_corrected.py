"""After the provider's zone is put right, a rebuild reads all stored times anew, by that zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from obdtrack.calls import rederive
from obdtrack.calls.polling.check import check_due
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.providers.mobtexting.reports import PayloadReader
from obdtrack.services import Services, new_id
from tests.conftest import Caller
from tests.factories import (
    PROVIDER,
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    log_row,
    raw_delivery,
    with_settings,
)

INDIA = ZoneInfo("Asia/Kolkata")
UNANSWERED = {"start_at": "2026-11-23 17:27:23", "end_at": "2026-11-23 17:27:53"}
"""Times as the provider writes them, in India's zone."""


@pytest.fixture
def corrected(services: Services) -> Services:
    """The installation with its zone set as `doctor` advises."""
    right = with_settings(services, provider_timezone=INDIA)
    provider = right.provider
    assert isinstance(provider, ScriptedProvider)
    provider.reader = PayloadReader(timezone=INDIA)
    return right


def deliver(services: Services) -> str:
    raw = raw_delivery(status="NOANSWER", **UNANSWERED)
    stored = InboundRequest(new_id(), services.now(), raw, PROVIDER)
    return receive_deliveries([stored], services)[0].outcome


def reported_in_the_wrong_zone(caller: Caller) -> str:
    call = caller.place(interval=30).json
    caller.report(status="NOANSWER", **UNANSWERED)
    return f"/calls/{call['id']}"


def test_the_same_report_after_that_is_no_second_attempt(
    caller: Caller, corrected: Services
) -> None:
    call = reported_in_the_wrong_zone(caller)
    assert caller.get(call).json["started_at"] == "2026-11-23T17:27:23Z"
    assert len(rebuild(corrected, check=False).different) == 1
    assert deliver(corrected) == "duplicate"
    now = caller.get(call).json
    assert len(now["attempts"]) == 1
    assert (now["started_at"], now["ended_at"]) == ("2026-11-23T11:57:23Z", "2026-11-23T11:57:53Z")
    assert rebuild(corrected, check=True).different == ()


def test_a_report_that_came_before_the_rebuild_is_put_right_by_it(
    caller: Caller, corrected: Services
) -> None:
    call = reported_in_the_wrong_zone(caller)
    assert deliver(corrected) == "matched"
    assert len(caller.get(call).json["attempts"]) == 2
    rebuild(corrected, check=False)
    assert len(caller.get(call).json["attempts"]) == 1


def test_keeping_the_times_as_they_were_read_would_be_noticed(
    caller: Caller, corrected: Services
) -> None:
    call = reported_in_the_wrong_zone(caller)
    with patch.object(rederive.deliveries, "of_call", lambda _: []):
        rebuild(corrected, check=False)
    deliver(corrected)
    assert len(caller.get(call).json["attempts"]) == 2


def test_times_of_polls_and_of_the_response_are_read_anew_as_well(
    caller: Caller,
    services: Services,
    corrected: Services,
    provider: ScriptedProvider,
    clock: Clock,
) -> None:
    row = log_row(submitted_at="2026-11-23 17:29:59", start_at="2026-11-23 17:30:02", end_at=None)
    del row["created_at"]
    body = json.dumps({"data": [row]}).encode()
    wrong = datetime(2026, 11, 23, 17, 29, 59, tzinfo=UTC)
    provider.on_send = lambda request: replace_body(accepted(submitted_at=wrong)(request), body)
    call = f"/calls/{caller.place().json['id']}"
    provider.on_find = lambda **_: replace_body(call_log(row), body)
    clock.forward(minutes=20)
    check_due(services, 10, lambda _: None)
    assert caller.get(call).json["submitted_at"] == "2026-11-23T17:29:59Z"
    rebuild(corrected, check=False)
    now = caller.get(call).json
    assert (now["submitted_at"], now["started_at"]) == (
        "2026-11-23T11:59:59Z",
        "2026-11-23T12:00:02Z",
    )
    assert rebuild(corrected, check=True).different == ()


def replace_body(response: Any, body: bytes) -> Any:
    return response._replace(body=body)
