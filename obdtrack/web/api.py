"""The REST API under `/api/v1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import request, url_for
from flask_smorest import Blueprint
from marshmallow import RAISE

from obdtrack.domain import phone
from obdtrack.domain.submission import CallRequest
from obdtrack.domain.timeline import build_timeline
from obdtrack.errors import Code, ObdtrackError
from obdtrack.storage import calls, deliveries, models
from obdtrack.web.access import context, current_access
from obdtrack.web.document import secured
from obdtrack.web.schemas import (
    CallPageSchema,
    CallQuerySchema,
    CallSchema,
    DeliveryPageSchema,
    DeliveryQuerySchema,
    DeliverySchema,
    EventPageSchema,
    PlaceCallSchema,
)
from obdtrack.web.views import call_view, delivery_view, event_view
from obdtrack.workflows.keys import Scope
from obdtrack.workflows.place_call import place_call

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

Headers = dict[str, str]


@blueprint.route("/calls", methods=["POST"])
@secured(Scope.PLACE, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
@blueprint.arguments(PlaceCallSchema)
@blueprint.response(201, CallSchema)
def place(body: Mapping[str, Any]) -> tuple[dict[str, Any], int, Headers]:
    """Place one call.

    The answer is 201 also when the outcome is `unknown`: the phone may ring, so do not repeat the
    request; look the call up.
    """
    call_id = place_call(_call_request(body), current_access().key_id, context())
    location = url_for("api.show_call", identifier=call_id)
    return _call(str(call_id)), 201, {"Location": location}


@blueprint.route("/calls", methods=["GET"])
@secured(Scope.READ)
@blueprint.arguments(CallQuerySchema, location="query", unknown=RAISE)
@blueprint.response(200, CallPageSchema)
def list_calls(query: dict[str, Any]) -> tuple[dict[str, Any], int, Headers]:
    """List calls, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = calls.newest(calls.Filter(**query), limit + 1, cursor)
    return _page(_views(found[:limit]), more=len(found) > limit)


@blueprint.route("/calls/<identifier>")
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, CallSchema)
def show_call(identifier: str) -> dict[str, Any]:
    """Show one call, by our id or by the provider's."""
    return _call(identifier)


@blueprint.route("/calls/<identifier>/events")
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, EventPageSchema)
def list_events(identifier: str) -> dict[str, Any]:
    """Show a call's timeline, oldest event first."""
    call = _found(identifier)
    timeline = build_timeline(calls.history([call.id])[call.id], call.interval)
    in_full = current_access().sees_numbers
    return {"data": [event_view(e, numbers_in_full=in_full) for e in timeline], "next_cursor": None}


@blueprint.route("/deliveries")
@secured(Scope.READ)
@blueprint.arguments(DeliveryQuerySchema, location="query", unknown=RAISE)
@blueprint.response(200, DeliveryPageSchema)
def list_deliveries(query: dict[str, Any]) -> tuple[dict[str, Any], int, Headers]:
    """List the requests that reached the callback, newest first."""
    limit = query["limit"]
    found = deliveries.newest(limit + 1, query.get("cursor"), query.get("outcome"))
    in_full = current_access().sees_numbers
    shown = [delivery_view(row, numbers_in_full=in_full) for row in found[:limit]]
    return _page(shown, more=len(found) > limit)


@blueprint.route("/deliveries/<uuid:delivery_id>")
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, DeliverySchema)
def show_delivery(delivery_id: Any) -> dict[str, Any]:
    """Show one request that reached the callback, raw."""
    row = deliveries.find(delivery_id)
    if row is None:
        raise ObdtrackError(Code.NOT_FOUND, f"There is no delivery {delivery_id}.")
    return delivery_view(row, numbers_in_full=current_access().sees_numbers)


def _call_request(body: Mapping[str, Any]) -> CallRequest:
    bridge = body.get("bridge") or phone.loosely(context().settings.bridge)
    if bridge is None:
        raise ObdtrackError(
            Code.INVALID,
            "Some fields are not right.",
            fields={"bridge": ["Missing, and there is no default (OBDTRACK_BRIDGE)."]},
        )
    return CallRequest(**{**body, "bridge": bridge})


def _found(identifier: str) -> models.Call:
    call = calls.find(identifier)
    if call is None:
        raise ObdtrackError(
            Code.NOT_FOUND, "There is no call with this id, ours or the provider's."
        )
    return call


def _call(identifier: str) -> dict[str, Any]:
    return _views([_found(identifier)])[0]


def _views(found: Sequence[models.Call]) -> list[dict[str, Any]]:
    events = calls.history([call.id for call in found])
    in_full = current_access().sees_numbers
    return [call_view(call, events[call.id], numbers_in_full=in_full) for call in found]


def _page(shown: list[dict[str, Any]], *, more: bool) -> tuple[dict[str, Any], int, Headers]:
    if not more:
        return {"data": shown, "next_cursor": None}, 200, {}
    cursor = str(shown[-1]["id"])
    query = urlencode({**request.args.to_dict(), "cursor": cursor})
    link = f'<{request.base_url}?{query}>; rel="next"'
    return {"data": shown, "next_cursor": cursor}, 200, {"Link": link}
