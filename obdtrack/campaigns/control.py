"""Starts, pauses, resumes and stops a campaign, and takes the steps that follow by themselves."""

from __future__ import annotations

from uuid import UUID

import structlog

from obdtrack.access.audit import Actor, Itself
from obdtrack.campaigns import campaigns, totals
from obdtrack.domain.campaign import CampaignAction, CampaignState, RecipientStatus
from obdtrack.domain.status import Status
from obdtrack.domain.times import from_text
from obdtrack.services import Services
from obdtrack.statistics import questions
from obdtrack.store import models, tasks
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()

CAMPAIGN = "campaign"
"""What the tasks that move a campaign on are called."""

ITSELF = Itself("the campaign itself")


@repeated
def control(
    campaign_id: UUID,
    action: CampaignAction,
    actor: Actor,
    services: Services,
    why: str | None = None,
) -> None:
    """Start, pause, resume or stop a campaign, as somebody asked for; `why` is for the audit.

    No request of it leaves later than a second after a pause or a stop. Raises ObdtrackError: not
    found, or conflict naming what is allowed instead.
    """
    with services.store.write():
        campaign = campaigns.locked(campaign_id)
        move(campaign, action, services, actor=actor, why=why)
        begin_if_due(campaign, services, actor)
        settle(campaign, services)
        tasks.plan(CAMPAIGN, {campaign_id: services.shared_now()})


def move(
    campaign: models.Campaign,
    action: CampaignAction,
    services: Services,
    reason: str | None = None,
    *,
    actor: Actor = ITSELF,
    why: str | None = None,
) -> None:
    """Move a locked campaign on by the table.

    `reason` says why, if nobody asked for it; `why` is what somebody said who did.
    """
    before, detail = campaign.state, {"why": why} if why else None
    campaigns.change(campaign, action, actor, services, reason=reason, detail=detail)
    told = {"campaign_id": str(campaign.id), "before": str(before), "after": str(campaign.state)}
    if reason:
        log.warning("campaign_halted", reason=reason, **told)
    else:
        log.info("campaign_changed", **told)


def begin_if_due(campaign: models.Campaign, services: Services, actor: Actor = ITSELF) -> None:
    """Have a locked campaign run if it waits for its start and that has come."""
    start_at = campaign.plan["start_at"]
    if campaign.state == CampaignState.SCHEDULED and (
        start_at is None or from_text(start_at) <= services.now()
    ):
        move(campaign, CampaignAction.BEGIN, services, actor=actor)


def settle(campaign: models.Campaign, services: Services) -> None:
    """End the pausing or stopping of a locked campaign if nothing of it can leave any more."""
    if campaign.state not in (CampaignState.PAUSING, CampaignState.STOPPING):
        return
    unsent = totals.stored(campaign.id)[RecipientStatus.SCHEDULED]
    left = unsent if campaign.state == CampaignState.STOPPING else 0
    leaving = any(one.status == Status.SUBMITTING for one in questions.totals(campaign.name, None))
    if not left and not leaving:
        move(campaign, CampaignAction.SETTLE, services, campaign.reason)
