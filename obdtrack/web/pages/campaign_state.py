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
from obdtrack.web.pages.language import N_, translated
from obdtrack.web.pages.language import gettext as _
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
    told = translated(HALTED.get(reason, reason)) if reason else ""
    if state is CampaignState.DRAFT and not recipients:
        return _("Nobody is called yet. Upload a list of recipients.")
    if state is CampaignState.SCHEDULED:
        begins = campaign.plan["start_at"]
        return _("It starts by itself at %(when)s.", when=begins) if begins else _("It starts now.")
    if state is CampaignState.RUNNING and (closed := _closed_until(campaign, services)):
        return _("It waits for its calling hours until %(when)s.", when=closed)
    if state in _HALTED:
        plain, because = _HALTED[state]
        return _(because, why=told) if told else _(plain)
    said = _(_SENTENCES[state])
    return f"{said} {_('It halts: %(why)s.', why=told)}" if told else said


_HALTED = {
    CampaignState.PAUSED: (
        N_("It is paused. Nobody is called until it is resumed."),
        N_("It is paused: %(why)s. Nobody is called until it is resumed."),
    ),
    CampaignState.STOPPED: (
        N_("It was stopped. Whoever had not been called by then was skipped."),
        N_("It was stopped: %(why)s. Whoever had not been called by then was skipped."),
    ),
    CampaignState.FAILED: (
        N_("It failed. Whoever was not called can be imported into another campaign."),
        N_("It failed: %(why)s. Whoever was not called can be imported into another campaign."),
    ),
}
"""Where a campaign stands that calls nobody more, without a reason and with one."""

_SENTENCES = {
    CampaignState.DRAFT: N_("Nobody is called yet. Check it; then it can be started."),
    CampaignState.CHECKED: N_("Nobody is called yet. It was checked and can be started."),
    CampaignState.RUNNING: N_("It is calling."),
    CampaignState.PAUSING: N_("Nothing more is sent. It is paused once nothing is on its way."),
    CampaignState.STOPPING: N_("Nothing more is sent. Whoever was not called is being skipped."),
    CampaignState.COMPLETED: N_("It is over: nobody is left to be called."),
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
