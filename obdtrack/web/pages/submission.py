"""The page of one submission: a request to the provider, its response, and its calls."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.calls import opt_outs, responses
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.send_right import still_sendable_until
from obdtrack.calls.resolve import resolve_submission
from obdtrack.domain.status import WAITING, Status
from obdtrack.errors import Code, ObdtrackError
from obdtrack.web.http.auth import current_access, look_up, needs, services
from obdtrack.web.pages.http_log import raw_response
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import translated
from obdtrack.web.pages.template_helpers import live, reader

blueprint = Blueprint("pages_submission", __name__)

_DECISIONS = ("not-placed", "place-again")


@blueprint.get("/submissions/<uuid:submission_id>")
@needs(Scope.READ)
def show(submission_id: UUID) -> Response:
    """Show one submission with its calls, in the order of its numbers."""
    submission = look_up(lambda: submissions.find(submission_id))
    if submission is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no submission with this id.")
    calls = submissions.calls_of(submission_id)
    numbers = [call.to_number for call in calls]
    sent = (row for row in responses.of_submission(submission_id) if row.kind == "send")
    return live(
        "submission.html",
        submission=submission,
        calls=calls,
        opted_out=opt_outs.of_numbers(set(numbers)),
        sent=[raw_response(row, numbers, [], in_full=reader().sees_numbers) for row in sent],
        unknown=sum(call.status == Status.UNKNOWN for call in calls),
        send_until=still_sendable_until(submission, services()),
        busy=any(call.status in WAITING for call in calls),
    )


@blueprint.post("/submissions/<uuid:submission_id>/resolve")
@needs(Scope.ADMIN)
def decide(submission_id: UUID) -> Redirect:
    """Carry out one decision about all its calls that are unknown."""
    action = request.form.get("action", "")
    if action not in _DECISIONS:
        flash(_("Choose what happened."))
        return redirect(url_for("pages_submission.show", submission_id=submission_id), 303)
    try:
        following = resolve_submission(
            submission_id, action=action, access=current_access(), services=services()
        )
        flash(_("Your decision was saved."))
    except ObdtrackError as error:
        if error.code is Code.UNAVAILABLE:
            raise
        flash(translated(error.message))
        following = submission_id
    return redirect(url_for("pages_submission.show", submission_id=following), 303)
