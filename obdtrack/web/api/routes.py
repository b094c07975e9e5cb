"""The REST API under `/api/v1`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import orjson
import structlog
from flask import Response, request, url_for
from flask_smorest import Blueprint
from marshmallow import EXCLUDE, RAISE, Schema

from obdtrack.access.audit import record_pii_use
from obdtrack.access.keys import Scope
from obdtrack.calls import attention, opt_outs, queries, responses, search
from obdtrack.calls.give_report import give_report
from obdtrack.calls.lookups import admit
from obdtrack.calls.outside_hours import rang_outside
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.as_stored import StoredSubmission
from obdtrack.calls.placing.idempotency import (
    Placed,
    Wanted,
    keep_response,
    place_guarded,
    place_once,
)
from obdtrack.calls.polling.check import refresh
from obdtrack.calls.provider_ids import can_be_named, waiting_reports
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.replay import replay
from obdtrack.calls.representation import (
    call_view,
    delivery_view,
    event_view,
    response_view,
    submission_view,
    waiting_view,
)
from obdtrack.calls.resolve import resolve, resolve_submission
from obdtrack.calls.search import CallFilter
from obdtrack.calls.states import states_of
from obdtrack.campaigns.campaigns import refuse_name_of_campaign
from obdtrack.domain import phone
from obdtrack.domain.fold import CallState
from obdtrack.domain.redaction import hide_within
from obdtrack.domain.status import Status
from obdtrack.domain.submission import CallRequest
from obdtrack.domain.timeline import build_timeline
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store import models
from obdtrack.store.database_errors import unavailable
from obdtrack.web.api.openapi import secured
from obdtrack.web.api.schemas import (
    AttachSchema,
    CallPageSchema,
    CallQuerySchema,
    CallSchema,
    DeliveryPageSchema,
    DeliveryQuerySchema,
    DeliverySchema,
    EventPageSchema,
    EventQuerySchema,
    IdempotencySchema,
    PlaceCallSchema,
    PlaceSubmissionSchema,
    ResolveAllSchema,
    ResolveSchema,
    SeenSchema,
    SubmissionSchema,
)
from obdtrack.web.http.auth import current_access, look_up, services
from obdtrack.web.http.paging import cut
from obdtrack.web.http.request_bodies import BodyParser

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
blueprint.ARGUMENTS_PARSER = BodyParser()

log = structlog.get_logger()

_ASKED = {"created_after": "since", "created_before": "until"}
"""Filters of the list that the database knows by another name."""


@blueprint.before_request
def note_pii_use() -> None:
    """Have it audited that a key which sees numbers was used."""
    if Scope.PII in current_access().scopes:
        record_pii_use(current_access(), services())


@blueprint.route("/calls", methods=["POST"])
@secured(
    Scope.PLACE,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
@blueprint.arguments(PlaceCallSchema())
@blueprint.arguments(IdempotencySchema(), location="headers", unknown=EXCLUDE)
@blueprint.response(201, CallSchema)
def place(body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Place one call.

    The response is 201 also when the outcome is `unknown`: the phone may ring, so do not repeat the
    request; look the call up. With an `Idempotency-Key` a repeated request is safe. A number on the
    do-not-call list, or any number outside the calling hours, is refused with 409 and not called.
    """
    return _place(Wanted([call_request(body)], body), headers.get("key"), _ONE)


@blueprint.route("/submissions", methods=["POST"])
@secured(
    Scope.PLACE,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
@blueprint.arguments(PlaceSubmissionSchema())
@blueprint.arguments(IdempotencySchema(), location="headers", unknown=EXCLUDE)
@blueprint.response(201, SubmissionSchema)
def place_list(body: dict[str, Any], headers: Mapping[str, str]) -> Response:
    """Place calls to several numbers by one request to the provider.

    What holds for one call holds for each of them. If a number may not be called the whole list is
    refused with 409, naming each; with `skip` such numbers become calls that are `skipped`, and
    the others are called.
    """
    numbers, skip = body.pop("to"), body.pop("skip")
    shared = call_request({**body, **numbers[0]})
    nothing = {"reference": None, "metadata": None}
    requests = [replace(shared, **{**nothing, **number}) for number in numbers]
    return _place(Wanted(requests, body, is_list=True, skip=skip), headers.get("key"), _LIST)


@blueprint.route("/submissions/<uuid:submission_id>")
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, SubmissionSchema)
def show_submission(submission_id: UUID) -> dict[str, Any]:
    """Show one request to the provider, its response, and the calls it asked for."""
    return _submission(_stored(submission_id))


