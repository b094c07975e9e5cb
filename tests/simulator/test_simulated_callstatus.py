"""Asking what became of calls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from obdtrack.providers.mobtexting.simulator.limits import WindowLimit

EVENING = datetime(2026, 1, 31, 20, 0, tzinfo=UTC)


def test_a_call_that_still_rings_is_queued(start):
    provider = start(ring_seconds=3600)
    call_id = provider.place("01").json()["data"][0]["id"]
    (row,) = provider.ask(id=call_id)
    assert (row["status"], row["start_at"], row["end_at"]) == ("queued", None, None)


def test_the_older_row_tells_the_duration_as_a_clock_does(provider):
    provider.place("11")
    provider.reports()
    (row,) = provider.ask(mobile="918867135011")
    assert (row["status"], row["duration"]) == ("BUSY", "00:00:01")
    assert (row["mobile"], row["caller_id"]) == ("918867135011", "918068280000")


def test_the_newer_row_tells_when_the_call_was_created(start):
    provider = start(generation="2024", now=lambda: EVENING)
    provider.place("11")
    provider.reports()
    (row,) = provider.ask(mobile="918867135011")
    assert (row["channel"], row["status"], row["to"]) == ("outgoing", "BUSY", "918867135011")
    assert row["created_at"] == "2026-01-31 20:00:00"


def test_it_says_the_same_as_the_report(provider):
    provider.place("12", interval=5)
    report = provider.bodies()[-1]
    (row,) = provider.ask(mobile="918867135012")
    assert all(row[key] == report[key] for key in ("status", "start_at", "end_at"))


def test_a_submission_is_found_whole(provider):
    response = provider.place("", to="918867135001,918867135011").json()
    submission = response["data"][0]["id"].split(":")[0]
    assert len(provider.ask(cid=submission)) == 2


def test_a_day_is_one_of_the_simulators_zone(start):
    provider = start(timezone_offset_minutes=330, now=lambda: EVENING)
    provider.place("01")
    assert provider.ask(date="2026-01-31") == []
    assert len(provider.ask(date="2026-02-01")) == 1


def test_all_of_a_question_must_fit(provider):
    call_id = provider.place("01").json()["data"][0]["id"]
    assert provider.ask(id=call_id, mobile="918867135011") == []


def test_an_unknown_call_is_an_empty_list(provider):
    assert provider.ask(id="nobody:1") == []


@pytest.mark.parametrize("question", [{}, {"id": ""}, {"date": "31/01/2026"}])
def test_a_question_that_asks_nothing_is_refused(provider, question):
    response = provider.request("GET", "outgoing/callstatus", params=question)
    assert response.status_code == 422


def test_too_many_questions_a_minute_are_refused(start):
    provider = start(gets_per_minute=2)
    responses = [provider.request("GET", "outgoing/callstatus?id=x") for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert 1 <= int(responses[-1].headers["Retry-After"]) <= 60


def test_placing_calls_is_not_counted_as_a_question(start):
    provider = start(gets_per_minute=0)
    assert provider.place("01").status_code == 200


@pytest.mark.parametrize("window_seconds", [1, 60])
def test_the_limit_lets_go_after_its_window(window_seconds):
    now = [0.0]
    limit = WindowLimit(1, window_seconds, clock=lambda: now[0])
    assert limit.wait_seconds() == 0
    assert limit.wait_seconds() == window_seconds
    now[0] = window_seconds
    assert limit.wait_seconds() == 0
