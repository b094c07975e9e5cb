"""Campaigns that run in tests: made, started, and moved on as the background does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from obdtrack import application
from obdtrack.access.audit import Operator
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.campaigns import campaigns, dispatch, totals
from obdtrack.campaigns.control import CAMPAIGN, control
from obdtrack.domain.campaign import CampaignAction, CampaignPlan, RecipientStatus
from obdtrack.domain.reports import RawDelivery
from obdtrack.jobs import run_due
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, models
from tests.factories import PROVIDER, Clock, report_body

RAVI = Operator("ravi")
PLAN = CampaignPlan(bridge="+918068280000", flow_id="23", per_minute=600, stop_if=None)


def number(count: int) -> str:
    """Return the n-th number of a list."""
    return f"+9188671{count:05}"


def listening(services: Services, **settings: Any) -> Services:
    """The same installation, whose campaigns follow what becomes of their calls."""
    chosen = replace(services.settings, **settings)
    return replace(services, settings=chosen, listeners=application.LISTENERS)


def checked(
    services: Services,
    numbers: int | Sequence[str],
    rows: Sequence[dict[str, str]] = (),
    name: str = "diwali",
    **plan: Any,
) -> UUID:
    """Make a campaign of so many numbers that was checked; `rows` are the variables of each."""
    campaign_id = campaigns.create(name, replace(PLAN, **plan), RAVI, services)
    with services.store.write():
        add_recipients(services, campaign_id, numbers, rows)
        campaign = campaigns.locked(campaign_id)
        campaigns.change(campaign, CampaignAction.CHECK, RAVI, services)
    return campaign_id


def add_recipients(
    services: Services,
    campaign_id: UUID,
    numbers: int | Sequence[str],
    rows: Sequence[dict[str, str]] = (),
) -> None:
    """Store rows as an import does, all of one file."""
    if isinstance(numbers, int):
        numbers = list(map(number, range(numbers)))
    seal, now = services.encryption.seal, services.now()
    sealed = [seal(one) if one else None for one in rows] or [None] * len(numbers)
    result = {"rows": len(numbers), "ready": len(numbers), "invalid": 0, "duplicate": 0}
    kept = models.RecipientImport.create(
        force_insert=True, id=new_id(), campaign_id=campaign_id, digest=str(new_id()),
        created_at=now, completed_at=now, result=result,
    )  # fmt: skip
    columns = ("id", "campaign_id", "import_id", "row", "to_number", "variables_encrypted",
               "status", "due_at", "tries")  # fmt: skip
    values = [(new_id(), campaign_id, kept.id, n + 2, to_number, sealed[n], "scheduled", now, 0)
            for n, to_number in enumerate(numbers)]  # fmt: skip
    bulk_sql.insert(models.Recipient, columns, values)
    totals.count(campaign_id, {RecipientStatus.SCHEDULED: len(numbers)})


def started(
    services: Services, numbers: int, rows: Sequence[dict[str, str]] = (), **plan: Any
) -> UUID:
    """Make a campaign of so many numbers, and start it."""
    campaign_id = checked(services, numbers, rows, **plan)
    control(campaign_id, CampaignAction.START, RAVI, services)
    return campaign_id


def look_for_work(services: Services) -> None:
    """Have a process do what is due, to its end, however slow this machine is."""
    with patch.object(dispatch, "SLOW_SECONDS", 60):
        run_due(CAMPAIGN, services)


def pass_time(services: Services, clock: Clock, seconds: float, step: float = 1.0) -> None:
    """Let so many seconds pass, in which the background looks for work as it does."""
    look_for_work(services)
    for _ in range(round(seconds / step)):
        clock.forward(seconds=step)
        look_for_work(services)


def state(campaign_id: UUID) -> tuple[str, str | None]:
    """Return where a campaign stands, and why."""
    found = models.Campaign.get_by_id(campaign_id)
    return found.state, found.reason


def statuses(campaign_id: UUID) -> list[tuple[str, str | None]]:
    """Return status and reason of each recipient, in the order of the file."""
    row = models.Recipient
    query = row.select().where(row.campaign_id == campaign_id).order_by(row.row)
    return [(one.status, one.reason) for one in query]


def report(services: Services, to_number: str, word: str) -> None:
    """Have the provider report how the newest call to this number ended."""
    call = models.Call
    newest = call.select().where(call.to_number == to_number).order_by(call.id.desc()).get()
    mid = newest.mid
    body = report_body(to=int(to_number[1:]), mid=mid, status=word, start_at=None, end_at=None)
    raw = RawDelivery("POST", "", {}, "application/json", json.dumps(body).encode())
    receive_deliveries([InboundRequest(new_id(), services.now(), raw, PROVIDER)], services)
