"""The callback's inbox: every request as it came, what became of it, and reading it again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.domain.status import Outcome
from obdtrack.errors import Code, ObdtrackError
from obdtrack.storage import deliveries, models
from obdtrack.web.access import context, current_access, needs
from obdtrack.web.pages import raw
from obdtrack.web.pages.frame import live, reader
from obdtrack.web.pages.privacy import hide
from obdtrack.web.pages.words import outcome_look
from obdtrack.web.webhooks import PATH
from obdtrack.workflows.keys import Scope
from obdtrack.workflows.replay_delivery import REPLAYABLE, replay, replay_all
from obdtrack.workflows.try_callback import try_callback

blueprint = Blueprint("pages_deliveries", __name__, url_prefix="/deliveries")

PAGE = 50
_AT_ONCE = 500


@blueprint.get("")
@needs(Scope.READ)
def index() -> Response:
    """List what reached the callback, newest first."""
    outcome = _outcome(request.args)
    found = deliveries.newest(PAGE + 1, _cursor(), outcome)
    return live(
        "deliveries.html",
        deliveries=found[:PAGE],
        older=str(found[PAGE - 1].id) if len(found) > PAGE else None,
        outcome=outcome,
        outcomes=list(Outcome),
        replayable=set(REPLAYABLE),
        hide=hide,
        callback=request.url_root.rstrip("/") + PATH,
        settings=context().settings,
        excerpt=excerpt,
    )


@blueprint.get("/<uuid:delivery_id>")
@needs(Scope.READ)
def show(delivery_id: UUID) -> Response:
    """Show one request as it came."""
    row = _found(delivery_id)
    in_full = reader().sees_numbers
    return live(
        "delivery.html",
        delivery=row,
        raw=raw.raw_delivery(row, in_full=in_full, number=row.to_number or ""),
        curl=raw.curl_delivery(row, request.url_root.rstrip("/")) if in_full else None,
        replayable=row.outcome in REPLAYABLE,
        hide=hide,
    )


@blueprint.post("/<uuid:delivery_id>/replay")
@needs(Scope.ADMIN)
def read_again(delivery_id: UUID) -> Redirect:
    """Read one request again."""
    before = _found(delivery_id).outcome
    try:
        after = replay(delivery_id, context(), current_access())
        flash(_changed(before, after))
    except ObdtrackError as error:
        flash(error.message)
    return redirect(url_for("pages_deliveries.show", delivery_id=delivery_id), 303)


@blueprint.post("/replay")
@needs(Scope.ADMIN)
def read_all_again() -> Redirect:
    """Read all requests of one outcome again, some hundred at a time."""
    outcome = _outcome(request.form)
    if outcome is None or outcome not in REPLAYABLE:
        raise ObdtrackError(Code.INVALID, "Choose an outcome whose requests can be read again.")
    ends = replay_all(Outcome(outcome), context(), _AT_ONCE, current_access())
    said = ", ".join(f"{number} {outcome_look(end).word.lower()}" for end, number in ends.items())
    flash(f"Read again: {said}." if said else "There was nothing to read again.")
    return redirect(url_for("pages_deliveries.index", outcome=outcome), 303)


@blueprint.post("/test")
@needs(Scope.ADMIN)
def send_test() -> Redirect:
    """Post a sample report to our own callback and follow it to a timeline."""
    settings = context().settings
    trial = try_callback(f"http://{settings.host}:{settings.port}{PATH}", context())
    if trial.problem is None:
        flash(f"The test report came in and stands on its call ({trial.milliseconds} ms).")
        return redirect(url_for("pages_call.show", call_id=trial.call_id), 303)
    flash(f"The test report did not arrive: {trial.problem}")
    return redirect(url_for("pages_deliveries.index"), 303)


def excerpt(row: models.Delivery) -> str:
    """Give the beginning of what a request said, masked unless the reader may see numbers."""
    told = bytes(row.body[:400]).decode("utf-8", "replace") or row.query[:400]
    text = " ".join(told.split())
    return (text if reader().sees_numbers else hide(text, row.to_number or ""))[:160]


def _changed(before: str, after: Outcome) -> str:
    if before == after:
        return f"Read again: it is still {outcome_look(after).word.lower()}."
    return f"Read again: {outcome_look(before).word} → {outcome_look(after).word}."


def _found(delivery_id: UUID) -> models.Delivery:
    row = deliveries.find(delivery_id)
    if row is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no request with this id.")
    return row


def _outcome(given: Any) -> str | None:
    outcome = given.get("outcome")
    return outcome if outcome in set(Outcome) else None


def _cursor() -> UUID | None:
    try:
        return UUID(request.args.get("before", ""))
    except ValueError:
        return None
