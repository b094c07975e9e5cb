"""The form that places one call, with what the API would say to each field beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from marshmallow import ValidationError
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.calls.placing import idempotency
from obdtrack.calls.placing.idempotency import Wanted, place_once
from obdtrack.domain.calling_hours import CallType
from obdtrack.domain.strict_json import load_json
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import new_id
from obdtrack.web.api.routes import NO_BRIDGE, call_request
from obdtrack.web.api.schemas import PlaceCallSchema
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.http.kept_forms import kept

blueprint = Blueprint("pages_place", __name__)

Messages = dict[str, list[str]]
_PLAIN = ("to", "bridge", "flow_id", "audio", "name", "reference", "call_type")
_IN_ORDER = (*_PLAIN, "interval", "variables", "metadata")
_USED = "Idempotency-Key"
_COUNT = re.compile("[0-9]{1,4}")


@blueprint.get("/place")
@needs(Scope.PLACE)
def form() -> Response:
    """Show the form; each has a key of its own, so that sending it twice dials once."""
    given = {name: request.args.get(name, "") for name in ("name", "flow_id")}
    return _form(given, {}, new_id().hex)


@blueprint.post("/place")
@needs(Scope.PLACE)
@kept(lambda given: _form(given, {}, given.get("once", "")[:64] or new_id().hex))
def place() -> Response | Redirect:
    """Place the call, or show what is wrong with which field."""
    once = request.form.get("once", "")[:64]
    body, errors = read_form(request.form)
    if errors or not once:
        return _form(request.form, errors, once or new_id().hex, 422)
    try:
        wanted = call_request(body)
        placed = place_once(Wanted([wanted], body), current_access(), once, services())
    except ObdtrackError as error:
        return _refused(error, once)
    return _to_call(placed.call_id)


def read_form(given: Mapping[str, str]) -> tuple[dict[str, Any], Messages]:
    """Return the form as the API's body and what is wrong with it, by field."""
    body: dict[str, Any] = {k: v.strip() for k in _PLAIN if (v := given.get(k, "")).strip()}
    errors: Messages = {}
    interval = given.get("interval", "0")
    body["interval"] = int(interval) if _COUNT.fullmatch(interval) else -1
    if lines := given.get("variables", "").strip():
        body["variables"] = read_variables(lines, errors)
    if text := given.get("metadata", "").strip():
        body["metadata"] = _metadata(text, errors)
    for field, messages in _wrong(body).items():
        errors.setdefault(field, []).extend(_flat(messages))
    return ({} if errors else PlaceCallSchema().load(body)), errors


def _wrong(body: dict[str, Any]) -> dict[str, Any]:
    """Return all that is wrong at once; the schema compares fields only when each is right."""
    wrong: dict[str, Any] = dict(PlaceCallSchema().validate(body))
    if "bridge" not in body and not services().settings.bridge:
        wrong["bridge"] = [NO_BRIDGE]
    try:
        PlaceCallSchema().one_of_flow_and_audio(body)
    except ValidationError as error:
        wrong.setdefault(error.field_name, error.messages)
    return wrong


def read_variables(lines: str, errors: Messages) -> dict[str, str]:
    """Return variables written one per line; what is wrong with them is added to `errors`."""
    pairs = [line.partition("=") for line in lines.splitlines() if line.strip()]
    if any(not equals for _, equals, _ in pairs):
        errors["variables"] = ["Write one per line, like otp=123456."]
        return {}
    return {name.strip(): value.strip() for name, _, value in pairs}


def _metadata(text: str, errors: Messages) -> Any:
    try:
        return load_json(text.encode())
    except ValueError:
        errors["metadata"] = ['Not JSON; write it like {"order": 7}.']
        return {}


def _flat(messages: Any) -> list[str]:
    if isinstance(messages, dict):
        return [
            text if name in ("_schema", "key", "value") else f"{name}: {text}"
            for name, inner in messages.items()
            for text in _flat(inner)
        ]
    return [str(text) for text in (messages if isinstance(messages, list) else [messages])]


def _refused(error: ObdtrackError, once: str) -> Response | Redirect:
    bound = idempotency.find(current_access().owner_id, once)
    if error.code is Code.CONFLICT and bound is not None:
        return _to_call(bound.call_id)  # the same form again while the first is on its way
    if _USED in error.fields:
        flash("This form was sent before, with other content. Send it again to place a new call.")
        return _form(request.form, {}, new_id().hex, 422)
    errors = {name: list(messages) for name, messages in error.fields.items()}
    response = _form(request.form, errors, once, HTTP_STATUS[error.code], error.message)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _to_call(call_id: UUID) -> Redirect:
    return redirect(url_for("pages_call.show", call_id=call_id), 303)


def _form(
    given: Mapping[str, str], errors: Messages, once: str, status: int = 200, refusal: str = ""
) -> Response:
    page = render_template(
        "place.html",
        given=given,
        errors=errors,
        focus=next((name for name in _IN_ORDER if name in errors), None),
        refusal=refusal,
        once=once,
        intervals=services().provider.intervals,
        bridge=services().settings.bridge,
        call_types=list(CallType),
        call_type=services().settings.call_type,
    )
    return make_response(page, status)
