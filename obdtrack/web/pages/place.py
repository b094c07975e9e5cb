"""The form that places one call, which says before that what stands against it."""

from __future__ import annotations

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
from flask_babel import get_locale
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.audit import record_placing
from obdtrack.access.keys import Scope
from obdtrack.calls.placing import idempotency
from obdtrack.calls.placing.idempotency import Wanted, place_once
from obdtrack.calls.placing.submissions import heard_lately
from obdtrack.domain.calling_hours import CallType
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import new_id
from obdtrack.web.api.routes import call_request
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.http.kept_forms import kept
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.place_check import Beforehand, look_before, of_hours
from obdtrack.web.pages.place_form import (
    IN_ORDER,
    Fields,
    Messages,
    home_country,
    read_form,
    variable_rows,
)

blueprint = Blueprint("pages_place", __name__)

_USED = "Idempotency-Key"


@blueprint.get("/place")
@needs(Scope.PLACE)
def form() -> Response:
    """Show the form; each has a key of its own, so that sending it twice dials once."""
    given = Fields({name: request.args.get(name, "") for name in ("name", "flow_id")})
    return _form(given, {}, new_id().hex)


@blueprint.post("/place")
@needs(Scope.PLACE)
@kept(lambda given: _form(given, {}, given.get("once", "")[:64] or new_id().hex))
def place() -> Response | Redirect:
    """Place the call, or show what stands against it; or only look, or give the form a row more.

    A number that came without its country code is shown with it before anybody is called.
    """
    given, once = request.form, request.form.get("once", "")[:64] or new_id().hex
    if "add" in given:
        return _form(given, {}, once, rows=1)
    body, errors = read_form(given)
    if errors or not given.get("once"):
        return _form(given, errors, once, 422)
    try:
        wanted = call_request(body)
        found = look_before(wanted, given.get("to", ""), services())
        is_new = idempotency.find(current_access().owner_id, once) is None
        if "check" in given or (is_new and (found.guessed or not found.allowed)):
            status = 200 if found.allowed else HTTP_STATUS[Code.CONFLICT]
            return _form(given, {}, once, status, beforehand=found)
        placed = place_once(Wanted([wanted], body), current_access(), once, services())
    except ObdtrackError as error:
        return _refused(error, once)
    if placed.pending is not None:
        record_placing(current_access(), placed.call_id, wanted.to, services())
    return _to_call(placed.call_id)


def _refused(error: ObdtrackError, once: str) -> Response | Redirect:
    bound = idempotency.find(current_access().owner_id, once)
    if error.code is Code.CONFLICT and bound is not None:
        return _to_call(bound.call_id)  # the same form again while the first is on its way
    if _USED in error.fields:
        flash(
            _("This form was sent before, with other content. Send it again to place a new call.")
        )
        return _form(request.form, {}, new_id().hex, 422)
    errors = {name: list(messages) for name, messages in error.fields.items()}
    if "name" in errors:
        errors["name"] = [_("A campaign that is planned here has this name; choose another one.")]
    refusal = "" if errors else error.message
    response = _form(request.form, errors, once, HTTP_STATUS[error.code], refusal)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _to_call(call_id: UUID) -> Redirect:
    return redirect(url_for("pages_call.show", call_id=call_id), 303)


def _form(
    given: Fields,
    errors: Messages,
    once: str,
    status: int = 200,
    refusal: str = "",
    *,
    beforehand: Beforehand | None = None,
    rows: int = 0,
) -> Response:
    settings, country = services().settings, home_country()
    if beforehand is not None:
        given = Fields(given)
        given["to"] = beforehand.number
    page = render_template(
        "place.html",
        given=given,
        errors=errors,
        focus=next((name for name in IN_ORDER if name in errors), None),
        refusal=refusal,
        once=once,
        beforehand=beforehand,
        variables=(variable_rows(given) or [("", "")]) + [("", "")] * rows,
        added=bool(rows),
        heard=heard_lately(),
        hours=of_hours(settings.call_type, 0, services()),
        country=get_locale().territories.get(country, country) if country else None,
        intervals=services().provider.intervals,
        bridge=settings.bridge,
        call_types=[(one, of_hours(one, 0, services())) for one in CallType],
        call_type=settings.call_type,
    )
    return make_response(page, status)
