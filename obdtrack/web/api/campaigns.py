"""The REST API of campaigns, under `/api/v1/campaigns`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import url_for
from flask_smorest import Blueprint
from marshmallow import RAISE

from obdtrack.access.keys import Scope
from obdtrack.campaigns import campaigns
from obdtrack.campaigns.campaigns import campaign_view
from obdtrack.domain import phone
from obdtrack.domain.campaign import CampaignPlan
from obdtrack.errors import Code, ObdtrackError
from obdtrack.settings import Settings
from obdtrack.store import models
from obdtrack.web.api.campaign_schemas import (
    CampaignPageSchema,
    CampaignSchema,
    CreateCampaignSchema,
    EditCampaignSchema,
)
from obdtrack.web.api.openapi import secured
from obdtrack.web.api.routes import NO_BRIDGE, Headers, note_pii_use, page
from obdtrack.web.api.schemas import PageQuerySchema
from obdtrack.web.http.auth import current_access, look_up, services
from obdtrack.web.http.paging import cut
from obdtrack.web.http.request_bodies import BodyParser

blueprint = Blueprint("api_campaigns", __name__, url_prefix="/api/v1/campaigns")
blueprint.ARGUMENTS_PARSER = BodyParser()
blueprint.before_request(note_pii_use)


@blueprint.route("", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(CreateCampaignSchema())
@blueprint.response(201, CampaignSchema)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int, Headers]:
    """Create a campaign, as a draft without recipients. Nobody is called yet."""
    name = body.pop("name")
    plan = new_plan(body, services().settings)
    campaign_id = campaigns.create(name, plan, current_access(), services())
    location = url_for("api_campaigns.show", identifier=campaign_id)
    return campaign_view(found(str(campaign_id))), 201, {"Location": location}


def new_plan(values: Mapping[str, Any], settings: Settings) -> CampaignPlan:
    """Return a plan of these values, as PlanSchema loads them; the settings say what is missing.

    Raises ObdtrackError (invalid) if there is no number to call from.
    """
    bridge = values.get("bridge") or phone.whole(settings.bridge)
    if bridge is None:
        raise ObdtrackError(
            Code.INVALID, "Some fields are invalid.", fields={"bridge": [NO_BRIDGE]}
        )
    call_type = values.get("call_type") or settings.call_type
    return CampaignPlan(**{**values, "bridge": bridge, "call_type": call_type})


@blueprint.route("", methods=["GET"])
@secured(Scope.READ)
@blueprint.arguments(PageQuerySchema, location="query", unknown=RAISE)
@blueprint.response(200, CampaignPageSchema)
def index(query: dict[str, Any]) -> tuple[dict[str, Any], int, Headers]:
    """List campaigns, newest first."""
    limit = query["limit"]
    rows, following = cut(campaigns.newest(limit + 1, query.get("cursor")), limit)
    return page(list(map(campaign_view, rows)), following)


@blueprint.route("/<identifier>", methods=["GET"])
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, CampaignSchema)
def show(identifier: str) -> dict[str, Any]:
    """Show one campaign, by its id or its name."""
    return campaign_view(found(identifier))


@blueprint.route("/<identifier>", methods=["PATCH"])
@secured(Scope.PLACE, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(EditCampaignSchema())
@blueprint.response(200, CampaignSchema)
def edit(body: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Change a campaign while it is a draft, checked or paused. Checked, it is a draft again."""
    campaign_id, name = found(identifier).id, body.pop("name", None)
    campaigns.edit(campaign_id, body, current_access(), services(), name)
    return campaign_view(found(str(campaign_id)))


def found(identifier: str) -> models.Campaign:
    """Return the campaign with this id or name; raises ObdtrackError (not found)."""
    campaign = look_up(lambda: campaigns.find(identifier))
    if campaign is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no campaign with this id or name.")
    return campaign
