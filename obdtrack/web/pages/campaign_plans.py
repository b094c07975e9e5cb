"""The form that plans a campaign, with what the API would say to each field beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.campaigns import campaigns
from obdtrack.campaigns.campaigns import plan_json
from obdtrack.domain.calling_hours import CallType
from obdtrack.domain.campaign import RETRIED, CampaignPlan, Retries
from obdtrack.domain.times import from_text, to_text
from obdtrack.errors import ObdtrackError
from obdtrack.store import models
from obdtrack.web.api.campaign_schemas import CreateCampaignSchema, EditCampaignSchema
from obdtrack.web.api.campaigns import found, new_plan
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.errors import HTTP_STATUS, by_field
from obdtrack.web.http.kept_forms import kept
from obdtrack.web.pages.language import N_, translated
from obdtrack.web.pages.place_form import Messages, read_variables
from obdtrack.web.pages.preferences import current_zone

blueprint = Blueprint("pages_campaign_plans", __name__, url_prefix="/campaigns")

_TEXTS = ("flow_id", "audio", "budget", "call_type")
"""Fields that are emptied by leaving them empty."""

_NUMBERS = ("per_minute", "max_in_flight", "numbers_per_request", "interval")
_BREAKER = ("failed_percent", "of_last", "minimum")
_TIMES = ("start_at", "end_at")
_INPUT_TIME = "%Y-%m-%dT%H:%M"


class ReadPlan(NamedTuple):
    """A form as the API's body, and what of it is wrong already, by field."""

    body: dict[str, Any]
    errors: Messages


@blueprint.get("/new")
@needs(Scope.PLACE)
def form() -> Response:
    """Show the form of a new campaign, with what is usual."""
    usual = plan_json(CampaignPlan(bridge=""))
    return _form(None, {**as_form(usual), "name": request.args.get("name", "")}, {})


@blueprint.post("/new")
@needs(Scope.PLACE)
@kept(lambda given: _form(None, given, {}))
def create() -> Response | Redirect:
    """Create the campaign as a draft, or show what is wrong with which field."""
    read = read_form(request.form)
    try:
        if read.errors:
            raise ValidationError({})
        values = CreateCampaignSchema().load(read.body)
        name = values.pop("name")
        plan = new_plan(values, services().settings)
        campaigns.create(name, plan, current_access(), services())
    except (ValidationError, ObdtrackError) as error:
        return _wrong(None, read, CreateCampaignSchema().validate(read.body), error)
    return redirect(url_for("pages_campaigns.show", name=name), 303)


@blueprint.get("/<uuid:campaign_id>/edit")
@needs(Scope.PLACE)
def edit_form(campaign_id: UUID) -> Response:
    """Show the form of a campaign that there is."""
    campaign = found(str(campaign_id))
    return _form(campaign, {**as_form(campaign.plan), "name": campaign.name}, {})


@blueprint.post("/<uuid:campaign_id>/edit")
@needs(Scope.PLACE)
@kept(lambda given, campaign_id: _form(found(campaign_id), given, {}))
def edit(campaign_id: UUID) -> Response | Redirect:
    """Change the campaign, or show what is wrong with which field."""
    campaign, read = found(str(campaign_id)), read_form(request.form)
    try:
        if read.errors:
            raise ValidationError({})
        values = EditCampaignSchema().load(read.body)
        name = values.pop("name", None)
        campaigns.edit(campaign_id, values, current_access(), services(), name)
    except (ValidationError, ObdtrackError) as error:
        return _wrong(campaign, read, EditCampaignSchema().validate(read.body), error)
    return redirect(url_for("pages_campaigns.show", name=found(str(campaign_id)).name), 303)


