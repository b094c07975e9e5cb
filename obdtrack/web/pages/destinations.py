"""Destinations: where they stand, what they were sent, and what people do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
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
from flask_babel import format_decimal
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.domain.destination import NotificationStatus
from obdtrack.domain.feed import PATTERNS, Numbers
from obdtrack.domain.status import Status
from obdtrack.errors import ObdtrackError
from obdtrack.notifications import destinations, log
from obdtrack.notifications.destinations import Wishes, destination_view
from obdtrack.notifications.dispatch import send_test
from obdtrack.notifications.log import MOST_COUNTED, notification_view
from obdtrack.store import models
from obdtrack.web.api.destination_schemas import destination_values
from obdtrack.web.api.destinations import found
from obdtrack.web.http.auth import current_access, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.http.kept_forms import kept
from obdtrack.web.http.paging import cut
from obdtrack.web.pages.filters import read_id
from obdtrack.web.pages.language import N_, ngettext, translated
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.template_helpers import live

blueprint = Blueprint("pages_destinations", __name__, url_prefix="/destinations")

PAGE = 50
_INPUT_TIME = "%Y-%m-%dT%H:%M"
_GROUPS = tuple(one for one in PATTERNS if one.endswith(".*"))
_ACTIONS = {"pause": destinations.pause, "resume": destinations.resume}
_SINGLE = tuple(one for one in PATTERNS if one not in _GROUPS)
_NUMBERS = {
    Numbers.MASKED: N_("masked, like +9188•••••001"),
    Numbers.FULL: N_("in full"),
    Numbers.NONE: N_("left out"),
}


@blueprint.get("")
@needs(Scope.ADMIN)
def index() -> Response:
    """List destinations, oldest first."""
    rows = destinations.all_of_them()
    lines = [(row, destination_view(row, services())) for row in rows]
    return live("destinations.html", lines=lines, most=destinations.MOST, most_counted=MOST_COUNTED)


@blueprint.get("/new")
@needs(Scope.ADMIN)
def form() -> Response:
    """Show the form of a new destination."""
    return _form(None, as_form(Wishes("")._asdict()))


@blueprint.post("/new")
@needs(Scope.ADMIN)
@kept(lambda given: _form(None, given))
def create() -> Response:
    """Create it and show its secret, or what is wrong with which field."""
    try:
        wishes = Wishes(**read_form(request.form))
        made, secret = destinations.create(wishes, current_access(), services())
    except ObdtrackError as error:
        return _form(None, request.form, error)
    return _secret(made, secret)


@blueprint.get("/<uuid:destination_id>/edit")
@needs(Scope.ADMIN)
def edit_form(destination_id: UUID) -> Response:
    """Show the form of a destination that there is."""
    row = found(destination_id)
    return _form(row, as_form({name: getattr(row, name) for name in Wishes._fields}))


@blueprint.post("/<uuid:destination_id>/edit")
@needs(Scope.ADMIN)
@kept(lambda given, destination_id: _form(found(UUID(destination_id)), given))
def edit(destination_id: UUID) -> Response | Redirect:
    """Change it, or show what is wrong with which field."""
    row = found(destination_id)
    try:
        destinations.edit(destination_id, read_form(request.form), current_access(), services())
    except ObdtrackError as error:
        return _form(row, request.form, error)
    return _back(destination_id)


@blueprint.get("/<uuid:destination_id>")
@needs(Scope.ADMIN)
def show(destination_id: UUID) -> Response:
    """Show one destination with what it was sent, newest first."""
    row, wrong = found(destination_id), dict[str, str]()
    before, status = read_id(request.args, wrong), request.args.get("status") or None
    if status is not None and status not in set(NotificationStatus):
        wrong["status"] = _("“%(word)s” is no status of a notification.", word=status[:40])
    listed = [] if wrong else log.page(destination_id, PAGE + 1, status, before)
    rows, older = cut(listed, PAGE)
    return live(
        "destination.html",
        row=row,
        numbers_word=_numbers_word,
        shown=destination_view(row, services()),
        most_counted=MOST_COUNTED,
        lines=[(one, notification_view(one)) for one in rows],
        statuses=list(NotificationStatus),
        status=status,
        wrong=wrong,
        older=older,
    )


@blueprint.post("/<uuid:destination_id>/pause", defaults={"action": "pause"})
@blueprint.post("/<uuid:destination_id>/resume", defaults={"action": "resume"})
@needs(Scope.ADMIN)
def act(destination_id: UUID, action: str) -> Redirect:
    """Pause or resume it, or say why that is not possible now."""
    try:
        _ACTIONS[action](destination_id, current_access(), services())
    except ObdtrackError as error:
        flash(translated(error.message))
    return _back(destination_id)


@blueprint.post("/<uuid:destination_id>/test")
@needs(Scope.ADMIN)
def test(destination_id: UUID) -> Redirect:
    """Send it an event that means nothing, and say what came of it."""
    tried = send_test(found(destination_id), services())
    said = _("The test event was taken.")
    if tried.failure:
        said = _("Not taken: %(why)s", why=tried.failure)
        if tried.response:
            said += " " + _("It said: %(response)s", response=tried.response[:200])
    flash(f"{said} ({_('%(number)s ms', number=format_decimal(tried.duration_ms))})")
    return _back(destination_id)


@blueprint.post("/<uuid:destination_id>/rotate")
@needs(Scope.ADMIN)
def rotate(destination_id: UUID) -> Response:
    """Replace its secret, and show the new one."""
    return _secret(
        destination_id, destinations.rotate(destination_id, current_access(), services())
    )


@blueprint.post("/<uuid:destination_id>/recover")
@needs(Scope.ADMIN)
def recover(destination_id: UUID) -> Redirect:
    """Send all since a time, by the reader's clock, that was not delivered."""
    try:
        typed = request.form.get("since", "")
        by_clock = datetime.strptime(typed, _INPUT_TIME).replace(tzinfo=current_zone().info)
        since = by_clock.astimezone(UTC)
        replayed = destinations.recover(destination_id, since, current_access(), services())
        number = format_decimal(replayed)
        flash(
            _("%(number)s that failed will be sent again, and whatever it was not sent since then.",
              number=number)
        )  # fmt: skip
    except (ValueError, OverflowError):
        flash(_("That is not a day and a time; nothing was changed."))
    except ObdtrackError as error:
        flash(" ".join(map(translated, error.fields.get("since", [error.message]))))
    return _back(destination_id)


