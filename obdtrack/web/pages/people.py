"""What is stored about one person's number: handed out, or erased after it was typed again."""

from __future__ import annotations

import json

from flask import Blueprint, Response, make_response, render_template, request

from obdtrack.access.audit import person_of
from obdtrack.access.keys import Scope
from obdtrack.calls import opt_outs, search
from obdtrack.calls.search import CallFilter
from obdtrack.campaigns import recipients
from obdtrack.domain import phone
from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.privacy.erasure import Erased, erase
from obdtrack.privacy.export import export
from obdtrack.privacy.person import number_meant
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.pages.filters import open_text, seal_text
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import translated

blueprint = Blueprint("pages_people", __name__, url_prefix="/people")

_MOST = 1000
_LONGEST = 40
_LAST = 4
"""Digits that are enough to confirm which number is erased."""


@blueprint.get("")
@needs(Scope.ADMIN)
def index() -> Response:
    """Ask whose data it is about."""
    return _page()


@blueprint.post("/find")
@needs(Scope.ADMIN)
def find() -> Response:
    """Show what there is about a number, in figures, and what can be done."""
    try:
        return _page(_person(number_meant(request.form.get("number", "").strip()[:_LONGEST])))
    except ObdtrackError as error:
        return _page(error=error)


@blueprint.post("/export")
@needs(Scope.ADMIN)
def download() -> Response:
    """Return a person's data as the command `export` does, to be handed to them."""
    number = _sealed()
    data = export(number, current_access(), services())
    response = make_response(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
    response.mimetype = "application/json"
    name = f"person-{person_of(number, services()).removeprefix(phone.ERASED)}.json"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.post("/erase")
@needs(Scope.ADMIN)
def forget() -> Response:
    """Erase a number once it was typed again, and say what was erased and what is left."""
    number, typed = _sealed(), request.form.get("again", "").strip()[:_LONGEST]
    try:
        if phone.whole(typed) != number and typed != number[-_LAST:]:
            wrong = _("That is not this number: type it whole, or its last four digits.")
            raise ObdtrackError(Code.INVALID, wrong, fields={"again": [wrong]})
        return _page(_person(number), done=erase(number, current_access(), services()))
    except ObdtrackError as error:
        return _page(_person(number), error=error)
    except ConfigError as error:
        return _page(_person(number), error=ObdtrackError(Code.CONFLICT, str(error)))


def _sealed() -> str:
    number = open_text(request.form.get("sealed", ""), services().now(), services().encryption)
    if number is None:
        raise ObdtrackError(Code.GONE, _("This page has expired: enter the number again."))
    return number


def _person(number: str) -> dict[str, object]:
    """Return what the page tells of a number; raises ObdtrackError (invalid) for an erased one."""
    if phone.is_erased(number):
        raise ObdtrackError(Code.INVALID, phone.NOT_WHOLE)
    calls = len(search.newest(CallFilter(number=number), _MOST))
    return {
        "number": number,
        "sealed": seal_text(number, services().now(), services().encryption),
        "calls": calls,
        "rows": len(recipients.of_numbers([number])),
        "opted_out_at": opt_outs.of_numbers({number}).get(number),
        "name": person_of(number, services()),
    }


def _page(
    person: dict[str, object] | None = None,
    *,
    done: Erased | None = None,
    error: ObdtrackError | None = None,
) -> Response:
    field = "again" if person else "number"
    page = render_template(
        "people.html",
        person=person,
        done=done,
        most=_MOST,
        given={},
        errors={field: [translated(error.message)]} if error else {},
    )
    response = make_response(page, HTTP_STATUS[error.code] if error else 200)
    if error is not None and error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