def as_form(plan: Mapping[str, Any]) -> MultiDict[str, str]:
    """Return a plan, as it is stored, as the fields of the form."""
    retries, breaker, window = plan["retries"], plan["stop_if"], plan["calling_window"]
    opens, _, closes = (window or "").partition("-")
    zone, times = current_zone(), {name: plan[name] for name in _TIMES if plan[name]}
    given = {
        **{name: plan[name] for name in (*_TEXTS, *_NUMBERS, "bridge", "at_window_end")},
        **{name: zone.local(from_text(at)).strftime(_INPUT_TIME) for name, at in times.items()},
        "opens": opens,
        "closes": closes,
        "retries.times": retries["times"] if retries else 0,
        "retries.wait_minutes": (retries or Retries()._asdict())["wait_minutes"],
        "breaker": "on" if breaker else "",
        **{f"stop_if.{name}": value for name, value in (breaker or {}).items()},
    }
    form = MultiDict({name: "" if value is None else str(value) for name, value in given.items()})
    form.setlist("retries.on", list(retries["on"] if retries else RETRIED))
    return form


def read_form(given: MultiDict[str, str]) -> ReadPlan:
    """Return the form as the API's body; what cannot be put into one is wrong."""
    errors: Messages = {}
    body: dict[str, Any] = {name: given.get(name, "").strip() or None for name in _TEXTS}
    body |= {name: _number(given, name, errors) for name in _NUMBERS}
    body["at_window_end"] = given.get("at_window_end", "")
    for name in _TIMES:
        body[name] = _moment(given.get(name, ""), name, errors)
    body |= {name: text for name in ("name", "bridge") if (text := given.get(name, "").strip())}
    if lines := given.get("variables", "").strip():
        body["variables"] = read_variables(lines, errors)
    opens, closes = given.get("opens", ""), given.get("closes", "")
    body["calling_window"] = f"{opens}-{closes}" if opens or closes else None
    body["retries"] = body["stop_if"] = None
    if given.get("retries.times", "") not in ("", "0"):
        parts = {one: _number(given, f"retries.{one}", errors) for one in ("times", "wait_minutes")}
        body["retries"] = {"on": given.getlist("retries.on"), **parts}
    if given.get("breaker"):
        body["stop_if"] = {one: _number(given, f"stop_if.{one}", errors) for one in _BREAKER}
    return ReadPlan(body, errors)


def _number(given: Mapping[str, str], name: str, errors: Messages) -> int | None:
    text = given.get(name, "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    errors[name] = [N_("Must be a whole number.")]
    return None


def _moment(text: str, name: str, errors: Messages) -> str | None:
    """Return what a field for day and time says, by the reader's clock, as the API takes it."""
    if not text:
        return None
    try:
        then = datetime.strptime(text, _INPUT_TIME).replace(tzinfo=current_zone().info)
        return to_text(then.astimezone(UTC))
    except (ValueError, OverflowError):
        errors[name] = [N_("Must be a day and a time.")]
        return None


def _wrong(
    campaign: models.Campaign | None,
    read: ReadPlan,
    messages: Mapping[str, Any],
    error: ValidationError | ObdtrackError,
) -> Response:
    """Show the form as it was sent, with all that is wrong with it."""
    errors = {**by_field(messages), **read.errors}
    if isinstance(error, ObdtrackError):
        errors |= {name: list(sentences) for name, sentences in error.fields.items()}
        refusal = "" if error.fields else translated(error.message)
        return _form(campaign, request.form, errors, HTTP_STATUS[error.code], refusal)
    return _form(campaign, request.form, errors, 422)


def _form(
    campaign: models.Campaign | None,
    given: Mapping[str, Any],
    errors: Messages,
    status: int = 200,
    refusal: str = "",
) -> Response:
    settings = services().settings
    page = render_template(
        "campaign_form.html",
        campaign=campaign,
        given=given,
        retried=given.getlist("retries.on") if isinstance(given, MultiDict) else list(RETRIED),
        errors=errors,
        refusal=refusal,
        RETRIED=RETRIED,
        intervals=services().provider.intervals,
        bridge=settings.bridge,
        call_types=list(CallType),
        call_type=settings.call_type,
        hours_zone=settings.calling_window_timezone,
    )
    return make_response(page, status)
