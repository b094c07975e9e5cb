"""The questions people and programs ask, as `growth` asks them of a small and of a large database.

To have one more measured, add it to QUESTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from bench import reports
from obdtrack.calls import queries, search
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.calls.search import CallFilter
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.timeline import build_timeline
from obdtrack.services import Services, new_id
from obdtrack.statistics import questions

PAGE = 50
BATCH = 32


class About(NamedTuple):
    """What a question is about: call n and its ids, one of its deliveries, and when it was made.

    `stored` are reports nobody has sent yet, the first of them about call n.
    """

    services: Services
    call_id: UUID
    provider_id: str
    mid: str
    number: str
    created_at: datetime
    delivery_id: UUID
    stored: Sequence[InboundRequest]


def _page(wanted: CallFilter, before: UUID | None = None) -> None:
    found = search.newest(wanted, PAGE + 1, before)
    queries.history([call.id for call in found[:PAGE]])


def _one(identifier: str) -> None:
    call = queries.find(identifier)
    assert call is not None
    build_timeline(queries.history([call.id])[call.id], call.interval)


def _day(about: About) -> dict[str, Any]:
    day = timedelta(days=1)
    return {"since": about.created_at, "until": about.created_at + day}


def _strip(length: timedelta) -> None:
    now = datetime.now(UTC)
    period = questions.span(now - length, now)
    questions.totals(None, period)
    questions.over_time(None, period, max(1, (period.end - period.first) // 30))


def _take(reports_found: Sequence[InboundRequest], services: Services) -> None:
    for received in receive_deliveries(reports_found, services):
        assert received.outcome == "matched", received


QUESTIONS: dict[str, Callable[[About], object]] = {
    "one call with its timeline": lambda a: _one(str(a.call_id)),
    "one call by the provider's id": lambda a: _one(a.provider_id),
    "newest calls": lambda a: _page(CallFilter()),
    "calls from the middle": lambda a: _page(CallFilter(), a.call_id),
    "calls of one number": lambda a: _page(CallFilter(number=a.number)),
    "calls of a status": lambda a: _page(CallFilter(status="busy")),
    "calls of a status that none has": lambda a: _page(CallFilter(status="unresolved")),
    "calls of a status, newest day": lambda a: _page(
        CallFilter(status="busy", since=datetime.now(UTC) - timedelta(days=1.5))
    ),
    "calls of a status, any day": lambda a: _page(CallFilter(status="busy", **_day(a))),
    "calls of any day": lambda a: _page(CallFilter(**_day(a))),
    "calls of a campaign": lambda a: _page(CallFilter(name="benchmark")),
    "calls of a reference nobody used": lambda a: _page(CallFilter(reference="none")),
    "search: a number": lambda a: search.newest(CallFilter(number=a.number), PAGE + 1),
    "search: the last four digits": lambda a: search.newest(
        CallFilter(ending=a.number[-4:]), PAGE + 1
    ),
    "search: the last seven digits": lambda a: search.newest(
        CallFilter(ending=a.number[-7:]), PAGE + 1
    ),
    "calls that need attention": lambda a: search.newest(CallFilter(attention=True), PAGE + 1),
    "figures of the newest day": lambda a: _strip(timedelta(days=1)),
    "figures of thirty days": lambda a: _strip(timedelta(days=30)),
    "totals of a campaign": lambda a: questions.totals("benchmark", None),
    "campaigns with their totals": lambda a: questions.of_campaigns(
        [campaign.name for campaign in questions.campaigns(PAGE)]
    ),
    "newest deliveries": lambda a: deliveries.newest(PAGE + 1),
    "deliveries of an outcome": lambda a: deliveries.newest(PAGE + 1, outcome="matched"),
    "deliveries of an outcome that none has": lambda a: deliveries.newest(
        PAGE + 1, outcome="unreadable"
    ),
    "one delivery": lambda a: deliveries.find(a.delivery_id),
    "deliveries that wait for a call": lambda a: deliveries.waiting_for(a.provider_id, a.mid),
    "take one report, of any call": lambda a: _take(a.stored[:1], a.services),
    f"take {BATCH} reports, of any calls": lambda a: _take(a.stored[1:], a.services),
}
"""What is asked, by name; what adds rows comes last."""


def report_of(n: int, attempt: int) -> InboundRequest:
    """Make a report of call n that brings another attempt, as it would reach the callback."""
    start = datetime.now(UTC) + timedelta(minutes=attempt)
    times = {"start_at": f"{start:%F %T}", "end_at": f"{start + timedelta(seconds=16):%F %T}"}
    content = reports.filled(reports.body(**times), n).encode()
    headers = {"user-agent": "Go-http-client/1.1"}
    raw = RawDelivery("POST", "", headers, "application/json", content)
    return InboundRequest(new_id(), datetime.now(UTC), raw)
