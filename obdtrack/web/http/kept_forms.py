"""A form that was filled in while the session ended: held sealed over sign-in, and shown again.

It is never sent for its reader, who sends it again. Only the page that asks for the key holds it,
and nobody reads there what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import current_app, flash, g, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from obdtrack.access.keys import Access
from obdtrack.domain.times import from_text, to_text
from obdtrack.errors import ObdtrackError
from obdtrack.web.http.auth import require_scope, services

View = TypeVar("View", bound=Callable[..., Any])

_KEPT_FOR = timedelta(hours=12)
_LONGEST = 40_000
"""Characters of what is sealed: it is sent once more, with the key."""


def kept(show: Callable[..., Any]) -> Callable[[View], View]:
    """Mark a view whose form comes back; `show(fields, **arguments)` returns it filled, unsent."""

    def mark(view: View) -> View:
        view.shows_kept = show  # type: ignore[attr-defined]  # functions take attributes
        return view

    return mark


def hold() -> str | None:
    """Return the form of this request, sealed; None if it is none that comes back."""
    if _shows(request.endpoint) is None or not _is_from_here():
        return None
    try:
        with services().limits.forms.hold(request.remote_addr or ""):
            fields = [*request.form.items(multi=True)]
    except (ObdtrackError, HTTPException):  # a body that is refused is kept for nobody
        return None
    held = {
        "endpoint": request.endpoint,
        "arguments": {name: str(value) for name, value in (request.view_args or {}).items()},
        "fields": [field for field in fields if field[0] != "csrf_token"],
        "until": to_text(services().now() + _KEPT_FOR),
    }
    sealed = services().encryption.seal({"form": json.dumps(held)}).decode()
    return sealed if len(sealed) <= _LONGEST else None


def bring_back(sealed: str, access: Access) -> Any:
    """Return the page of a kept form for who has just signed in; None if there is none to show.

    Raises ObdtrackError (forbidden) if the key may not send it.
    """
    try:
        held = json.loads(services().encryption.open(sealed.encode())["form"])
        if from_text(held["until"]) <= services().now():
            return None
        endpoint, arguments, fields = (held[name] for name in ("endpoint", "arguments", "fields"))
    except (ValueError, KeyError, TypeError):
        return None
    show = _shows(endpoint)
    if show is None:
        return None
    g.access = access
    require_scope(endpoint)
    flash(_("You are signed in again. The form is as you left it, and nothing was sent yet."))
    return show(MultiDict(fields), **arguments)


def _shows(endpoint: str | None) -> Callable[..., Any] | None:
    return getattr(current_app.view_functions.get(endpoint or ""), "shows_kept", None)


def _is_from_here() -> bool:
    """Whether one of our own pages sent this: no other site has a form shown to our readers."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    sender = request.headers.get("Origin")
    return sender is None or urlsplit(sender).netloc == request.host
