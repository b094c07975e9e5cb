"""One call with thousands of reports holds nothing up: beyond a number they are kept raw only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from flask import Flask

from obdtrack.access.keys import create_key
from obdtrack.calls import journal, queries
from obdtrack.calls.rebuild import rebuild
from obdtrack.calls.reports import conflicts, record
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain import timeline
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.reports import RawDelivery
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.web.pages import call as call_page
from obdtrack.web.pages import http_log
from tests.conftest import Caller
from tests.factories import MID, report_body
from tests.pages.conftest import Visitor
from tests.torture.one_call import report_of_calls

MOST = 10


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MOST_REPORTS", MOST)


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each fold looked at, and each reading gave."""
    seen: list[int] = []

    def counted(events: Sequence[Event], interval: int = 0) -> CallState:
        seen.append(len(events))
        return fold(events, interval)

    read = queries.history

    def counted_history(call_ids: Any) -> dict[Any, list[Event]]:
        found = read(call_ids)
        seen.append(sum(map(len, found.values())))
        return found

    monkeypatch.setattr(journal, "fold", counted)
    monkeypatch.setattr(queries, "history", counted_history)
    return seen


@pytest.fixture
def say(services: Services, caller: Caller) -> Iterator[Callable[..., list[str]]]:
    """Report the one call so many times, all in one transaction; each says something else."""
    caller.place()
    numbers = iter(range(10_000))

    def report(count: int, **changes: Any) -> list[str]:
        batch = []
        for number in (next(numbers) for _ in range(count)):
            body = json.dumps(report_body(**{"duration": str(number), **changes})).encode()
            raw = RawDelivery("POST", "", {}, "application/json", body)
            batch.append(InboundRequest(new_id(), services.now(), raw, "mobtexting"))
        return [taken.outcome for taken in receive_deliveries(batch, services)]

    return report


