"""The door: in with an API key, out again; and the few files that everybody may have."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.audit import record_sign_in
from obdtrack.access.keys import Scope
from obdtrack.errors import Code, ObdtrackError, challenge
from obdtrack.web.http import kept_forms, session
from obdtrack.web.http.auth import check_key, current_access, needs, services
from obdtrack.web.pages import assets
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import translated

blueprint = Blueprint("pages_sign_in", __name__)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Response | Redirect:
    """Show the door, or let somebody in whose key may read."""
    target = session.own_path(request.args.get("next"))
    if request.method == "GET":
        return _door(target)
    try:
        access = check_key(request.form.get("key", "").strip()[:500])
    except ObdtrackError as error:
        if error.code is not Code.UNAUTHORIZED:
            raise
        return _door(target, translated(error.message), 401)
    if access is None:
        return _door(target, _("Unknown or revoked API key."), 401)
    if Scope.READ not in access.scopes:
        return _door(target, _("This key does not have the scope read."), 403)
    session.begin(access, services().now())
    record_sign_in(access, request.remote_addr, services())
    kept = request.form.get("kept")
    return (kept and kept_forms.bring_back(kept, access)) or redirect(target, 303)


@blueprint.post("/sign-out")
@needs(Scope.READ)
def sign_out() -> Redirect:
    """Let somebody out."""
    session.end(current_access(), services())
    return redirect(url_for("pages_sign_in.sign_in"), 303)


@blueprint.get("/assets/<mark>/<name>")
def asset(mark: str, name: str) -> Response:
    """Return a file; `mark` is there to have its address change with its content."""
    return assets.serve(name)


def _door(target: str, problem: str | None = None, status: int = 200) -> Response:
    kept = request.form.get("kept")
    page = render_template("sign_in.html", target=target, kept=kept, problem=problem)
    response = make_response(page, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = challenge()  # RFC 9110: never without
    return response
