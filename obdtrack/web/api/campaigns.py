"""The REST API of campaigns, under `/api/v1/campaigns`."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, make_response, request, url_for
from flask_smorest import Blueprint
from marshmallow import INCLUDE, RAISE
from werkzeug.exceptions import UnsupportedMediaType

from obdtrack.access.audit import counted, record_download
from obdtrack.access.keys import Scope
from obdtrack.campaigns import campaigns
from obdtrack.campaigns.campaigns import campaign_view
from obdtrack.campaigns.control import control
from obdtrack.campaigns.imports import ImportOptions, import_file, preview
from obdtrack.campaigns.preflight import check, first_requests
from obdtrack.campaigns.recipient_files import KINDS, MOST_BYTES, FileOptions
from obdtrack.campaigns.recipients import page_of, recipient_views
from obdtrack.campaigns.report import lines, progress_view
from obdtrack.domain import phone
from obdtrack.domain.campaign import CampaignAction, CampaignPlan
from obdtrack.errors import Code, ObdtrackError
from obdtrack.settings import Settings
from obdtrack.store import models
from obdtrack.web.api.campaign_schemas import (
    CampaignPageSchema,
    CampaignSchema,
    CheckedCampaignSchema,
    CreateCampaignSchema,
    EditCampaignSchema,
    ImportQuerySchema,
    ImportSchema,
    ReasonSchema,
    RecipientPageSchema,
    RecipientQuerySchema,
    ReportQuerySchema,
)
from obdtrack.web.api.openapi import secured
from obdtrack.web.api.routes import NO_BRIDGE, note_pii_use, page
from obdtrack.web.api.schemas import PageQuerySchema
from obdtrack.web.http.auth import current_access, look_up, services, streamed
from obdtrack.web.http.paging import cut
from obdtrack.web.http.request_bodies import BodyParser, spooled_body
from obdtrack.web.pages.tables import csv_table

blueprint = Blueprint("api_campaigns", __name__, url_prefix="/api/v1/campaigns")
blueprint.ARGUMENTS_PARSER = BodyParser()
blueprint.before_request(note_pii_use)


_FILE = {"schema": {"type": "string", "format": "binary"}}


@blueprint.route("", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(CreateCampaignSchema())
@blueprint.response(201, CampaignSchema)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Create a campaign, as a draft without recipients. Nobody is called yet."""
    name = body.pop("name")
    plan = new_plan(body, services().settings)
    campaign_id = campaigns.create(name, plan, current_access(), services())
    location = url_for("api_campaigns.show", identifier=campaign_id)
    return _shown(found(str(campaign_id))), 201, {"Location": location}


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
@blueprint.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blueprint.response(200, CampaignPageSchema)
def index(query: dict[str, Any]) -> Response:
    """List campaigns, newest first."""
    limit = query["limit"]
    rows, following = cut(campaigns.newest(limit + 1, query.get("cursor")), limit)
    return page(list(map(_shown, rows)), following)


@blueprint.route("/<identifier>", methods=["GET"])
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, CampaignSchema)
def show(identifier: str) -> dict[str, Any]:
    """Show one campaign, by its id or its name."""
    return _shown(found(identifier))


