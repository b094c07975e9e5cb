"""Errors as pages: what happened, in words for people, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext

from obdtrack.domain.texts import N_
from obdtrack.errors import challenge
from obdtrack.web.http import kept_forms
from obdtrack.web.http.browser_security import is_page
from obdtrack.web.http.session import own_path, was_signed_in
from obdtrack.web.pages.language import translated

TITLES: dict[int, tuple[str, str]] = {
    400: (N_("Bad request"), N_("Go back, reload the page and try again.")),
    403: (
        N_("This key is not allowed to do that"),
        N_("Sign in with a key that has the scope, or ask the person who created yours."),
    ),
    404: (N_("Not found"), N_("Search for the call, or look for it in the list.")),
    405: (N_("Method not allowed"), N_("Go back and use the button on the page.")),
    409: (
        N_("Already changed"),
        N_("Someone else changed this first. Reload to see the current state."),
    ),
    413: (N_("Request too large"), N_("Go back and send a smaller request.")),
    422: (N_("Invalid request"), N_("Go back and correct the fields named above.")),
    429: (N_("Too many requests"), N_("Wait a moment, then try again.")),
    500: (
        N_("Internal error"),
        N_("If it keeps happening, send the id below to your administrator."),
    ),
    503: (N_("Temporarily unavailable"), N_("No report is lost: the provider sends them again.")),
}


_PASSING = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def wants_page() -> bool:
    """Whether the client is a browser, which gets a page."""
    if request.path.startswith("/api/v") or "Authorization" in request.headers:
        return False
    return is_page() or "text/html" in request.headers.get("Accept", "")


def fault(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None) -> Response:
    """Return the page for an error; who is not signed in is sent to sign in."""
    if status is HTTPStatus.UNAUTHORIZED and "X-Live" in request.headers:
        refused = make_response(translated(detail), status.value)  # the page stays, and says so
        refused.mimetype = "text/plain"
        refused.headers["WWW-Authenticate"] = challenge()
        return refused
    if status is HTTPStatus.UNAUTHORIZED:
        return _door(detail)
    title, remedy = TITLES.get(status.value, (status.phrase, N_("Go back and try again.")))
    page = render_template(
        "fault.html",
        title=gettext(title),
        detail=translated(detail),
        remedy=gettext(remedy),
        status=status.value,
        request_id=g.get("request_id"),
        again=_again(status),
    )
    response = make_response(page, status.value)
    response.headers.update({k: v for k, v in (headers or {}).items() if k != "WWW-Authenticate"})
    return response


def _door(why: str) -> Response:
    """Have somebody sign in; a form that was sent with too old a session is kept meanwhile."""
    if request.method == "GET":
        target: str | None = request.full_path.rstrip("?")
    else:
        target = own_path(urlsplit(request.referrer or "").path) if request.referrer else None
    held = kept_forms.hold() if request.method == "POST" else None
    if held is None:
        if was_signed_in():
            flash(translated(why))
        return make_response(redirect(url_for("pages_sign_in.sign_in", next=target), 303))
    page = render_template("sign_in.html", target=target, kept=held, why=translated(why))
    return make_response(page, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": challenge()})


def _again(status: HTTPStatus) -> str | None:
    """Return where to try again, if that may help and does nothing twice."""
    if status not in _PASSING or request.method != "GET":
        return None
    return own_path(request.full_path.rstrip("?"))
