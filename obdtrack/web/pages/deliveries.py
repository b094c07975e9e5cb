"""The callback's inbox: every request as it came, what became of it, and reading it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.config import CALLBACK_PATH
from obdtrack.domain.status import Outcome
from obdtrack.errors import Code, ObdtrackError
from obdtrack.storage import deliveries, models, search
from obdtrack.web.access import context, current_access, needs
from obdtrack.web.pages import raw
from obdtrack.web.pages.frame import live, reader
from obdtrack.web.pages.inbox import list_lines
from obdtrack.web.pages.words import outcome_look
from obdtrack.web.pages.zone import current_zone, day_start
from obdtrack.workflows.keys import Scope
from obdtrack.workflows.replay_delivery import REPLAYABLE, replay
from obdtrack.workflows.try_callback import try_callback

blueprint = Blueprint("pages_deliveries", __name__, url_prefix="/deliveries")

PAGE = 50
_AT_ONCE = 500
_MOST_COUNTED = 10_000


class Chosen(NamedTuple):
    """Which requests are wanted: an outcome, and ids from `first` to before `end`.

    `days` holds the address's own words for that, and nothing that is no day.
    """

    outcome: str | None
    first: UUID | None
    end: UUID | None
    days: dict[str, str]


@blueprint.get("")
@needs(Scope.READ)
def index() -> Response:
    """List what reached the callback, newest first."""
    chosen, cursor = _chosen(request.args), _id("before")
    ends = [end for end in (chosen.end, cursor) if end]
    found = deliveries.newest(PAGE + 1, min(ends, default=None), chosen.outcome)
    found = [row for row in found if not chosen.first or row.id >= chosen.first]
    return live(
        "deliveries.html",
        lines=list_lines(found[:PAGE]),
        older=str(found[PAGE - 1].id) if len(found) > PAGE else None,
        chosen=chosen,
        after=_id("after"),
        outcomes=list(Outcome),
        replayable=set(REPLAYABLE),
        callback=request.url_root.rstrip("/") + CALLBACK_PATH,
        settings=context().settings,
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
        line=list_lines([row])[0],
        raw=raw.raw_delivery(row, in_full=in_full, number=row.to_number or ""),
        curl=raw.curl_delivery(row, request.url_root.rstrip("/")) if in_full else None,
        replayable=row.outcome in REPLAYABLE,
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
    """Read requests of one outcome again: the oldest, or those after where the last time ended."""
    chosen, after = _chosen(request.form), _id("after")
    if chosen.outcome not in REPLAYABLE:
        raise ObdtrackError(Code.INVALID, "Choose an outcome whose requests can be read again.")
    rest = search.deliveries_after(
        chosen.outcome, after or chosen.first, chosen.end, _AT_ONCE + _MOST_COUNTED
    )
    ends = Counter(_end(delivery_id) for delivery_id in rest[:_AT_ONCE])
    flash(_said(ends, len(rest) - ends.total()))
    last = str(rest[_AT_ONCE - 1]) if len(rest) > _AT_ONCE else None
    address: dict[str, Any] = {**chosen.days, "outcome": chosen.outcome, "after": last}
    return redirect(url_for("pages_deliveries.index", **address), 303)


@blueprint.post("/test")
@needs(Scope.ADMIN)
def send_test() -> Redirect:
    """Post a sample report to our own callback and follow it to a timeline."""
    settings = context().settings
    trial = try_callback(f"http://{settings.host}:{settings.port}{CALLBACK_PATH}", context())
    if trial.problem is None:
        flash(f"The test report came in and stands on its call ({trial.milliseconds} ms).")
        return redirect(url_for("pages_call.show", call_id=trial.call_id), 303)
    flash(f"The test report did not arrive: {trial.problem}")
    return redirect(url_for("pages_deliveries.index"), 303)


def _end(delivery_id: UUID) -> str:
    """Read a request again; one whose secret is still wrong stays what it is."""
    try:
        return replay(delivery_id, context(), current_access())
    except ObdtrackError as error:
        if error.code is not Code.CONFLICT:
            raise
        return Outcome.REJECTED


def _said(ends: Counter[str], left: int) -> str:
    if not ends:
        return "There was nothing to read again."
    told = ", ".join(f"{number} {outcome_look(end).word.lower()}" for end, number in ends.items())
    rest = f"{left}{' or more' * (left == _MOST_COUNTED)} to go" if left else "none is left"
    return f"Read again: {told}; {rest}."


def _changed(before: str, after: Outcome) -> str:
    if before == after:
        return f"Read again: it is still {outcome_look(after).word.lower()}."
    return f"Read again: {outcome_look(before).word} → {outcome_look(after).word}."


def _found(delivery_id: UUID) -> models.Delivery:
    row = deliveries.find(delivery_id)
    if row is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no request with this id.")
    return row


def _chosen(given: Mapping[str, str]) -> Chosen:
    zone, outcome = current_zone(), given.get("outcome")
    first = day_start(given.get("from", ""), zone)
    after = day_start(given.get("to", ""), zone, days_later=1)
    return Chosen(
        outcome if outcome in set(Outcome) else None,
        search.first_id(first) if first else None,
        search.first_id(after) if after else None,
        {name: given[name] for name, bound in (("from", first), ("to", after)) if bound},
    )


def _id(name: str) -> UUID | None:
    try:
        return UUID(request.values.get(name, ""))
    except ValueError:
        return None
