"""The questions people and programs ask, as `growth` asks them of a small and of a large database.

To have one more measured, add it to QUESTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from bench import reports
from obdtrack.domain.report import RawDelivery
from obdtrack.domain.timeline import build_timeline
from obdtrack.storage import calls, deliveries, figures, search
from obdtrack.storage.deliveries import Stored
from obdtrack.storage.search import Wanted
from obdtrack.workflows.context import Context, new_id
from obdtrack.workflows.receive_delivery import receive_deliveries

PAGE = 50
BATCH = 32


class About(NamedTuple):
    """What a question is about: call n and its ids, one of its deliveries, and when it was made.

    `stored` are reports nobody has sent yet, the first of them about call n.
    """

    context: Context
    call_id: UUID
    provider_id: str
    mid: str
    number: str
    created_at: datetime
    delivery_id: UUID
    stored: Sequence[Stored]


def _page(wanted: Wanted, before: UUID | None = None) -> None:
    found = search.newest(wanted, PAGE + 1, before)
    calls.history([call.id for call in found[:PAGE]])


def _one(identifier: str) -> None:
    call = calls.find(identifier)
    assert call is not None
    build_timeline(calls.history([call.id])[call.id], call.interval)


def _day(about: About) -> dict[str, Any]:
    day = timedelta(days=1)
    return {"since": about.created_at, "until": about.created_at + day}


def _strip(length: timedelta) -> None:
    now = datetime.now(UTC)
    period = figures.span(now - length, now)
    figures.totals(None, period)
    figures.over_time(None, period, max(1, (period.end - period.first) // 30))


def _take(reports_found: Sequence[Stored], context: Context) -> None:
    for received in receive_deliveries(reports_found, context):
        assert received.outcome == "matched", received


QUESTIONS: dict[str, Callable[[About], object]] = {
    "one call with its timeline": lambda a: _one(str(a.call_id)),
    "one call by the provider's id": lambda a: _one(a.provider_id),
    "newest calls": lambda a: _page(Wanted()),
    "calls from the middle": lambda a: _page(Wanted(), a.call_id),
    "calls of one number": lambda a: _page(Wanted(number=a.number)),
    "calls of a status": lambda a: _page(Wanted(status="busy")),
    "calls of a status that none has": lambda a: _page(Wanted(status="unresolved")),
    "calls of a status, newest day": lambda a: _page(
        Wanted(status="busy", since=datetime.now(UTC) - timedelta(days=1.5))
    ),
    "calls of a status, any day": lambda a: _page(Wanted(status="busy", **_day(a))),
    "calls of any day": lambda a: _page(Wanted(**_day(a))),
    "calls of a campaign": lambda a: _page(Wanted(name="benchmark")),
    "calls of a reference nobody used": lambda a: _page(Wanted(reference="none")),
    "search: a number": lambda a: search.newest(Wanted(number=a.number), PAGE + 1),
    "search: the last four digits": lambda a: search.newest(Wanted(ending=a.number[-4:]), PAGE + 1),
    "search: the last seven digits": lambda a: search.newest(
        Wanted(ending=a.number[-7:]), PAGE + 1
    ),
    "calls that need attention": lambda a: search.newest(Wanted(attention=True), PAGE + 1),
    "figures of the newest day": lambda a: _strip(timedelta(days=1)),
    "figures of thirty days": lambda a: _strip(timedelta(days=30)),
    "totals of a campaign": lambda a: figures.totals("benchmark", None),
    "campaigns with their totals": lambda a: figures.of_campaigns(
        [campaign.name for campaign in figures.campaigns(PAGE)]
    ),
    "newest deliveries": lambda a: deliveries.newest(PAGE + 1),
    "deliveries of an outcome": lambda a: deliveries.newest(PAGE + 1, outcome="matched"),
    "deliveries of an outcome that none has": lambda a: deliveries.newest(
        PAGE + 1, outcome="unreadable"
    ),
    "one delivery": lambda a: deliveries.find(a.delivery_id),
    "deliveries that wait for a call": lambda a: deliveries.waiting_for(a.provider_id, a.mid),
    "take one report, of any call": lambda a: _take(a.stored[:1], a.context),
    f"take {BATCH} reports, of any calls": lambda a: _take(a.stored[1:], a.context),
}
"""What is asked, by name; what adds rows comes last."""


def report_of(n: int, attempt: int) -> Stored:
    """Make a report of call n that brings another attempt, as it would reach the callback."""
    start = datetime.now(UTC) + timedelta(minutes=attempt)
    times = {"start_at": f"{start:%F %T}", "end_at": f"{start + timedelta(seconds=16):%F %T}"}
    content = reports.filled(reports.body(**times), n).encode()
    headers = {"user-agent": "Go-http-client/1.1"}
    raw = RawDelivery("POST", "", headers, "application/json", content)
    return Stored(new_id(), datetime.now(UTC), raw)
