"""Who may do what: every route names the scope it needs, or stands on the public list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request

from obdtrack.errors import Code, ObdtrackError
from obdtrack.workflows.context import Context
from obdtrack.workflows.keys import Access, Scope, authenticate

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC_ENDPOINTS = frozenset({"health.livez", "health.readyz"})
"""Routes of the Flask application that need no key. The callback has its own secret."""


def needs(scope: Scope) -> Callable[[View], View]:
    """Mark a view with the scope a key must have to reach it; goes outermost."""

    def mark(view: View) -> View:
        view.needed_scope = scope  # type: ignore[attr-defined]  # functions take attributes
        return view

    return mark


def guard(app: Flask) -> None:
    """Check every request against the scope of its route. A route without one is closed."""
    app.before_request(_check)


def context() -> Context:
    """Give the parts this application was made of."""
    return cast(Context, current_app.extensions["obdtrack"])


def current_access() -> Access:
    """Give the access of the key that came with this request."""
    return cast(Access, g.access)


def needed_scope(app: Flask, endpoint: str) -> Scope | None:
    """Give the scope an endpoint needs, or None if it never named one."""
    return getattr(app.view_functions[endpoint], "needed_scope", None)


def _check() -> None:
    endpoint = request.endpoint
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
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    access = authenticate(secret.strip(), context()) if scheme.lower() == "bearer" else None
    if access is None:
        raise ObdtrackError(
            Code.UNAUTHORIZED,
            "A valid API key is needed: Authorization: Bearer <key>. "
            "Make one with: python -m obdtrack keys create NAME --scope read",
        )
    return access
