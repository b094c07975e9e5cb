"""What needs a person's attention, and deciding about several calls at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.calls import attention
from obdtrack.calls.resolve import resolve
from obdtrack.domain.status import NEEDS_ATTENTION, Status
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store.database_errors import unusable
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.paging import cut
from obdtrack.web.pages import deliveries
from obdtrack.web.pages.filters import read_id
from obdtrack.web.pages.language import N_, ngettext, translated
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.template_helpers import in_zone, live

blueprint = Blueprint("pages_attention", __name__, url_prefix="/attention")

PAGE = 50
MOST_COUNTED = 100
_MOST_SAID = 5

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown": (N_("Unknown"), (Status.UNKNOWN,)),
    "unresolved": (N_("Unresolved"), (Status.UNRESOLVED,)),
    "conflict": (N_("Conflict"), tuple(sorted(set(Status) - NEEDS_ATTENTION))),
}
"""Why calls need attention, in one word each, and the statuses that such calls have."""

ACTIONS = ("seen", "not-placed", "place-again")


@blueprint.get("")
@needs(Scope.READ)
def index() -> Response:
    """List the calls that need attention, then the requests that do."""
    wrong: dict[str, str] = {}
    before = read_id(request.args, wrong)
    why = request.args.get("why")
    statuses = KINDS[why][1] if why in KINDS else ()
    found = [] if wrong else attention.calls(PAGE + 1, before, statuses)
    calls, older = cut(found, PAGE)
    first = not (why or before)
    waiting = attention.deliveries(services().now(), PAGE) if first else []
    return live(
        "attention.html",
        calls=calls,
        older=older,
        lines=deliveries.list_lines(waiting),
        why=why,
        kinds={kind: _(word) for kind, (word, _statuses) in KINDS.items()},
        counted=attention.count(services().now(), MOST_COUNTED),
        most=MOST_COUNTED,
        chosen=request.args.get("action"),
    )


@blueprint.post("")
@needs(Scope.ADMIN)
def decide() -> Redirect:
    """Carry out one decision about the selected calls and requests, or about all that are listed.

    One that cannot be decided so costs the others nothing.
    """
    action, note = request.form.get("action", ""), request.form.get("note", "").strip()[:500]
    listed = "listed" if "all" in request.form else "selected"
    calls, requests = _ids(f"{listed}-call"), _ids(f"{listed}-delivery")
    if action not in ACTIONS:
        flash(_("Choose what happened."))
    elif not (calls or requests):
        flash(_("Select at least one."))
    else:
        who, why, made = current_access(), note or None, services()
        _carry_out(
            calls,
            lambda one: resolve(one, action=action, note=why, access=who, services=made),
        )
        _carry_out(requests, lambda one: attention.review_delivery(one, why, who, made))
    return redirect(url_for("pages_attention.index", why=request.args.get("why")), 303)


def marks() -> dict[str, str]:
    """Return how many need attention, for the header: `99+` for many, and none for none."""
    try:
        many = attention.count(services().now(), MOST_COUNTED).all
    except Exception as error:
        if unusable(error) is None:
            raise
        return {}  # the page that says so has the same header
    shown = str(many) if many < MOST_COUNTED else f"{MOST_COUNTED - 1}+"
    return {"pages_attention.index": shown} if many else {}


def flash_saved(decided: UUID) -> None:
    """Say that a decision about a call was saved, and lead to the next call that needs one."""
    said, left = _("Your decision was saved."), attention.calls(2)
    following = next((call for call in left if call.id != decided), None)
    if following is None:
        flash(said)
        return
    address = url_for("pages_call.show", call_id=following.id)
    link = Markup('<a href="{}">{}</a>').format(address, _("Next that needs attention"))
    flash(Markup("{} {}").format(said, link))


def _ids(name: str) -> list[UUID]:
    found = []
    for text in request.form.getlist(name):
        try:
            found.append(UUID(text))
        except ValueError:
            wrong = Said("“%(text)s” is not an id.", text=text[:40])
            raise ObdtrackError(Code.INVALID, wrong) from None
    return found


def _carry_out(ids: Sequence[UUID], act: Callable[[UUID], object]) -> None:
    refused: dict[str, int] = {}
    for one in ids:
        try:
            act(one)
        except ObdtrackError as error:
            if error.code is Code.UNAVAILABLE:
                raise
            refused[error.message] = refused.get(error.message, 0) + 1
    done = len(ids) - sum(refused.values())
    if done:
        flash(ngettext("Saved for %(num)d.", "Saved for %(num)d of them.", done))
    for message, many in list(refused.items())[:_MOST_SAID]:
        not_changed = ngettext("%(num)d was not changed:", "%(num)d were not changed:", many)
        flash(f"{not_changed} {in_zone(translated(message))}")
