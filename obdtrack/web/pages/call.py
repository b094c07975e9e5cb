"""One call: its answer in a sentence, its story drawn and told, and what went over the wire."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response as Redirect

from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.status import FINAL, Status
from obdtrack.domain.timeline import Entry, build_timeline
from obdtrack.errors import Code, ObdtrackError
from obdtrack.storage import answers, calls, deliveries, models, opt_outs
from obdtrack.web import session
from obdtrack.web.access import context, current_access, needs
from obdtrack.web.pages import raw
from obdtrack.web.pages.drawing import Drawing, draw, mark_kind
from obdtrack.web.pages.frame import clock, day, live, reader
from obdtrack.web.pages.gaps import Line, list_lines
from obdtrack.web.pages.story import Clock, Story, kind_text, tell
from obdtrack.web.pages.words import reason_text
from obdtrack.web.schemas import ResolveSchema
from obdtrack.workflows.audit import record_view
from obdtrack.workflows.check_call import refresh
from obdtrack.workflows.keys import Scope
from obdtrack.workflows.replay_delivery import REPLAYABLE
from obdtrack.workflows.resolve_call import resolve

blueprint = Blueprint("pages_call", __name__)


class Shown(NamedTuple):
    """Everything the page tells about a call."""

    call: models.Call
    state: CallState
    story: Story
    lines: list[Line]
    drawing: Drawing
    in_full: bool
    wires: list[dict[str, Any]]


@blueprint.get("/calls/<uuid:call_id>")
@needs(Scope.READ)
def show(call_id: UUID) -> Response:
    """Show one call."""
    call = _found(call_id)
    shown = _shown(call)
    opted_out = opt_outs.of_numbers({call.to_number})
    return live(
        "call.html",
        shown=shown,
        call=call,
        state=shown.state,
        opted_out_at=opted_out.get(call.to_number),
        askable=call.provider_id is not None or shown.state.status is Status.UNKNOWN,
        replayable=set(REPLAYABLE),
        waiting=shown.state.status not in FINAL | {Status.REJECTED, Status.UNRESOLVED},
        curl=raw.curl_call(call, request.url_root.rstrip("/")),
        kind_text=kind_text,
        mark_kind=mark_kind,
        Status=Status,
    )


@blueprint.post("/calls/<uuid:call_id>/refresh")
@needs(Scope.READ)
def ask(call_id: UUID) -> Redirect:
    """Ask the provider about the call now, and say whether it told anything."""
    call, before = _found(call_id), len(answers.of_call(call_id))
    try:
        refresh(call, context())
        flash(_what_came(answers.of_call(call_id)[before:]))
    except ObdtrackError as error:
        if error.code is Code.UNAVAILABLE:
            raise
        again = f" Ask again in {error.retry_after} seconds." if error.retry_after else ""
        flash(f"{error.message}{again}")
    return _back(call_id)


def _what_came(fresh: list[models.Answer]) -> str:
    if not fresh:
        return "There is nothing to ask: the provider has no such call."
    if failure := fresh[-1].failure:
        why = reason_text(failure)
        return f"The provider could not tell: {why}. Nothing changed; try again in a minute."
    return "The provider was asked; what it said stands below."


@blueprint.post("/calls/<uuid:call_id>/resolve")
@needs(Scope.ADMIN)
def decide(call_id: UUID) -> Redirect:
    """Carry out a person's decision about a call whose outcome is unknown."""
    given = {name: value.strip() for name, value in request.form.items() if value.strip()}
    given.pop("csrf_token", None)
    if given.get("action") != "attach":
        given.pop("provider_id", None)
    try:
        decision = ResolveSchema().load(given)
        following = resolve(call_id, access=current_access(), context=context(), **decision)
    except ValidationError:
        flash("Choose what happened; with “It is this call”, give the provider's id.")
        return _back(call_id)
    except ObdtrackError as error:
        flash(error.message)
        return _back(call_id)
    flash("Your decision stands on the timeline.")
    return _back(following)


@blueprint.post("/calls/<uuid:call_id>/number")
@needs(Scope.PII)
def show_number(call_id: UUID) -> Redirect:
    """Show the number in full for some minutes, and keep a note of who wanted to see it."""
    call = _found(call_id)
    record_view(current_access(), call.id, context())
    session.show_number(call.id, context().now())
    return _back(call_id)


def _found(call_id: UUID) -> models.Call:
    call = calls.find(str(call_id))
    if call is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no call with this id.")
    return call


def _shown(call: models.Call) -> Shown:
    events = calls.history([call.id])[call.id]
    state = fold(events, call.interval)
    entries = build_timeline(events, call.interval)
    in_full = reader().may(Scope.PII) and session.is_shown(call.id, context().now())
    return Shown(
        call=call,
        state=state,
        story=tell(state, events, call.interval, call.next_check_at, Clock(day, clock)),
        lines=list_lines(entries),
        drawing=draw(entries, state.attempts),
        in_full=in_full,
        wires=_wires(call, entries, in_full),
    )


def _wires(call: models.Call, entries: list[Entry], in_full: bool) -> list[dict[str, Any]]:
    """Give our request, the provider's answers and the reports, in the order of their times."""
    number_of = {e.event.delivery_id or e.event.answer_id: n for n, e in enumerate(entries, 1)}
    base = request.url_root.rstrip("/")
    wires: list[dict[str, Any]] = [
        {"title": "Our request", "at": call.created_at, "event": 1,
         "raw": raw.raw_request(call, in_full=in_full)}
    ]  # fmt: skip
    for answer in answers.of_call(call.id):
        title = "The provider's answer" if answer.kind == "send" else "What asking brought"
        title = title if answer.http_status else f"{title}: none"
        told = raw.raw_answer(answer, in_full=in_full, number=call.to_number)
        wires.append(
            {
                "title": title,
                "at": answer.answered_at,
                "raw": told,
                "event": number_of.get(answer.id),
            }
        )
    for row in deliveries.of_call(call.id):
        told = raw.raw_delivery(row, in_full=in_full, number=call.to_number)
        wires.append(
            {"title": "Report", "at": row.received_at, "raw": told, "delivery": row,
             "event": number_of.get(row.id),
             "curl": raw.curl_delivery(row, base) if in_full else None}
        )  # fmt: skip
    return sorted(wires, key=lambda wire: wire["at"])


def _back(call_id: UUID) -> Redirect:
    return redirect(url_for("pages_call.show", call_id=call_id), 303)