@blueprint.route("/submissions/<uuid:submission_id>/resolve", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(ResolveAllSchema())
@blueprint.response(200, SubmissionSchema)
def resolve_all(body: dict[str, Any], submission_id: UUID) -> dict[str, Any]:
    """Resolve all calls of a submission whose outcome is unknown, alike.

    `place-again` places them anew by one request, and returns the new submission.
    """
    _stored(submission_id)
    found = resolve_submission(submission_id, access=current_access(), services=services(), **body)
    return _submission(_stored(found))


@blueprint.route("/calls", methods=["GET"])
@secured(Scope.READ)
@blueprint.arguments(CallQuerySchema(), location="query", unknown=RAISE)
@blueprint.response(200, CallPageSchema)
def list_calls(query: dict[str, Any]) -> Response:
    """List calls, newest first."""
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    to = query.pop("to", None)
    number = {"ending" if to.isdigit() else "number": to} if to else {}
    named = {_ASKED.get(name, name): value for name, value in query.items()}
    wanted = CallFilter(**named, **number)
    if not current_access().sees_numbers:
        admit(wanted, current_access(), services())
    found = search.newest(wanted, limit + 1, cursor)
    rows, next_cursor = cut(found, limit)
    return page(_views(rows, states_of(rows)), next_cursor)


@blueprint.route("/calls/<identifier>")
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, CallSchema)
def show_call(identifier: str) -> dict[str, Any]:
    """Show one call, by our id or by the provider's."""
    return _call(identifier)


@blueprint.route("/calls/<identifier>/events")
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.arguments(EventQuerySchema(), location="query", unknown=EXCLUDE)
@blueprint.response(200, EventPageSchema)
def list_events(query: dict[str, Any], identifier: str) -> Response:
    """Show a call's timeline, oldest event first."""
    call = _found(identifier)
    state = states_of([call])[call.id]
    timeline = build_timeline(queries.history([call.id])[call.id], state)
    outside = rang_outside(state.attempts, call.submission.call_type, services().settings)
    cursor, limit = query.get("cursor"), query["limit"]
    # Of an event that was deleted since nobody knows the place: nothing comes after it.
    number = len(timeline) if cursor else 0
    begin = next((e.number for e in timeline if e.event.id == cursor), number)
    found = timeline[begin : begin + limit + 1]
    lines, following = cut(found, limit, lambda entry: str(entry.event.id))
    in_full = current_access().sees_numbers
    shown = [event_view(line, call.to_number, outside, numbers_in_full=in_full) for line in lines]
    return page(shown, following)


@blueprint.route("/calls/<identifier>/refresh", methods=["POST"])
@secured(
    Scope.READ, HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE
)
@blueprint.response(200, CallSchema)
def refresh_call(identifier: str) -> dict[str, Any]:
    """Poll the provider for a call now, instead of waiting for its report or the next check."""
    call = _found(identifier)
    refresh(call, services())
    return _call(str(call.id))