@blueprint.route("/<identifier>", methods=["PATCH"])
@secured(Scope.PLACE, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(EditCampaignSchema())
@blueprint.response(200, CampaignSchema)
def edit(body: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Change a campaign while it is a draft, checked or paused. Checked, it is a draft again."""
    campaign_id, name = found(identifier).id, body.pop("name", None)
    campaigns.edit(campaign_id, body, current_access(), services(), name)
    return _shown(found(str(campaign_id)))


@blueprint.route("/<identifier>/start", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.arguments(ReasonSchema(), required=False)
@blueprint.response(200, CampaignSchema)
def start(body: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Start a campaign that was checked: at once, or when its `start_at` comes."""
    return _controlled(identifier, CampaignAction.START, body)


@blueprint.route("/<identifier>/pause", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.arguments(ReasonSchema(), required=False)
@blueprint.response(200, CampaignSchema)
def pause(body: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Pause a campaign: nothing of it is sent later than a second after this response."""
    return _controlled(identifier, CampaignAction.PAUSE, body)


@blueprint.route("/<identifier>/resume", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.arguments(ReasonSchema(), required=False)
@blueprint.response(200, CampaignSchema)
def resume(body: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Have a campaign go on that is paused."""
    return _controlled(identifier, CampaignAction.RESUME, body)


@blueprint.route("/<identifier>/stop", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.arguments(ReasonSchema(), required=False)
@blueprint.response(200, CampaignSchema)
def stop(body: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Stop a campaign for good: who was not called is skipped."""
    return _controlled(identifier, CampaignAction.STOP, body)


@blueprint.route("/<identifier>/report.csv", methods=["GET"])
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.arguments(ReportQuerySchema(), location="query", unknown=RAISE)
@blueprint.response(200, content_type="text/csv")
def report(query: dict[str, Any], identifier: str) -> Response:
    """Return what a campaign came to as a table, or the unsent or failed as a file to import."""
    campaign, by = found(identifier), query["by"]
    in_full = current_access().sees_numbers
    table = lines(campaign, by, ZoneInfo(query["zone"]), services(), numbers_in_full=in_full)
    ended = record_download(
        f"campaign-{by}", {"campaign": campaign.name}, current_access(), services()
    )
    return Response(
        streamed(csv_table(counted(table, ended))),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="campaign-{by}.csv"'},
    )


def _controlled(identifier: str, action: CampaignAction, body: Mapping[str, Any]) -> dict[str, Any]:
    campaign_id = found(identifier).id
    control(campaign_id, action, current_access(), services(), body.get("why"))
    return _shown(found(str(campaign_id)))


def _shown(campaign: models.Campaign) -> dict[str, Any]:
    return {**campaign_view(campaign), "progress": progress_view(campaign, services())}


@blueprint.route("/<identifier>/recipients", methods=["POST"])
@secured(
    Scope.PLACE,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.LENGTH_REQUIRED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
@blueprint.doc(requestBody={"required": True, "content": dict.fromkeys(KINDS, _FILE)})
@blueprint.arguments(ImportQuerySchema(), location="query", unknown=INCLUDE)
@blueprint.response(201, ImportSchema)
def import_recipients(query: dict[str, Any], identifier: str) -> Response:
    """Import a list of recipients: the body is CSV, JSON lines or an .xlsx workbook.

    The same file again is not imported again. With `preview` the response is 200 and nothing is
    stored.
    """
    campaign = found(identifier)
    if request.mimetype not in KINDS:
        raise UnsupportedMediaType(f"Send a file as one of: {', '.join(KINDS)}.")
    options = ImportOptions(
        query["mapping"],
        query.get("default_country"),
        FileOptions(query.get("delimiter"), query.get("header")),
    )
    with services().limits.imports.hold(), spooled_body(request.environ, MOST_BYTES) as file:
        if query["preview"]:
            return make_response(preview(campaign, file, request.mimetype, options))
        result, is_old = import_file(
            campaign.id, file, request.mimetype, options, current_access(), services()
        )
    headers = {"Idempotent-Replayed": "true"} if is_old else {}
    return make_response(ImportSchema().dump(result), 201, headers)


@blueprint.route("/<identifier>/recipients", methods=["GET"])
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.arguments(RecipientQuerySchema(), location="query", unknown=RAISE)
@blueprint.response(200, RecipientPageSchema)
def list_recipients(query: dict[str, Any], identifier: str) -> Response:
    """List the recipients of a campaign, by status, then as they are due."""
    limit = query["limit"]
    listed = page_of(found(identifier).id, limit + 1, query.get("status"), query.get("cursor"))
    rows, following = cut(listed, limit)
    views = recipient_views(rows, numbers_in_full=current_access().sees_numbers)
    return page(views, following)


@blueprint.route("/<identifier>/check", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.response(200, CheckedCampaignSchema)
def check_campaign(identifier: str) -> dict[str, Any]:
    """Check a campaign: who would be called, until when, for how much. Then it can be started."""
    campaign_id = found(identifier).id
    check(campaign_id, current_access(), services())
    campaign = found(str(campaign_id))
    requests = first_requests(campaign, services(), in_full=current_access().sees_numbers)
    return {**campaign_view(campaign), "first_requests": requests}


def found(identifier: str) -> models.Campaign:
    """Return the campaign with this id or name; raises ObdtrackError (not found)."""
    campaign = look_up(lambda: campaigns.find(identifier))
    if campaign is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no campaign with this id or name.")
    return campaign
