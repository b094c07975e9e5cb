"""What one report says, and whether it says anything new."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from obdtrack.domain.reports import Report, adds_nothing, facts, occurred_at
from tests.factories import minute

FULL = Report(
    provider_status="ANSWER",
    answered=True,
    started_at=minute(1),
    ended_at=minute(2),
    duration_seconds=23,
    charges="0.5000",
    caller="+918919520000",
    extra={"circle": "KA"},
)


def told(**changes: Any) -> dict[str, Any]:
    return facts(FULL._replace(**changes))


def test_facts_can_be_stored_as_json() -> None:
    assert json.loads(json.dumps(told())) == told()


def test_times_among_the_facts_are_text_in_utc() -> None:
    assert told()["started_at"] == "2026-11-23T12:01:00Z"


def test_what_a_report_leaves_out_is_left_out() -> None:
    assert facts(Report(provider_status="ANSWER")) == {"provider_status": "ANSWER"}


def test_no_and_zero_are_facts() -> None:
    stated = facts(Report(answered=False, duration_seconds=0))
    assert stated == {"answered": False, "duration_seconds": 0}


def test_what_tells_which_call_it_is_about_is_no_fact() -> None:
    assert facts(Report(provider_id="a:1", mid="a", to="+918867135001")) == {}


@pytest.mark.parametrize(
    ("report", "moment"),
    [
        (FULL, minute(2)),
        (FULL._replace(ended_at=None), minute(1)),
        (Report(reported_at=minute(3)), minute(3)),
        (Report(), None),
    ],
)
def test_a_report_is_about_the_end_then_the_start_then_when_it_was_written(
    report: Report, moment: object
) -> None:
    assert occurred_at(report) == moment


def test_the_same_again_adds_nothing() -> None:
    assert adds_nothing(told(), told())


def test_less_of_the_same_adds_nothing() -> None:
    assert adds_nothing(told(ended_at=None, charges=None), told())


def test_more_of_the_same_adds_something() -> None:
    assert not adds_nothing(told(dtmf="1"), told())


@pytest.mark.parametrize(
    "change",
    [
        {"provider_status": "MISSED"},
        {"started_at": minute(9)},
        {"duration_seconds": 24},
        {"charges": "0.5001"},
        {"charges": "0.50000"},
        {"charges": "-0.5000"},
        {"started_at": minute(1) + timedelta(milliseconds=400)},
        {"answered": False},
    ],
)
def test_a_fact_that_differs_adds_something(change: dict[str, Any]) -> None:
    assert not adds_nothing(told(**change), told())


@pytest.mark.parametrize("charges", ["0.5", "0.50", ".5", "0.5000"])
def test_the_same_amount_in_no_more_digits_adds_nothing(charges: str) -> None:
    assert adds_nothing(told(charges=charges), told())


def test_an_amount_adds_to_none() -> None:
    assert not adds_nothing(told(), told(charges=None))


@pytest.mark.parametrize(
    "echo",
    [
        {"caller": "+911"},
        {"bridge": "+918068280000"},
        {"flow_id": "23"},
        {"extra": {"operator": "RJ"}},
    ],
)
def test_what_echoes_our_own_request_adds_nothing(echo: dict[str, Any]) -> None:
    assert adds_nothing(told(**echo), told())
