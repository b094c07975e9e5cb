"""Why a running campaign waits, pauses or stops of its own accord."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.campaigns.figures import CampaignFigures
from obdtrack.campaigns.follow import SPARED
from obdtrack.domain.calling_hours import RingPlan, may_begin, next_beginning
from obdtrack.domain.campaign import AtWindowEnd, CampaignAction, CampaignPlan, hours_of_plan
from obdtrack.domain.status import FINAL, Status
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.columns import first_id

TOO_MANY_FAILED = "too-many-failed"
"""Why a campaign paused of whose last calls too many failed."""

FAILURES = frozenset({Status.FAILED, Status.REJECTED})

UNPRICED_AT_ONCE = 10
"""Calls of a campaign with a budget that may wait while no price is known yet."""

_FAR = timedelta(days=1)
_CLOCKS_DIFFER = timedelta(minutes=1)


class Halt(NamedTuple):
    """What a campaign does of its own accord, and why."""

    action: CampaignAction
    reason: str


class Situation(NamedTuple):
    """A running campaign at one moment."""

    campaign: models.Campaign
    plan: CampaignPlan
    figures: CampaignFigures
    now: datetime
    services: Services


def halt(here: Situation) -> Halt | None:
    """Return what a running campaign does instead of going on, the first reason first."""
    return next((found for look in _LOOKS if (found := look(here))), None)


def affordable(plan: CampaignPlan, figures: CampaignFigures) -> int:
    """Return how many more calls the budget allows, at the average price so far."""
    if plan.budget is None:
        return plan.max_in_flight
    if not figures.priced:
        return UNPRICED_AT_ONCE - figures.waiting
    average = figures.cost / figures.priced
    left = plan.budget - figures.cost - average * figures.unpriced_waiting
    return int(left // average) if average else plan.max_in_flight


def closed_until(plan: CampaignPlan, at: datetime, services: Services) -> datetime | None:
    """Return when a campaign's calls may be placed again that may not at this time, else None.

    The hours of the settings count, as they are now, and the plan's own.
    """
    settings = services.settings
    allowed = settings.hours_of(plan.call_type or settings.call_type)
    own = hours_of_plan(plan, allowed, settings.calling_window_timezone)
    dialling = RingPlan(timedelta(minutes=plan.interval), settings.redials)
    closed = [hours for hours in (allowed, own) if hours and not may_begin(hours, at, dialling)]
    openings = (next_beginning(hours, at, dialling) or at + _FAR for hours in closed)
    return max(openings, default=None)


def last_failures(campaign: models.Campaign, limit: int) -> list[models.Call]:
    """List the newest calls of a campaign that failed or were rejected."""
    call = models.Call
    failed = (call.campaign_id == campaign.id) & call.status.in_(sorted(FAILURES))
    return list(call.select().where(failed).order_by(call.id.desc()).limit(limit))


def _past_its_end(here: Situation) -> Halt | None:
    end_at = here.plan.end_at
    return Halt(CampaignAction.STOP, "ended") if end_at and here.now >= end_at else None


def _past_its_hours(here: Situation) -> Halt | None:
    """Stop once the hours are over in which it began to run, or which came since."""
    closed = closed_until(here.plan, here.now, here.services)
    if here.plan.at_window_end != AtWindowEnd.STOP or not closed:
        return None
    began = here.campaign.changed_at
    opened = closed_until(here.plan, began, here.services) or began
    return Halt(CampaignAction.STOP, "outside-hours") if opened <= here.now else None


def _spent(here: Situation) -> Halt | None:
    budget, figures = here.plan.budget, here.figures
    if budget is None:
        return None
    # What is not priced yet may turn out to be cheaper.
    too_dear = not figures.unpriced_waiting and affordable(here.plan, figures) < 1
    spent = figures.cost >= budget or (figures.priced and too_dear)
    return Halt(CampaignAction.PAUSE, "budget") if spent else None


def _failing(here: Situation) -> Halt | None:
    """Pause if too many failed of the last calls that were made since it began to run."""
    rule, call = here.plan.stop_if, models.Call
    if rule is None:
        return None
    spared = (call.status == Status.REJECTED) & call.reason.in_(sorted(SPARED))
    ended = call.status.in_(sorted({*FINAL, Status.REJECTED})) & ~spared
    query = (
        call.select(call.status)
        .where((call.campaign_id == here.campaign.id) & ended)
        .where(call.id >= first_id(here.campaign.changed_at - _CLOCKS_DIFFER))
        .where(call.created_at >= here.campaign.changed_at)
        .order_by(call.id.desc())
        .limit(rule.of_last)
    )
    failed = [one.status in FAILURES for one in query]
    enough = len(failed) >= rule.minimum
    too_many = 100 * sum(failed) >= rule.failed_percent * len(failed)
    return Halt(CampaignAction.PAUSE, TOO_MANY_FAILED) if enough and too_many else None


_LOOKS = (_past_its_end, _past_its_hours, _spent, _failing)
