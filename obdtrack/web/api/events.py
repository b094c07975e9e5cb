"""The REST API of the feed: what happened, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Response, request, url_for
from flask_smorest import Blueprint
from marshmallow import RAISE

from obdtrack.access.keys import Scope
from obdtrack.domain.feed import Numbers, matching
from obdtrack.errors import Code, ObdtrackError
from obdtrack.notifications.envelope import envelopes
from obdtrack.notifications.reading import Waiters, WantedEvents, cursor_of, place_of
from obdtrack.web.api.openapi import secured
from obdtrack.web.api.routes import note_pii_use
from obdtrack.web.api.schemas import FeedPageSchema, FeedQuerySchema
from obdtrack.web.http.auth import ask_main_store, current_access, services

NDJSON = "application/x-ndjson"


def make_blueprint(waiters: Waiters) -> Blueprint:
    """Return the routes; those who wait for events are among these `waiters`."""
    blueprint = Blueprint("api_events", __name__, url_prefix="/api/v1/events")
    blueprint.before_request(note_pii_use)

    @blueprint.route("")
    @secured(Scope.READ, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY)
    @blueprint.arguments(FeedQuerySchema(), location="query", unknown=RAISE)
    @blueprint.response(200, FeedPageSchema)
    def read_feed(query: dict[str, Any]) -> Response:
        """Read what happened, oldest first; nothing is left out, and nothing comes twice.

        Go on from `next_cursor`, also after a page without events. With the header `Accept:
        application/x-ndjson` each event is a line, and the way on stands in the header `Link`
        alone.
        """
        return _read(query, waiters)

    return blueprint


def _read(query: Mapping[str, Any], waiters: Waiters) -> Response:
    made = services()
    if not made.settings.events_days:
        raise ObdtrackError(Code.NOT_FOUND, "There is no feed: OBDTRACK_EVENTS_DAYS is 0.")
    ask_main_store()  # a replica does not know whose transactions are still open
    place = place_of(query.get("after"), made)
    patterns = query.get("types")
    wanted = WantedEvents(
        matching(patterns) if patterns else None, query.get("call_id"), query.get("campaign_id")
    )
    found = waiters.read(place, query["limit"], wanted, query["wait"])
    numbers = Numbers.FULL if current_access().sees_numbers else Numbers.MASKED
    response = _page(envelopes(found.rows, numbers), cursor_of(found.place, made.encryption))
    if found.full:
        response.headers["Retry-After"] = "1"
    return response


def _page(shown: list[dict[str, Any]], cursor: str) -> Response:
    following = urlencode({**request.args.to_dict(flat=False), "after": cursor}, doseq=True)
    headers = {"Link": f'<{url_for(str(request.endpoint))}?{following}>; rel="next"'}
    if request.accept_mimetypes.best_match(["application/json", NDJSON]) == NDJSON:
        lines = b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in shown)
        return Response(lines, content_type=NDJSON, headers=headers)
    body = orjson.dumps({"data": shown, "next_cursor": cursor})
    return Response(body, content_type="application/json", headers=headers)
