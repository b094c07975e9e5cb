"""Reports thousands of things of one call, and as many of many calls."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import NamedTuple

from obdtrack.calls.placing.place import place_call
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.submission import CallRequest
from obdtrack.services import Services, new_id
from tests.factories import NUMBER, Clock, ScriptedProvider, accepted, report_body
from tests.torture import databases

BATCH = 8


class Taken(NamedTuple):
    """What became of the reports, and how many were taken in a second."""

    outcomes: Counter[str]
    rate: float


def report_of_calls(reports: int, calls: int) -> Taken:
    """Post so many reports, all distinct, of so many calls in turn."""
    with databases.scratch() as folder:
        path = databases.new_database(folder)
        services = databases.open_context(path, ScriptedProvider(), Clock())
        mids = [place(services) for _ in range(calls)]
        outcomes: Counter[str] = Counter()
        took = 0.0
        for first in range(0, reports, BATCH):
            batch = [
                one(services, mids[n % calls], n) for n in range(first, min(first + BATCH, reports))
            ]
            began = time.monotonic()
            outcomes.update(taken.outcome for taken in receive_deliveries(batch, services))
            took += time.monotonic() - began
        databases.drop(services.store)
    return Taken(outcomes, reports / took)


def place(services: Services) -> str:
    """Place a call; returns the provider's uuid of its submission."""
    assert isinstance(services.provider, ScriptedProvider)
    mid = str(new_id())
    services.provider.on_send = accepted(mid=mid)
    place_call(CallRequest(to=NUMBER, bridge="+918068280000", flow_id="23"), None, services)
    return mid


def one(services: Services, mid: str, number: int) -> InboundRequest:
    """Make a report that says something no other of its call does."""
    body = json.dumps(report_body(mid=mid, charges=f"{number}.5"))
    raw = RawDelivery("POST", "", {}, "application/json", body.encode())
    return InboundRequest(new_id(), services.now(), raw, services.provider.name)
