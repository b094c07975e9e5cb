"""How a campaign with a plan is shown: where it stands, what happens next, what it was given."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from obdtrack.campaigns import totals
from obdtrack.campaigns.campaigns import plan_of
from obdtrack.campaigns.halts import closed_until
from obdtrack.campaigns.imports import result_of
from obdtrack.campaigns.preflight import first_requests
from obdtrack.campaigns.recipients import hidden_cell
from obdtrack.campaigns.report import progress_view
from obdtrack.domain.campaign import HALTED, CampaignAction, CampaignState, allowed_actions
from obdtrack.domain.times import from_text, to_text
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.web.pages.privacy import Reader

MOST_BAD_ROWS = 50


class PlannedCampaign(NamedTuple):
    """A campaign as its page shows it. `done` of `all` recipients are decided about."""

    row: models.Campaign
    sentence: str
    done: int
    all: int
    totals: dict[str, Any]
    progress: dict[str, Any]
    allowed: frozenset[str]
    requests: list[dict[str, Any]]
    newest_list: dict[str, Any] | None
    bad_rows: list[dict[str, Any]]
    ends_at: datetime | None

    @property
    def percent(self) -> float:
        """Return how far it is."""
        return 100 * self.done / self.all if self.all else 0


def planned(campaign: models.Campaign, reader: Reader, services: Services) -> PlannedCampaign:
    """Return all that the page of a campaign shows, as this reader may see it."""
    state, counted = CampaignState(campaign.state), totals.totals_of(campaign)
    done, every = totals.done_of(totals.stored(campaign.id))
    progress = progress_view(campaign, services)
    actions = set(allowed_actions(state))
    if state is CampaignState.CHECKED and not counted["ready"]:
        actions.discard(CampaignAction.START)
    newest = _newest_list(campaign)
    bad = [*newest["errors"], *newest["duplicates"]] if newest else []
    if not reader.sees_numbers:
        bad = [{**one, "value": hidden_cell(one["value"])} for one in bad]
    shows_requests = campaign.checked and CampaignAction.CHECK in actions
    in_full = reader.sees_numbers
    ends_at = progress["estimated_end_at"]
    return PlannedCampaign(
        campaign,
        sentence(campaign, every, services),
        done,
        every,
        counted,
        progress,
        frozenset(actions),
        first_requests(campaign, services, in_full=in_full) if shows_requests else [],
        newest,
        sorted(bad, key=lambda one: int(one["row"]))[:MOST_BAD_ROWS],
        from_text(ends_at) if ends_at else None,
    )


def sentence(campaign: models.Campaign, recipients: int, services: Services) -> str:
    """Return where a campaign stands, why, and what happens next; times are RFC 3339 in UTC."""
    state, reason = CampaignState(campaign.state), campaign.reason
    why = f": {HALTED.get(reason, reason)}" if reason else ""
    match state:
        case CampaignState.DRAFT if not recipients:
            return "Nobody is called yet. Upload a list of recipients."
        case CampaignState.DRAFT:
            return "Nobody is called yet. Check it; then it can be started."
        case CampaignState.SCHEDULED:
            return f"It starts by itself at {campaign.plan['start_at'] or 'once'}."
        case CampaignState.RUNNING:
            closed = _closed_until(campaign, services)
            return f"It waits for its calling hours until {closed}." if closed else "It is calling."
        case CampaignState.PAUSED:
            return f"It is paused{why}. Nobody is called until it is resumed."
        case CampaignState.STOPPED:
            return f"It was stopped{why}. Whoever had not been called by then was skipped."
        case CampaignState.FAILED:
            return f"It failed{why}. Whoever was not called can be imported into another campaign."
    return _SENTENCES[state] + (f" It halts{why}." if why else "")


_SENTENCES = {
    CampaignState.CHECKED: "Nobody is called yet. It was checked and can be started.",
    CampaignState.PAUSING: "Nothing more is sent. It is paused once nothing is on its way.",
    CampaignState.STOPPING: "Nothing more is sent. Whoever was not called is being skipped.",
    CampaignState.COMPLETED: "It is over: nobody is left to be called.",
}


def _closed_until(campaign: models.Campaign, services: Services) -> str | None:
    try:
        plan = plan_of(campaign, services.encryption)
    except ValueError:  # another key sealed its values: it is about to fail
        return None
    opens = closed_until(plan, services.now(), services)
    return to_text(opens) if opens else None


def _newest_list(campaign: models.Campaign) -> dict[str, Any] | None:
    row = models.RecipientImport
    mine = row.select().where(row.campaign_id == campaign.id)
    newest = mine.order_by(row.created_at.desc(), row.id.desc()).first()
    return {**result_of(newest), "is_whole": bool(newest.completed_at)} if newest else None
