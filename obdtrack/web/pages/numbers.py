"""Shows numbers in full for the rest of the session, once that is in the audit, or hides them."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as Redirect

from obdtrack.access import audit
from obdtrack.access.audit import Action
from obdtrack.access.keys import Scope
from obdtrack.web.http import session
from obdtrack.web.http.auth import current_access, needs, services

blueprint = Blueprint("pages_numbers", __name__)


@blueprint.post("/numbers/show", defaults={"choice": "show"})
@blueprint.post("/numbers/hide", defaults={"choice": "hide"})
@needs(Scope.PLACE)
def choose(choice: str) -> Redirect:
    """Show or hide them, and lead back to where the reader was."""
    access = current_access()
    if choice == "show":
        audit.record(Action.NUMBERS_SHOWN, access.key_id, access, services())
    session.show_numbers(shown=choice == "show")
    return redirect(session.own_path(request.form.get("next")), 303)