def events(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get(f"/calls/{MID}:1/events").json["data"]
    return found


def kinds(caller: Caller, kind: str) -> int:
    return sum(event["kind"] == kind for event in events(caller))


def test_beyond_a_number_reports_are_kept_raw_only_and_that_is_said(
    caller: Caller, say: Callable[..., list[str]]
) -> None:
    outcomes = say(MOST + 5)
    assert outcomes == ["matched"] * MOST + ["ignored"] * 5
    assert say(5) == ["ignored"] * 5
    assert (kinds(caller, "report"), kinds(caller, "limit")) == (MOST, 1)
    last = caller.get("/deliveries", limit=1).json["data"][0]
    assert "kept raw only" in last["reason"]
    assert last["call_id"] == caller.get(f"/calls/{MID}:1").json["id"]


def test_what_is_kept_raw_costs_neither_a_fold_nor_reading_the_timeline(
    say: Callable[..., list[str]], folded: list[int]
) -> None:
    say(MOST)
    folded.clear()
    say(200)
    say(200)
    assert sum(folded) == 0


def test_folding_all_of_a_call_for_each_report_would_be_noticed(
    say: Callable[..., list[str]], folded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_is_full", lambda *_: False)
    say(MOST)
    folded.clear()
    say(50)
    assert sum(folded) > 50 * MOST


def test_the_report_that_says_how_the_call_ended_counts_whatever_came_before(
    caller: Caller, say: Callable[..., list[str]]
) -> None:
    for count in range(MOST + 3):
        say(1, status="RINGING", dtmf=str(count), start_at=None, end_at=None)
    assert caller.get(f"/calls/{MID}:1").json["status"] == "queued"
    assert say(1, status="BUSY") == ["matched"]
    assert say(3) == ["matched", "ignored", "ignored"]
    assert caller.get(f"/calls/{MID}:1").json["status"] == "completed"
    assert (kinds(caller, "report"), kinds(caller, "limit")) == (MOST + 2, 1)


def test_beside_redials_too_their_number_has_an_end(
    caller: Caller, services: Services, say: Callable[..., list[str]]
) -> None:
    models.Call.update(interval=5).execute()
    day = "2026-11-23"
    say(MOST, status="BUSY", start_at=f"{day} 12:50:00", end_at=f"{day} 12:50:30")
    outcomes = say(3 * MOST, start_at=f"{day} 12:10:00", end_at=f"{day} 12:10:30")
    assert caller.get(f"/calls/{MID}:1").json["status"] == "busy"
    assert outcomes == ["matched"] * MOST + ["ignored"] * 2 * MOST


def test_recomputing_such_a_call_changes_nothing(
    caller: Caller, services: Services, say: Callable[..., list[str]]
) -> None:
    say(MOST + 5)
    before = events(caller)
    assert rebuild(services, check=True) == (1, (), 0)
    assert rebuild(services, check=False) == (1, (), 0)
    assert events(caller) == before


def test_contradictions_are_noted_a_few_times_only(
    caller: Caller, say: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflicts, "MOST_CONFLICTS", 3)
    for count in range(6):
        say(1, to=9188671350 * 100 + 10 + count, status=f"WORD{count}")
    assert kinds(caller, "conflict") == 3
    assert models.Delivery.select().count() == 6


def pages(caller: Caller, limit: int) -> list[list[dict[str, Any]]]:
    """Return a timeline as it is given page by page."""
    found, cursor = [], {}
    while True:
        page = caller.get(f"/calls/{MID}:1/events", limit=limit, **cursor)
        found.append(page.json["data"])
        if page.json["next_cursor"] is None:
            assert "Link" not in page.headers
            return found
        assert page.json["next_cursor"] in page.headers["Link"]
        cursor = {"cursor": page.json["next_cursor"]}


def test_a_timeline_is_given_in_pages_and_a_usual_one_whole(
    caller: Caller, say: Callable[..., list[str]]
) -> None:
    say(MOST)
    found = pages(caller, 5)
    assert [len(page) for page in found] == [5, 5, 3]
    assert [event for page in found for event in page] == events(caller)
    gone = {"cursor": str(new_id())}
    assert caller.get(f"/calls/{MID}:1/events", **gone).json == {"data": [], "next_cursor": None}


@pytest.fixture
def page(app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """What the call's page says; few of its events are on one page."""
    monkeypatch.setattr(call_page, "PAGE", 5)
    monkeypatch.setattr(http_log, "PAGE", 5)
    visitor = Visitor(app, create_key("Asha", ["read", "place"], services))

    def open_page(query: str = "") -> str:
        return visitor.open(f"/calls/{models.Call.get().id}{query}").text

    return open_page


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="event-(\d+)"', page)]


def test_a_page_has_the_newest_events_and_a_way_to_the_older_ones(
    say: Callable[..., list[str]], page: Callable[..., str]
) -> None:
    say(1)
    assert shown(page()) == [1, 2, 3]
    assert 'rel="next"' not in page()
    say(MOST + 30)
    assert shown(page()) == [9, 10, 11, 12, 13]
    assert page().count('<details class="wire"') == 1 + 5  # the response, and five reports
    assert "kept in the inbox only" in page()
    assert "before=9" in page()
    assert shown(page("?before=9")) == [4, 5, 6, 7, 8]
    assert shown(page("?before=4")) == [1, 2, 3]
    assert shown(page("?before=99")) == shown(page("?before=x")) == shown(page())


def test_a_page_of_a_call_with_many_reports_folds_few_of_them(
    say: Callable[..., list[str]], page: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MOST_REPORTS", 1000)
    say(100)
    seen: list[int] = []

    def counted(events: Sequence[Event], interval: int = 0) -> CallState:
        seen.append(len(events))
        return fold(events, interval)

    monkeypatch.setattr(timeline, "fold", counted)
    page()
    assert sum(seen) < 200
    seen.clear()
    monkeypatch.setattr(timeline, "_may_change", lambda *_: True)
    monkeypatch.setattr(call_page, "PAGE", 1000)
    page()
    assert sum(seen) > 5000


def test_thousands_are_taken_as_fast_as_those_of_many_calls() -> None:
    assert report_of_calls(40, 1).outcomes == {"matched": MOST, "ignored": 40 - MOST}
    assert report_of_calls(40, 40).outcomes == {"matched": 40}
