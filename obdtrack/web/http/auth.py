"""Who may do what: every route names the scope it needs, or stands on the public list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request
from werkzeug.exceptions import SecurityError

from obdtrack.access.keys import Access, Scope, authenticate
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.web.http.session import signed_in

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC_ENDPOINTS = frozenset(
    {"health.livez", "health.readyz", "pages_sign_in.sign_in", "pages_sign_in.asset"}
)
"""Routes of the Flask application that need no key. The callback has its own secret."""

_PAGES = "pages_"
_READ_BY_PAGES = frozenset({"api-docs.openapi_json"})


def needs(scope: Scope) -> Callable[[View], View]:
    """Mark a view with the scope a key must have to reach it; goes outermost."""

    def mark(view: View) -> View:
        view.needed_scope = scope  # type: ignore[attr-defined]  # functions take attributes
        return view

    return mark


def takes_sessions(endpoint: str | None) -> bool:
    """Whether a signed-in person may come here: to pages and to what they show.

    The API takes keys only, so that no other site can use a reader's cookie on it.
    """
    return endpoint is None or endpoint.startswith(_PAGES) or endpoint in _READ_BY_PAGES


def guard(app: Flask) -> None:
    """Check every request against the scope of its route. A route without one is closed."""
    app.before_request(_check)


def services() -> Services:
    """Return the parts this application was made of."""
    return cast(Services, current_app.extensions["obdtrack"])


def current_access() -> Access:
    """Return the access of the key that came with this request."""
    return cast(Access, g.access)


def offered_access() -> Access | None:
    """Return the access of a key that came with a request to a public route; None without one."""
    try:
        return _authenticated()
    except ObdtrackError:
        return None


def check_key(secret: str) -> Access | None:
    """Return the access this key grants, or None if it is none of ours.

    Raises ObdtrackError (rate limited) if too many wrong ones came from the same address.
    """
    access = authenticate(secret, services())
    if access is None:
        services().limits.failed_sign_ins.add(request.remote_addr)
    return access


def needed_scope(app: Flask, endpoint: str) -> Scope | None:
    """Return the scope an endpoint needs, or None if it never named one."""
    return getattr(app.view_functions[endpoint], "needed_scope", None)


def _check() -> None:
    endpoint = request.endpoint
    if isinstance(request.routing_exception, SecurityError):
        raise request.routing_exception  # a host we are not called by, whoever asks
    if endpoint in PUBLIC_ENDPOINTS:
        return
    g.access = _authenticated()
    if endpoint is None:
        return  # 404 and 405 are told to key holders only
    scope = needed_scope(current_app, endpoint)
    if scope is None or scope not in g.access.scopes:
        raise ObdtrackError(
            Code.FORBIDDEN,
            f"This key lacks the scope {scope or Scope.ADMIN!s} that is needed here.",
        )


def _authenticated() -> Access:
    if "Authorization" not in request.headers and takes_sessions(request.endpoint):
        access = signed_in(services())
        if access is None:
            raise ObdtrackError(Code.UNAUTHORIZED, "Sign in first.")
        return access
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    bearer = scheme.lower() == "bearer"
    access = check_key(secret.strip()) if bearer else None
    if access is None:
        raise ObdtrackError(
            Code.UNAUTHORIZED,
            "A valid API key is needed: Authorization: Bearer <key>. "
            "Make one with: python -m obdtrack keys create NAME --scope read",
        )
    return access
