"""The do-not-call list: who is on it and since when; added to, imported, removed from."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.access.pseudonym import person_number
from obdtrack.calls import opt_outs, queries
from obdtrack.calls.lookups import admit
from obdtrack.calls.search import CallFilter
from obdtrack.campaigns.recipient_files import ENDINGS
from obdtrack.domain.phone import is_erased
from obdtrack.domain.times import from_text, to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.privacy.opt_outs import (
    ImportedTable,
    import_table,
    keys_of,
    suppress,
    unsuppress,
)
from obdtrack.privacy.person import number_meant
from obdtrack.web.http.auth import current_access, look_up, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.http.paging import cut
from obdtrack.web.pages.filters import CHOICES, NO_PLACE, misnamed, open_text, seal_text
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import translated
from obdtrack.web.pages.template_helpers import live, reader

blueprint = Blueprint("pages_opt_outs", __name__)

PAGE = 50
_LONGEST, _LONGEST_REASON = 40, 200


@blueprint.get("/opt-outs")
@needs(Scope.READ)
def index() -> Response:
    """List who is on the list, the newest first, or whether one number is."""
    return _list()


@blueprint.post("/opt-outs/find")
@needs(Scope.READ)
def find() -> Response | Redirect:
    """Lead to what the list has of a number; the address never holds it."""
    typed = request.form.get("number", "").strip()[:_LONGEST]
    try:
        if reader().sees_numbers:
            number = number_meant(typed)
        else:
            number = person_number(typed)
            admit(CallFilter(number=number), current_access(), services())
    except ObdtrackError as error:
        return _list(error)
    return redirect(url_for("pages_opt_outs.index", number=_seal(number)), 303)


@blueprint.post("/opt-outs")
@needs(Scope.PLACE)
def add() -> Response | Redirect:
    """Put a number on the list, or say what is wrong with it."""
    sealed = request.form.get("sealed", "")
    typed = (_open(sealed) or "") if sealed else request.form.get("number", "").strip()[:_LONGEST]
    try:
        number = suppress(typed, current_access(), services())
    except ObdtrackError as error:
        return _list(error)
    flash(_("%(number)s is not called any more.", number=reader().number(number)))
    return redirect(url_for("pages_opt_outs.index", number=_seal(number)), 303)


@blueprint.post("/opt-outs/import")
@needs(Scope.ADMIN)
def import_list() -> Response:
    """Put the numbers of a file on the list, and say of each bad row why it is not there."""
    file = request.files.get("file")
    kind = ENDINGS.get(PurePath(file.filename or "").suffix.lower()) if file else None
    country = request.form.get("country", "").strip().upper()[:2] or None
    try:
        if file is None or kind is None:
            wrong = _("Choose a file that ends in %(endings)s.", endings=", ".join(ENDINGS))
            raise ObdtrackError(Code.INVALID, wrong, fields={"file": [wrong]})
        with services().limits.imports.hold():
            done = import_table(file.stream, kind, country, current_access(), services())
    except ObdtrackError as error:
        return _list(error)
    return _list(imported=done)


@blueprint.post("/opt-outs/remove")
@needs(Scope.ADMIN)
def remove() -> Redirect:
    """Take a number off the list, for a reason."""
    number, reason = _open(request.form.get("sealed", "")), request.form.get("reason", "").strip()
    if number is None or not reason:
        flash(_("Nothing was changed: say why the number is called again."))
    elif unsuppress(number, current_access(), services(), reason[:_LONGEST_REASON]):
        flash(_("%(number)s may be called again.", number=reader().number(number)))
    else:
        flash(_("This number is not on the list."))
    return redirect(url_for("pages_opt_outs.index"), 303)


@blueprint.post("/calls/<uuid:call_id>/do-not-call")
@needs(Scope.PLACE)
def add_of_call(call_id: UUID) -> Redirect:
    """Put the number of a call on the list."""
    call = look_up(lambda: queries.find(str(call_id)))
    if call is None:
        raise ObdtrackError(Code.NOT_FOUND, _("There is no call with this id."))
    try:
        number = suppress(call.to_number, current_access(), services())
        flash(_("%(number)s is not called any more.", number=reader().number(number)))
    except ObdtrackError as error:
        if error.code is Code.UNAVAILABLE:
            raise
        flash(_("This number was erased; nothing was changed."))
    return redirect(url_for("pages_call.show", call_id=call_id), 303)


def _list(error: ObdtrackError | None = None, imported: ImportedTable | None = None) -> Response:
    if error is not None and error.code not in (Code.INVALID, Code.RATE_LIMITED):
        raise error
    wrong = misnamed(request.args, _KNOWN)
    number, before = _number(wrong), _cursor(wrong)
    field = "file" if error and "file" in error.fields else "number"
    keys = None if number is None else keys_of(number, services())
    found = [] if wrong else opt_outs.newest(PAGE + 1, before, keys)
    rows, older = cut(found, PAGE, lambda row: _seal(f"{to_text(row.recorded_at)} {row.number}"))
    page = live(
        "opt_outs.html",
        rows=[(row, _seal(row.number), is_erased(row.number)) for row in rows],
        number=number,
        sealed=number and _seal(number),
        imported=imported,
        older=older,
        wrong=wrong,
        given={},
        errors={field: [translated(error.message)]} if error else {},
    )
    if error is None:
        return page
    response = make_response(page)
    response.status_code = HTTP_STATUS[error.code]
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _number(wrong: dict[str, str]) -> str | None:
    """Return the number that is looked for: sealed in the address, or that of a call."""
    if sealed := request.args.get("number"):
        number = _open(sealed)
        if number is None:
            wrong["number"] = _("This search has expired: enter the number again.")
        return number
    if call_id := request.args.get("number_of"):
        call = look_up(lambda: queries.find(call_id))
        if call is None:
            wrong["number_of"] = _("There is no call with this id.")
        return call.to_number if call else None
    return None


def _cursor(wrong: dict[str, str]) -> tuple[datetime, str] | None:
    if not (sealed := request.args.get("before")):
        return None
    at, _blank, number = (_open(sealed) or "").partition(" ")
    if not number:
        wrong["before"] = NO_PLACE
        return None
    return from_text(at), number


def _seal(text: str) -> str:
    return seal_text(text, services().now(), services().encryption)


def _open(sealed: str) -> str | None:
    return open_text(sealed, services().now(), services().encryption)


_KNOWN = {*CHOICES, "number", "number_of", "before"}
