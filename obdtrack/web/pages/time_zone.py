"""The page where a reader chooses the zone that times are shown in, of all there are."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.web.http.auth import needs, services
from obdtrack.web.http.session import own_path
from obdtrack.web.pages import zones
from obdtrack.web.pages.preferences import is_choice

blueprint = Blueprint("pages_time_zone", __name__)


@blueprint.get("/time-zone")
@needs(Scope.READ)
def choose() -> str | Response | Redirect:
    """Show the zones, each with its offset; one that is chosen is kept and leads back."""
    back = own_path(request.args.get("next"))
    if is_choice(request.args.get("tz", "")):
        return redirect(back, 303)  # the cookie is set as with any page
    now = services().now()
    every = {name: zones.offset(ZoneInfo(name), now) for name in zones.choices()}
    return render_template("time_zone.html", every=every, back=back)
