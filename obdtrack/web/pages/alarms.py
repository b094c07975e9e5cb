"""Alarms: what is wrong now, and what was."""

from __future__ import annotations

from flask import Blueprint, Response, request

from obdtrack.access.keys import Scope
from obdtrack.notifications.alarms import open_alarms, past_alarms
from obdtrack.web.http.auth import needs
from obdtrack.web.http.paging import cut
from obdtrack.web.pages.filters import read_id
from obdtrack.web.pages.labels import Look, said
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.template_helpers import live

blueprint = Blueprint("pages_alarms", __name__)

PAGE = 50

OPEN = Look(N_("Open"), "alert", "bad", N_("It is so still."))
OVER = Look(N_("Over"), "check", "good", N_("It is no longer so."))


@blueprint.get("/alarms")
@needs(Scope.READ)
def index() -> Response:
    """List the alarms that are open, then those that are over, each with the newest first."""
    wrong: dict[str, str] = {}
    before = read_id(request.args, wrong)
    found = [] if wrong else past_alarms(PAGE + 1, before)
    past, older = cut(found, PAGE)
    still = [] if wrong or before else open_alarms()
    lines = [(row, said(OVER if row.ended_at else OPEN)) for row in (*still, *past)]
    return live("alarms.html", lines=lines, wrong=wrong, older=older)
