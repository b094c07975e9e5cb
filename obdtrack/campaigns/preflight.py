"""Checks a campaign before it starts: who would be called, until when, for how much, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import peewee

from obdtrack.access.audit import Actor
from obdtrack.calls.placing.calling_rules import opted_out
from obdtrack.campaigns import campaigns, totals
from obdtrack.campaigns.dispatch import Claimed, request_of
from obdtrack.campaigns.imports import require_complete
from obdtrack.domain.calling_hours import RingPlan
from obdtrack.domain.campaign import CampaignAction, CampaignPlan, RecipientStatus, hours_of_plan
from obdtrack.domain.campaign_forecast import forecast
from obdtrack.domain.redaction import REMOVED, hide
from obdtrack.domain.status import Status
from obdtrack.domain.texts import Said
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.columns import to_microseconds
from obdtrack.store.database_errors import repeated

SHOWN = 3
"""Requests that are shown as they will be sent."""

_PAGE = 250
_RECENT = 500
"""Calls among which one is looked for whose charges are known."""


def check(campaign_id: UUID, actor: Actor, services: Services) -> None:
    """Find out what a start would do, keep it with the campaign, and allow it to be started.

    Nothing becomes of those who would not be called: that is decided again for each. Raises
    ObdtrackError (conflict) in a state in which it may not be checked, while an import has not come
    to its end, or if it was changed meanwhile.
    """
    campaign = campaigns.find(str(campaign_id))
    if campaign is None:
        raise ObdtrackError(
            Code.NOT_FOUND, Said("There is no campaign %(campaign_id)s.", campaign_id=campaign_id)
        )
    campaigns.require_allowed(campaign, CampaignAction.CHECK)
    found = _found(campaign, services)
    _keep(campaign, found, actor, services)


def first_requests(
    campaign: models.Campaign, services: Services, *, in_full: bool
) -> list[dict[str, Any]]:
    """Return the requests to the provider for the first recipients, as they will be sent.

    Without `in_full` numbers are masked and the values of variables left out.
    """
    plan, shown = campaigns.plan_of(campaign, services.encryption), []
    for row in islice(_scheduled(campaign.id, Claimed._fields), SHOWN):
        request = request_of(Claimed(*row), campaign, plan, services)
        if not in_full:
            request = replace(request, variables=dict.fromkeys(request.variables, REMOVED))
        sent = services.provider.send_request(services.provider.completed(request))
        body = sent.body if in_full else hide(sent.body, request.to, others=False)
        shown.append({"method": sent.method, "path": sent.path, "body": body})
    return shown


def _found(campaign: models.Campaign, services: Services) -> dict[str, Any]:
    require_complete(campaign.id)
    plan, now = campaigns.plan_of(campaign, services.encryption), services.now()
    settings, stored = services.settings, totals.stored(campaign.id)
    recent = _called_since(now - timedelta(seconds=settings.duplicate_guard_seconds), plan)
    counts = Counter[str]()
    numbers = (to for (to,) in _scheduled(campaign.id, ("to_number",)))
    while some := list(islice(numbers, _PAGE)):
        refused = opted_out(some, services).keys() if settings.suppression else set()
        counts["opted_out"] += len(refused)
        counts["called_recently"] += len((recent & set(some)) - refused)
        counts["all"] += len(some)
    ready = counts["all"] - counts["opted_out"] - counts["called_recently"]
    allowed = settings.hours_of(plan.call_type or settings.call_type)
    hours = hours_of_plan(plan, allowed, settings.calling_window_timezone)
    dialling = RingPlan(timedelta(minutes=plan.interval), settings.redials)
    expected = forecast(ready, plan, hours, now, dialling)
    charges = _newest_charges(plan)
    cost = None if charges is None else charges * (ready - expected.outside)
    return {
        "at": to_text(now),
        "ready": ready - expected.outside,
        "invalid": stored[RecipientStatus.INVALID],
        "duplicate": stored[RecipientStatus.DUPLICATE],
        "opted_out": counts["opted_out"],
        "called_recently": counts["called_recently"],
        "outside_hours": expected.outside,
        "estimated_end_at": expected.ends_at and to_text(expected.ends_at),
        "charges_of_a_call": None if charges is None else str(charges),
        "estimated_cost": None if cost is None else str(cost),
        "over_budget": bool(cost and plan.budget is not None and cost > plan.budget),
    }


@repeated
def _keep(
    campaign: models.Campaign, found: Mapping[str, Any], actor: Actor, services: Services
) -> None:
    with services.store.write():
        now = campaigns.locked(campaign.id)
        if (now.state, now.changed_at) != (campaign.state, campaign.changed_at):
            raise ObdtrackError(
                Code.CONFLICT, "The campaign was changed while it was checked. Check it again."
            )
        require_complete(campaign.id)
        campaigns.change(
            now, CampaignAction.CHECK, actor, services, detail={"found": found}, checked=found
        )


def _scheduled(campaign_id: UUID, wanted: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Return columns of those who would be called, in order, some of them read at a time."""
    row, last = models.Recipient, None
    theirs = (row.campaign_id == campaign_id) & (row.status == RecipientStatus.SCHEDULED)
    columns = [row.due_at, row.id, *(getattr(row, name) for name in wanted)]
    while True:
        query = row.select(*columns).where(theirs).order_by(row.due_at, row.id).limit(_PAGE)
        if last:
            behind = peewee.Tuple(to_microseconds(last[0]), last[1].bytes)
            query = query.where(peewee.Tuple(row.due_at, row.id) > behind)
        found: Any = list(query.tuples())
        if not found:
            return
        yield from (rest for _, _, *rest in found)
        last = found[-1]


def _called_since(since: datetime, plan: CampaignPlan) -> set[str]:
    """Return the numbers that were called since then with the same flow or audio."""
    call, submission = models.Call, models.Submission
    query = (
        call.select(call.to_number)
        .join(submission)
        .where((call.created_at > since) & (call.status != Status.REJECTED))
        .where(
            submission.flow_id == plan.flow_id if plan.flow_id else submission.audio == plan.audio
        )
    )
    found: Any = query.tuples()
    return {number for (number,) in found}


def _newest_charges(plan: CampaignPlan) -> Decimal | None:
    """Return what the newest answered call from this bridge with this flow cost, if it is known."""
    call, submission = models.Call, models.Submission
    answered = (
        call.select(call.charges, call.submission)
        .where(call.status == Status.COMPLETED)
        .order_by(call.id.desc())
        .limit(_RECENT)
    )
    priced = {row.__data__["submission"]: row.charges for row in answered if row.charges}
    alike = (submission.bridge == plan.bridge) & (
        submission.flow_id == plan.flow_id if plan.flow_id else submission.audio == plan.audio
    )
    query = submission.select(submission.id).where(submission.id.in_(list(priced)) & alike)
    newest = query.order_by(submission.id.desc()).first() if priced else None
    return Decimal(priced[newest.id]) if newest else None
