"""API keys: who may do what, until when, and who made it; made, rotated and revoked here."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Redirect

from obdtrack.access import keys
from obdtrack.access.keys import KeyState, Scope, create_key, revoke_key, rotate_key
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store import models
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.pages.labels import Look, said
from obdtrack.web.pages.language import N_, translated
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import current_zone, day_start
from obdtrack.web.pages.template_helpers import live

blueprint = Blueprint("pages_keys", __name__, url_prefix="/keys")

STATES: dict[str, Look] = {
    KeyState.ACTIVE: Look(N_("Active"), "check", "good", N_("It works.")),
    KeyState.ROTATED: Look(
        N_("Rotated"), "clock", "wait", N_("A newer key took its place; it still works.")
    ),
    KeyState.EXPIRED: Look(N_("Expired"), "clock", "miss", N_("Its time is over: it is refused.")),
    KeyState.REVOKED: Look(N_("Revoked"), "slash", "miss", N_("It is refused.")),
}

SCOPES: dict[str, str] = {
    Scope.READ: N_("look things up, and sign in to these pages"),
    Scope.PLACE: N_("place calls and run campaigns, and see numbers over the API"),
    Scope.PII: N_("see phone numbers in full everywhere"),
    Scope.ADMIN: N_("decide about calls, manage keys, opt-outs and destinations, read the audit"),
}

GRACES: dict[str, str] = {
    "24": N_("for a day"),
    "168": N_("for a week"),
    "1": N_("for an hour"),
    "0": N_("no longer: it is refused at once"),
}
"""How long an old key works on, in hours."""


@blueprint.get("")
@needs(Scope.ADMIN)
def index() -> Response:
    """List keys, those that work first, with the form of a new one."""
    return _list(MultiDict({"scopes": Scope.READ}))


@blueprint.post("")
@needs(Scope.ADMIN)
def create() -> Response:
    """Make a key and show it, or what is wrong with which field."""
    given = request.form
    try:
        name, scopes = given.get("name", ""), given.getlist("scopes")
        typed = given.get("expires", "").strip()
        expires_at = day_start(typed, current_zone(), days_later=1)
        if typed and expires_at is None:
            wrong = _("That is not a day; write it like 2027-01-31.")
            raise ObdtrackError(Code.INVALID, wrong, fields={"expires": [wrong]})
        secret = create_key(name, scopes, services(), current_access(), expires_at=expires_at)
    except ObdtrackError as error:
        return _list(given, error)
    return _secret(secret)


@blueprint.get("/<uuid:key_id>")
@needs(Scope.ADMIN)
def show(key_id: UUID) -> Response:
    """Show one key, and what can be done with it."""
    key = _found(key_id)
    state = keys.states_of(keys.all_keys(), services().now())[key_id]
    return live(
        "key.html",
        key=key,
        look=look_of(state),
        works=state in (KeyState.ACTIVE, KeyState.ROTATED),
        newest=state is KeyState.ACTIVE,
        own=current_access().key_id == key_id,
        scopes=_worded(SCOPES),
        graces=_worded(GRACES),
    )


@blueprint.post("/<uuid:key_id>/rotate")
@needs(Scope.ADMIN)
def rotate(key_id: UUID) -> Response | Redirect:
    """Make a key in its place and show that, or say why not."""
    hours = request.form.get("grace", "")
    grace = timedelta(hours=int(hours) if hours in GRACES else 24)
    try:
        secret = rotate_key(key_id, services(), current_access(), grace=grace)
    except ObdtrackError as error:
        return _refused(key_id, error)
    return _secret(secret, replaced=_found(key_id))


@blueprint.post("/<uuid:key_id>/revoke")
@needs(Scope.ADMIN)
def revoke(key_id: UUID) -> Redirect:
    """Revoke it, or say why not."""
    name = _found(key_id).name
    try:
        revoke_key(key_id, services(), current_access())
    except ObdtrackError as error:
        return _refused(key_id, error)
    flash(_("The key %(name)s was revoked: it is refused from now on.", name=name))
    return redirect(url_for("pages_keys.index"), 303)


def look_of(state: str) -> Look:
    """Return how a key's state is shown, in the reader's language."""
    return said(STATES[state])


def _worded(words: dict[str, str]) -> dict[str, str]:
    return {str(value): _(word) for value, word in words.items()}


def _found(key_id: UUID) -> models.ApiKey:
    for key in keys.all_keys():
        if key.id == key_id:
            return key
    raise ObdtrackError(Code.NOT_FOUND, _("There is no key with this id."))


def _refused(key_id: UUID, error: ObdtrackError) -> Redirect:
    if error.code is Code.UNAVAILABLE:
        raise error
    flash(translated(error.message))
    return redirect(url_for("pages_keys.show", key_id=key_id), 303)


def _secret(secret: str, replaced: models.ApiKey | None = None) -> Response:
    """Show a key at once: it is in no address, no session and no message."""
    key = keys.find_active(secret)
    return make_response(
        render_template("key_secret.html", secret=secret, key=key, replaced=replaced)
    )


def _list(given: MultiDict[str, str], error: ObdtrackError | None = None) -> Response:
    found = keys.all_keys()
    states = keys.states_of(found, services().now())
    order = list(KeyState)
    rows = sorted(found, key=lambda key: (order.index(states[key.id]), key.name.lower()))
    page = live(
        "keys.html",
        rows=[(key, look_of(states[key.id])) for key in rows],
        own=current_access().key_id,
        scopes=_worded(SCOPES),
        given=given,
        errors={name: list(map(translated, texts)) for name, texts in error.fields.items()}
        if error
        else {},
    )
    page.status_code = HTTP_STATUS[error.code] if error else page.status_code
    return page
