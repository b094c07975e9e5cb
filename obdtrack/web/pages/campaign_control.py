"""What people do with a campaign: check, start, pause, resume and stop it, take its report."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.audit import counted, record_download
from obdtrack.access.keys import Scope
from obdtrack.campaigns.control import control
from obdtrack.campaigns.preflight import check
from obdtrack.campaigns.report import TABLES, lines
from obdtrack.domain.campaign import CampaignAction
from obdtrack.errors import ObdtrackError
from obdtrack.web.api.campaigns import found
from obdtrack.web.http.auth import current_access, needs, services, streamed
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.tables import csv_table
from obdtrack.web.pages.template_helpers import reader

blueprint = Blueprint("pages_campaign_control", __name__, url_prefix="/campaigns")


@blueprint.post("/<uuid:campaign_id>/check", defaults={"action": CampaignAction.CHECK})
@blueprint.post("/<uuid:campaign_id>/start", defaults={"action": CampaignAction.START})
@blueprint.post("/<uuid:campaign_id>/pause", defaults={"action": CampaignAction.PAUSE})
@blueprint.post("/<uuid:campaign_id>/resume", defaults={"action": CampaignAction.RESUME})
@blueprint.post("/<uuid:campaign_id>/stop", defaults={"action": CampaignAction.STOP})
@needs(Scope.PLACE)
def act(campaign_id: UUID, action: CampaignAction) -> Redirect:
    """Do it, or say why it is not possible now."""
    campaign = found(str(campaign_id))
    try:
        if action is CampaignAction.CHECK:
            check(campaign_id, current_access(), services())
        else:
            control(campaign_id, action, current_access(), services())
    except ObdtrackError as error:
        flash(error.message)
    return redirect(url_for("pages_campaigns.show", name=campaign.name), 303)


@blueprint.get("/<uuid:campaign_id>/report.csv")
@needs(Scope.READ)
def report(campaign_id: UUID) -> Response:
    """Return one of its tables as a file; times are by the reader's clock."""
    campaign, by = found(str(campaign_id)), request.args.get("by", "recipient")
    if by not in TABLES:
        abort(404)
    in_full = reader().sees_numbers
    table = lines(campaign, by, current_zone().info, services(), numbers_in_full=in_full)
    ended = record_download(
        f"campaign-{by}", {"campaign": campaign.name}, current_access(), services()
    )
    return Response(
        streamed(csv_table(counted(table, ended))),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="campaign-{by}.csv"'},
    )
