"""Who may do what: every route names the scope it needs, or is on the public list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request, stream_with_context
from werkzeug.exceptions import SecurityError

from obdtrack.access.audit import record_failed_sign_in
from obdtrack.access.keys import Access, Scope, authenticate
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store.connections import asking
from obdtrack.store.models import ASKED
from obdtrack.web.http import session

View = TypeVar("View", bound=Callable[..., Any])
Found = TypeVar("Found")

PUBLIC_ENDPOINTS = frozenset(
    {"health.livez", "health.readyz", "pages_sign_in.sign_in", "pages_sign_in.asset"}
)
"""Routes of the Flask application that need no key. The callback has its own secret."""

_PAGES = "pages_"
_SHOWN = ("api.", "api_", _PAGES)
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
    app.teardown_request(lambda _: ask_main_store())


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


def check_key(secret: str, *, program: bool = False) -> Access | None:
    """Return the access this key grants to a person or a `program`, or None if it is none of ours.

    Raises ObdtrackError: unauthorized if it has expired, rate limited if too many wrong ones came
    from the same address.
    """
    try:
        access = authenticate(secret, services(), program=program)
    except ObdtrackError as error:
        if error.code is Code.UNAUTHORIZED:
            _note_failure("an expired key")
        raise
    if access is None:
        services().limits.failed_sign_ins.add(request.remote_addr)
        _note_failure("a wrong key")
    return access


def _note_failure(what: str) -> None:
    door = "on the pages" if takes_sessions(request.endpoint) else "over the API"
    record_failed_sign_in(request.remote_addr, f"{what} {door}", services())


def streamed(lines: Iterator[str]) -> Iterator[str]:
    """Return lines that are made while they are sent, from the store that this request reads."""
    store = ASKED.get()

    def made() -> Iterator[str]:
        while True:
            with asking(store):
                line = next(lines, None)
            if line is None:
                return
            yield line

    return stream_with_context(made())


def needed_scope(app: Flask, endpoint: str) -> Scope | None:
    """Return the scope an endpoint needs, or None if it never named one."""
    return getattr(app.view_functions[endpoint], "needed_scope", None)


def require_scope(endpoint: str) -> None:
    """Raise ObdtrackError (forbidden) unless who asks may come here."""
    scope = needed_scope(current_app, endpoint)
    if scope is None or scope not in current_access().scopes:
        raise ObdtrackError(
            Code.FORBIDDEN,
            Said(
                "This key lacks the scope %(scope)s that is needed here.",
                scope=scope or Scope.ADMIN,
            ),
        )


def _check() -> None:
    endpoint = request.endpoint
    if isinstance(request.routing_exception, SecurityError):
        raise request.routing_exception  # a host we are not called by, whoever is calling
    if endpoint in PUBLIC_ENDPOINTS:
        return
    g.access = _authenticated()
    if endpoint is None:
        return  # 404 and 405 are for key holders only
    require_scope(endpoint)
    _ask_replica_if_only_shown(endpoint)


def _ask_replica_if_only_shown(endpoint: str) -> None:
    """Read from the replica what is only shown, unless its reader has just changed something."""
    replica, now = services().read_store, services().now()
    if replica is None or not endpoint.startswith(_SHOWN):
        return
    if request.method not in ("GET", "HEAD"):
        if takes_sessions(endpoint):
            session.note_change(now)
    elif not session.has_just_changed(now):
        g.replica = ExitStack()
        g.replica.enter_context(asking(replica))


def ask_main_store() -> None:
    """Have the rest of this request read from the main store, whatever it would read from."""
    if "replica" in g:
        g.pop("replica").close()


def look_up(find: Callable[[], Found | None]) -> Found | None:
    """Return what `find` finds, if not in the replica then in the main store.

    A call that was placed just now must not be said to be none of ours. What else this request
    shows is then read from the main store too.
    """
    found = find()
    if found is None and "replica" in g:
        ask_main_store()
        return find()
    return found


def _authenticated() -> Access:
    if "Authorization" not in request.headers and takes_sessions(request.endpoint):
        return session.signed_in(services())
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    bearer = scheme.lower() == "bearer"
    program = request.path.startswith("/api/")
    access = check_key(secret.strip(), program=program) if bearer else None
    if access is None:
        raise ObdtrackError(
            Code.UNAUTHORIZED,
            "A valid API key is needed: Authorization: Bearer <key>. "
            "Make one with: python -m obdtrack keys create NAME --scope read",
        )
    return access