@blueprint.post("/<uuid:destination_id>/delete")
@needs(Scope.ADMIN)
def delete(destination_id: UUID) -> Redirect:
    """Delete it with its log."""
    url = found(destination_id).url
    destinations.delete(destination_id, current_access(), services())
    flash(_("Deleted: %(url)s", url=url))
    return redirect(url_for("pages_destinations.index"), 303)


@blueprint.post("/<uuid:destination_id>/notifications/replay")
@needs(Scope.ADMIN)
def replay_failed(destination_id: UUID) -> Redirect:
    """Send all again that failed."""
    replayed = destinations.replay_failed(destination_id, current_access(), services())
    flash(ngettext("%(num)s will be sent again.", "%(num)s will be sent again.", replayed))
    return _back(destination_id)


@blueprint.post("/<uuid:destination_id>/notifications/<uuid:notification_id>/replay")
@needs(Scope.ADMIN)
def replay(destination_id: UUID, notification_id: UUID) -> Redirect:
    """Send one again, whatever became of it."""
    try:
        destinations.replay(destination_id, notification_id, current_access(), services())
        flash(_("It will be sent again."))
    except ObdtrackError as error:
        flash(translated(error.message))
    return _back(destination_id)


def _numbers_word(choice: str) -> str:
    """Say how phone numbers are told, in the reader's language."""
    return _(_NUMBERS[Numbers(choice)])


def as_form(wishes: Mapping[str, Any]) -> MultiDict[str, str]:
    """Return what a destination is told as the fields of the form."""
    wanted = wishes["filter"]
    given = MultiDict({"url": wishes["url"], "numbers": str(wishes["numbers"])})
    for name in ("campaign_id", "reference_prefix"):
        given[name] = wanted.get(name, "")
    given.setlist("types", list(wishes["types"]))
    given.setlist("status", wanted.get("status", []))
    return given


def read_form(given: MultiDict[str, str]) -> dict[str, Any]:
    """Return the form as fields of `Wishes`; ObdtrackError (invalid) with what is wrong."""
    return destination_values(
        given.get("url", ""),
        types=given.getlist("types"),
        numbers=given.get("numbers", ""),
        campaign_id=given.get("campaign_id", "").strip(),
        reference_prefix=given.get("reference_prefix", "").strip(),
        status=given.getlist("status"),
    )


def _back(destination_id: UUID) -> Redirect:
    return redirect(url_for("pages_destinations.show", destination_id=destination_id), 303)


def _secret(destination_id: UUID, secret: str) -> Response:
    """Show a secret at once: it is in no address, no session and no message."""
    row = found(destination_id)
    return make_response(render_template("destination_secret.html", row=row, secret=secret))


def _form(
    row: models.Destination | None,
    given: MultiDict[str, str],
    error: ObdtrackError | None = None,
) -> Response:
    errors: dict[str, Sequence[str]] = {}
    for name, sentences in (error.fields if error else {}).items():
        field = name.removeprefix("filter.").partition(".")[0]
        errors[field] = [translated(sentence) for sentence in sentences]
    page = render_template(
        "destination_form.html",
        row=row,
        given=given,
        errors=errors,
        refusal=translated(error.message) if error and not errors else "",
        groups=_GROUPS,
        single=_SINGLE,
        statuses=list(Status),
        numbers=list(Numbers),
        numbers_word=_numbers_word,
    )
    return make_response(page, HTTP_STATUS[error.code] if error else 200)
