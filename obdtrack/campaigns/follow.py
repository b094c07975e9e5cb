"""Decides, when a campaign's call comes to stand otherwise, whether its number is called again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from obdtrack.campaigns import control, recipients, totals
from obdtrack.domain.campaign import (
    ENDED,
    RETRIED,
    CampaignAction,
    CampaignState,
    RecipientStatus,
)
from obdtrack.domain.feed import EventType
from obdtrack.domain.status import Status
from obdtrack.domain.submission import Failure
from obdtrack.services import CallChange, Services
from obdtrack.store import bulk_sql, leases, models, tasks

PAUSING = frozenset({Failure.INVALID_TOKEN, Failure.FORBIDDEN, Failure.INSUFFICIENT_BALANCE})
"""Why the provider refuses every call alike, until somebody does something."""

SPARED = frozenset({Failure.RATE_LIMITED, Failure.NOT_SENT})
"""What says nothing about the calls: it is not counted among their failures and refusals."""

PASSING = PAUSING | SPARED | {Failure.UNREACHABLE}
"""Why a call was certainly not placed and may be soon: it is made again, as another call."""

MOST_REFUSALS = 10
"""So many calls to a number are refused for a reason that passes; then the last stays rejected."""

_LONGEST_SLOWDOWN = timedelta(minutes=15)
_SLOWDOWN = timedelta(seconds=30)


def follow(changes: Iterable[CallChange], services: Services) -> None:
    """Plan or withdraw the next calls of campaigns' recipients, in the transaction of the changes.

    A listener of the journal. Nobody is called again whose call may have been one: never after
    `unknown`, only after a refusal for a reason that passes, or as the campaign's `retries` say.
    """
    for change in changes:
        before, status = change.before and change.before.status, change.state.status
        if change.campaign_id is None or before in (None, status):
            continue
        if status == Status.REJECTED and change.state.reason in PASSING:
            _make_again(change, services)
        elif status in RETRIED or before in RETRIED:
            _plan_retry(change, services)


def line_of(campaign_id: UUID) -> str:
    """Return the name of the line in which a campaign's calls stand."""
    return f"campaign:{campaign_id}"


def slow_down(campaign_id: UUID, seconds: int | None, services: Services) -> None:
    """Claim no call of a campaign for so long, a quarter of an hour at most, by default 30 s."""
    pause = min(timedelta(seconds=seconds) if seconds else _SLOWDOWN, _LONGEST_SLOWDOWN)
    leases.pause_until(line_of(campaign_id), services.shared_now() + pause)


def _make_again(change: CallChange, services: Services) -> None:
    campaign = _locked(change)
    found = _recipient(change, RecipientStatus.SENT)
    if campaign is None or campaign.state in ENDED:
        return
    now, reason = services.now(), change.state.reason
    if found:
        recipient_id, tries, to_number = found
        call = models.Call
        ours = (call.to_number == to_number) & (call.campaign_id == campaign.id)
        refused = ours & call.reason.in_(sorted(PASSING - SPARED))
        if call.select().where(refused).count() < MOST_REFUSALS:
            _schedule(campaign, recipient_id, now, tries - 1, services)
    if reason == Failure.UNREACHABLE:
        slow_down(campaign.id, None, services)
    elif reason in PAUSING and campaign.state == CampaignState.RUNNING:
        control.move(campaign, CampaignAction.PAUSE, services, reason)


def _plan_retry(change: CallChange, services: Services) -> None:
    campaign = models.Campaign.get_or_none(models.Campaign.id == change.campaign_id)
    retries = campaign and campaign.plan["retries"]
    if not retries or not (campaign := _locked(change)):
        return
    if change.state.status not in retries["on"]:  # a later report says more of this call
        if found := _recipient(change, RecipientStatus.SCHEDULED):
            _move(campaign.id, found[0], RecipientStatus.SCHEDULED, RecipientStatus.SENT)
        return
    found = _recipient(change, RecipientStatus.SENT)
    going_on = campaign.state not in (*ENDED, CampaignState.STOPPING)
    if found and going_on and found[1] <= retries["times"]:
        due_at = services.now() + timedelta(minutes=retries["wait_minutes"])
        _schedule(campaign, found[0], due_at, found[1], services)


def _locked(change: CallChange) -> models.Campaign | None:
    """Return the campaign; nobody else changes its state until the transaction ends."""
    campaign = models.Campaign
    query = campaign.select().where(campaign.id == change.campaign_id)
    found: models.Campaign | None = (
        query.for_update() if campaign._meta.database.for_update else query
    ).first()
    return found


def _recipient(change: CallChange, status: RecipientStatus) -> tuple[UUID, int, str] | None:
    """Return id, tries and number of the recipient whose newest call this is, if it stands so."""
    columns = ("id", "tries", "to_number", "status")
    rows = bulk_sql.fetch(
        models.Recipient, columns, "call_id", [change.call_id], order="id", lock=True
    )
    return next(((id_, tries, to) for id_, tries, to, stands in rows if stands == status), None)


def _schedule(
    campaign: models.Campaign, recipient_id: UUID, due_at: datetime, tries: int, services: Services
) -> None:
    before, after = RecipientStatus.SENT, RecipientStatus.SCHEDULED
    _move(campaign.id, recipient_id, before, after, due_at=due_at, tries=tries)
    recipients.tell(EventType.CALL_SCHEDULED, [recipient_id], services)
    if campaign.state == CampaignState.RUNNING:  # it may not have expected that for a while
        tasks.plan(control.CAMPAIGN, {campaign.id: services.shared_now()})


def _move(
    campaign_id: UUID, recipient_id: UUID, before: RecipientStatus, after: RecipientStatus,
    **columns: Any,
) -> None:  # fmt: skip
    row = models.Recipient
    row.update(status=after, **columns).where(row.id == recipient_id).execute()
    totals.count(campaign_id, {before: -1, after: 1})
