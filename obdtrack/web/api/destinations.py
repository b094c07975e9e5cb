"""The REST API of destinations, under `/api/v1/destinations`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, url_for
from flask_smorest import Blueprint
from marshmallow import RAISE

from obdtrack.access.keys import Scope
from obdtrack.errors import Code, ObdtrackError
from obdtrack.notifications import destinations, log
from obdtrack.notifications.destinations import Wishes, destination_view
from obdtrack.notifications.dispatch import send_test
from obdtrack.notifications.log import notification_view
from obdtrack.store import models
from obdtrack.web.api.destination_schemas import (
    CreateDestinationSchema,
    DestinationPageSchema,
    DestinationSchema,
    EditDestinationSchema,
    NotificationPageSchema,
    NotificationQuerySchema,
    NotificationSchema,
    RecoverQuerySchema,
    ReplayedDestinationSchema,
    SecretDestinationSchema,
    TestSchema,
)
from obdtrack.web.api.openapi import secured
from obdtrack.web.api.routes import note_pii_use, page
from obdtrack.web.http.auth import current_access, look_up, services
from obdtrack.web.http.paging import cut
from obdtrack.web.http.request_bodies import BodyParser

blueprint = Blueprint("api_destinations", __name__, url_prefix="/api/v1/destinations")
blueprint.ARGUMENTS_PARSER = BodyParser()
blueprint.before_request(note_pii_use)


@blueprint.route("", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(CreateDestinationSchema())
@blueprint.response(201, SecretDestinationSchema)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Create a destination that is told what happens from now on. Its secret is shown this once."""
    made, secret = destinations.create(Wishes(**body), current_access(), services())
    location = url_for("api_destinations.show", destination_id=made)
    return {**_shown(made), "secret": secret}, 201, {"Location": location}


@blueprint.route("", methods=["GET"])
@secured(Scope.ADMIN)
@blueprint.response(200, DestinationPageSchema)
def index() -> dict[str, Any]:
    """List all destinations, oldest first."""
    shown = [destination_view(row, services()) for row in destinations.all_of_them()]
    return {"data": shown, "next_cursor": None}


@blueprint.route("/<uuid:destination_id>", methods=["GET"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND)
@blueprint.response(200, DestinationSchema)
def show(destination_id: UUID) -> dict[str, Any]:
    """Show one destination, without its secret."""
    return _shown(destination_id)


@blueprint.route("/<uuid:destination_id>", methods=["PATCH"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(EditDestinationSchema())
@blueprint.response(200, DestinationSchema)
def edit(body: dict[str, Any], destination_id: UUID) -> dict[str, Any]:
    """Change where notifications are sent, or of what; `filter` is set as a whole."""
    destinations.edit(destination_id, body, current_access(), services())
    return _shown(destination_id)


@blueprint.route("/<uuid:destination_id>", methods=["DELETE"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND)
@blueprint.response(204)
def delete(destination_id: UUID) -> None:
    """Delete a destination with its log. What is on its way to it right now may still arrive."""
    destinations.delete(destination_id, current_access(), services())


@blueprint.route("/<uuid:destination_id>/test", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND)
@blueprint.response(200, TestSchema)
def test(destination_id: UUID) -> dict[str, Any]:
    """Send an event of the type `destination.test` now; 200 also if it was not taken."""
    tried = send_test(found(destination_id), services())
    return {**tried._asdict(), "delivered": tried.failure is None}


@blueprint.route("/<uuid:destination_id>/pause", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.response(200, DestinationSchema)
def pause(destination_id: UUID) -> dict[str, Any]:
    """Send nothing until it is resumed; nothing is lost meanwhile."""
    destinations.pause(destination_id, current_access(), services())
    return _shown(destination_id)


@blueprint.route("/<uuid:destination_id>/resume", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.response(200, DestinationSchema)
def resume(destination_id: UUID) -> dict[str, Any]:
    """Send all that was missed, and what happens from now on; also if it was disabled."""
    destinations.resume(destination_id, current_access(), services())
    return _shown(destination_id)


@blueprint.route("/<uuid:destination_id>/rotate", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.response(200, SecretDestinationSchema)
def rotate(destination_id: UUID) -> dict[str, Any]:
    """Make a new secret, shown this once. For 24 hours the old one signs as well."""
    secret = destinations.rotate(destination_id, current_access(), services())
    return {**_shown(destination_id), "secret": secret}


@blueprint.route("/<uuid:destination_id>/recover", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(RecoverQuerySchema(), location="query", unknown=RAISE)
@blueprint.response(200, ReplayedDestinationSchema)
def recover(query: dict[str, Any], destination_id: UUID) -> dict[str, Any]:
    """Send all that happened since then and was not delivered, also what was never meant for it."""
    since = query["since"]
    replayed = destinations.recover(destination_id, since, current_access(), services())
    return {**_shown(destination_id), "replayed": replayed}


@blueprint.route("/<uuid:destination_id>/notifications", methods=["GET"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND)
@blueprint.arguments(NotificationQuerySchema(), location="query", unknown=RAISE)
@blueprint.response(200, NotificationPageSchema)
def list_notifications(query: dict[str, Any], destination_id: UUID) -> Response:
    """List what a destination was sent, newest first; with `status`, by when they were due."""
    limit, there = query["limit"], found(destination_id).id
    rows, following = cut(
        log.page(there, limit + 1, query.get("status"), query.get("cursor")), limit
    )
    return page(list(map(notification_view, rows)), following)


@blueprint.route("/<uuid:destination_id>/notifications/replay", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND)
@blueprint.response(200, ReplayedDestinationSchema)
def replay_failed(destination_id: UUID) -> dict[str, Any]:
    """Send all notifications again that failed."""
    replayed = destinations.replay_failed(destination_id, current_access(), services())
    return {**_shown(destination_id), "replayed": replayed}


@blueprint.route(
    "/<uuid:destination_id>/notifications/<uuid:notification_id>/replay", methods=["POST"]
)
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.response(200, NotificationSchema)
def replay(destination_id: UUID, notification_id: UUID) -> dict[str, Any]:
    """Send one notification again, whatever became of it; one that is pending is sent now."""
    destinations.replay(destination_id, notification_id, current_access(), services())
    return notification_view(log.found(destination_id, notification_id))


def _shown(destination_id: UUID) -> dict[str, Any]:
    return destination_view(found(destination_id), services())


def found(destination_id: UUID) -> models.Destination:
    """Return the destination with this id; raises ObdtrackError (not found)."""
    there = look_up(lambda: destinations.find(destination_id))
    if there is None:
        raise ObdtrackError(Code.NOT_FOUND, f"There is no destination {destination_id}.")
    return there