@blueprint.route("/calls/<identifier>/resolve", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(ResolveSchema())
@blueprint.response(200, CallSchema)
def resolve_call(body: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Resolve a call whose outcome is unknown, or note that somebody has looked at it.

    `place-again` returns the new call.
    """
    call = _found(identifier)
    return _call(str(resolve(call.id, access=current_access(), services=services(), **body)))


@blueprint.route("/deliveries")
@secured(Scope.READ)
@blueprint.arguments(DeliveryQuerySchema(), location="query", unknown=RAISE)
@blueprint.response(200, DeliveryPageSchema)
def list_deliveries(query: dict[str, Any]) -> Response:
    """List the requests that reached the callback, newest first."""
    limit = query["limit"]
    found = deliveries.newest_of(query.get("outcomes", ()), limit + 1, query.get("cursor"))
    rows, next_cursor = cut(found, limit)
    return page(_delivery_views(rows), next_cursor)


@blueprint.route("/deliveries/<uuid:delivery_id>")
@secured(Scope.READ, HTTPStatus.NOT_FOUND)
@blueprint.response(200, DeliverySchema)
def show_delivery(delivery_id: UUID) -> dict[str, Any]:
    """Show one request that reached the callback, raw."""
    return _delivery(delivery_id)


def _delivery(delivery_id: UUID) -> dict[str, Any]:
    row = look_up(lambda: deliveries.find(delivery_id))
    if row is None:
        raise ObdtrackError(Code.NOT_FOUND, f"There is no delivery {delivery_id}.")
    return _delivery_views([row])[0]


def _delivery_views(found: Sequence[models.Delivery]) -> list[dict[str, Any]]:
    if current_access().sees_numbers:
        return [delivery_view(row, None) for row in found]
    calls = search.by_id({row.call_id for row in found if row.call_id})
    views = []
    for row in found:
        reading = deliveries.read_again(row, services().provider_of(row))
        numbers = deliveries.numbers_of(row, calls.get(row.call_id), reading)
        views.append(delivery_view(row, numbers))
    return views


@blueprint.route("/deliveries/<uuid:delivery_id>/replay", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
@blueprint.response(200, DeliverySchema)
def replay_delivery(delivery_id: UUID) -> dict[str, Any]:
    """Reprocess a stored request, for example after fixing what kept it off its timeline."""
    replay(delivery_id, services(), current_access())
    return _delivery(delivery_id)


@blueprint.route("/deliveries/<uuid:delivery_id>/attach", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(AttachSchema())
@blueprint.response(200, DeliverySchema)
def attach_delivery(body: dict[str, Any], delivery_id: UUID) -> dict[str, Any]:
    """Put an unmatched report on the timeline of the call that a person says it is about."""
    call = _found(body["call_id"])
    give_report(delivery_id, call.id, body.get("note"), current_access(), services())
    return _delivery(delivery_id)


@blueprint.route("/deliveries/<uuid:delivery_id>/seen", methods=["POST"])
@secured(Scope.ADMIN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
@blueprint.arguments(SeenSchema())
@blueprint.response(200, DeliverySchema)
def review(body: dict[str, Any], delivery_id: UUID) -> dict[str, Any]:
    """Note that a person has looked at a request: it needs no attention any more."""
    attention.review_delivery(delivery_id, body.get("note"), current_access(), services())
    return _delivery(delivery_id)


NO_BRIDGE = "Missing, and there is no default (OBDTRACK_BRIDGE)."


def call_request(body: Mapping[str, Any]) -> CallRequest:
    """Return the validated body as a request.

    Raises ObdtrackError (invalid) if no bridge is known, or if its name is that of a campaign.
    """
    refuse_name_of_campaign(body.get("name"))
    bridge = body.get("bridge") or phone.whole(services().settings.bridge)
    if bridge is None:
        raise ObdtrackError(
            Code.INVALID,
            "Some fields are invalid.",
            fields={"bridge": [NO_BRIDGE]},
        )
    call_type = body.get("call_type") or services().settings.call_type
    return CallRequest(**{**body, "bridge": bridge, "call_type": call_type})


def _found(identifier: str) -> models.Call:
    call = look_up(lambda: queries.find(identifier, services().providers.values()))
    if call is None:
        raise ObdtrackError(
            Code.NOT_FOUND, "There is no call with this id, ours or the provider's."
        )
    return call


def _call(identifier: str) -> dict[str, Any]:
    call = _found(identifier)
    return _shown(call, states_of([call]))


def _shown(
    call: models.Call, states: Mapping[UUID, CallState], *, is_new: bool = False
) -> dict[str, Any]:
    (shown,) = _views([call], states, is_new=is_new)
    if can_be_named(call):
        in_full = current_access().sees_numbers
        shown["waiting_reports"] = [
            waiting_view(row, call.to_number, numbers_in_full=in_full)
            for row in waiting_reports(call)
        ]
    return shown


def _views(
    found: Sequence[models.Call], states: Mapping[UUID, CallState], *, is_new: bool = False
) -> list[dict[str, Any]]:
    allowed = is_new and services().settings.suppression  # or it would not have been placed
    opted_out = {} if allowed else opt_outs.of_numbers({call.to_number for call in found})
    return [
        call_view(
            call,
            states[call.id],
            numbers_in_full=current_access().sees_numbers,
            opted_out_at=opted_out.get(call.to_number),
        )
        for call in found
    ]


def _stored(submission_id: UUID) -> StoredSubmission:
    found = look_up(lambda: submissions.find(submission_id))
    if found is None:
        raise ObdtrackError(Code.NOT_FOUND, f"There is no submission {submission_id}.")
    calls = submissions.calls_of(submission_id)
    told = responses.of_submission(submission_id)
    sent = next((row for row in told if row.kind == "send"), None)
    return StoredSubmission(found, sent, calls, states_of(calls))


def _submission(stored: StoredSubmission) -> dict[str, Any]:
    calls = stored.calls
    numbers = () if current_access().sees_numbers else [call.to_number for call in calls]
    sent = stored.response and response_view(stored.response)
    return {
        **submission_view(stored.submission),
        "response": hide_within(sent, *numbers) if numbers else sent,
        "calls": _views(calls, stored.states, is_new=stored.is_new),
    }


def _only_call(stored: StoredSubmission) -> dict[str, Any]:
    (call,) = stored.calls
    return _shown(call, stored.states, is_new=stored.is_new)


class _Shown(NamedTuple):
    """How what was placed is returned: a call, or a submission of several.

    `view` returns it as it was stored, `assume` without the database, and `endpoint` shows it.
    """

    schema: Schema
    endpoint: str
    argument: str
    view: Callable[[StoredSubmission], dict[str, Any]]
    assume: Callable[[Placed, Wanted], dict[str, Any]]


def _assumed_call(placed: Placed, wanted: Wanted) -> dict[str, Any]:
    (request,) = wanted.requests
    known = {"id": placed.call_id, "reference": request.reference, "to": request.to}
    return {**known, "status": Status.UNKNOWN}


def _assumed_list(placed: Placed, _: Wanted) -> dict[str, Any]:
    if placed.pending is None:
        raise unavailable()
    calls = [
        {
            "id": call.id,
            "reference": call.request.reference,
            "to": call.request.to,
            "status": Status.SKIPPED if call.skipped else Status.UNKNOWN,
            "reason": call.skipped,
        }
        for call in placed.pending.calls
    ]
    return {"id": placed.pending.id, "calls": calls}


_ONE = _Shown(CallSchema(), "api.show_call", "identifier", _only_call, _assumed_call)
_LIST = _Shown(
    SubmissionSchema(), "api.show_submission", "submission_id", _submission, _assumed_list
)


def _place(wanted: Wanted, key: str | None, shown: _Shown) -> Response:
    """Place what is wanted, once for each key if there is one; returns 201, whatever happens then.

    Who tries again might ring twice.
    """
    access = current_access()
    if key is None:
        placed = place_guarded(wanted, access.key_id, services())
    else:
        placed = place_once(wanted, access, key, services())
    body = placed.body or _read_and_kept(placed, wanted, key, shown)
    headers = {"Location": url_for(shown.endpoint, **{shown.argument: json.loads(body)["id"]})}
    if placed.pending is None:
        headers["Idempotent-Replayed"] = "true"
    return Response(body, 201, headers, content_type="application/json")


def _read_and_kept(placed: Placed, wanted: Wanted, key: str | None, shown: _Shown) -> str:
    """Return what was placed as JSON, and store it to be returned again.

    If it cannot be read now, what is known without that is returned, and it is read again then.
    """
    try:
        stored = placed.stored or _stored(_found(str(placed.call_id)).submission.id)
        body = orjson.dumps(shown.view(stored)).decode()
    except Exception:
        log.warning("placed_call_not_read", call_id=str(placed.call_id), exc_info=True)
        return json.dumps(shown.schema.dump(shown.assume(placed, wanted)))
    try:
        if key is not None:
            keep_response(current_access().owner_id, key, body, services())
    except Exception:
        log.warning("response_not_kept", call_id=str(placed.call_id), exc_info=True)
    return body


def page(shown: list[dict[str, Any]], cursor: str | None) -> Response:
    """Return a page of a list, with the link to the next one.

    What is `shown` is sent as it is: a schema would write each field once more.
    """
    body = orjson.dumps({"next_cursor": cursor, "data": shown})
    response = Response(body, content_type="application/json")
    if cursor is not None:
        query = urlencode({**request.args.to_dict(flat=False), "cursor": cursor}, doseq=True)
        path = url_for(str(request.endpoint), **(request.view_args or {}))  # of whichever host
        response.headers["Link"] = f'<{path}?{query}>; rel="next"'
    return response
