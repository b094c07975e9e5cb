"""Who is signed in: the cookie names a key, and the key is looked up again at every request."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from flask import session
from flask_babel import gettext as _

from obdtrack.access.keys import Access, access_of, end_session
from obdtrack.domain.times import from_text, to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.web.http.browser_security import SESSION_HOURS

_REPLICATED_IN = timedelta(seconds=30)


def begin(access: Access, now: datetime) -> None:
    """Sign in: the session holds the key's id and its own end, and nothing of before."""
    session.clear()
    session.permanent = True
    session["key"] = str(access.key_id)
    session["id"] = secrets.token_urlsafe()
    session["until"] = to_text(now + timedelta(hours=SESSION_HOURS))


def end(access: Access, services: Services) -> None:
    """Sign out, in every copy of the cookie.

    Raises ObdtrackError (unavailable) if that could not be stored: then copies still work.
    """
    session_id, now = session.get("id", ""), services.now()
    session.clear()
    with services.store.write():
        end_session(access.key_id, session_id, now + timedelta(hours=SESSION_HOURS), now)


def signed_in(services: Services) -> Access:
    """Return the access of who is signed in.

    The cookie may have been copied, and signed out where it came from.
    Raises ObdtrackError (unauthorized) that says why nobody is, or not any more.
    """
    key_id, until = session.get("key"), session.get("until")
    if key_id is None or until is None:
        raise ObdtrackError(Code.UNAUTHORIZED, _("Sign in first."))
    access = access_of(UUID(key_id), services)
    if access is None:
        raise ObdtrackError(Code.UNAUTHORIZED, _("Your key was revoked."))
    if from_text(until) <= services.now() or session.get("id", "") in access.ended:
        raise ObdtrackError(Code.UNAUTHORIZED, _("Your session has ended."))
    return access


def was_signed_in() -> bool:
    """Whether this cookie is of somebody who once signed in, and did not sign out."""
    return session.get("key") is not None


def note_change(now: datetime) -> None:
    """Remember that who is signed in changes something, until a replica has it too."""
    session["changed"] = to_text(now + _REPLICATED_IN)


def has_just_changed(now: datetime) -> bool:
    """Whether who is signed in changed something that a replica may not have yet."""
    until = session.get("changed")
    return until is not None and from_text(until) > now


def show_numbers(*, shown: bool) -> None:
    """Remember whether who is signed in asked for numbers in full."""
    session["numbers"] = shown


def are_numbers_shown() -> bool:
    """Whether who is signed in asked for numbers in full."""
    return bool(session.get("numbers"))


def own_path(target: str | None) -> str:
    """Return `target` if it is a path on this site, else `/`: nobody is led elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(target)
    usable = target.isprintable() and "\\" not in target
    return target if usable and not (parts.scheme or parts.netloc) else "/"
