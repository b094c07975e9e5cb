"""One call: its outcome in a sentence, its timeline, and what was sent and received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.audit import record_view
from obdtrack.access.keys import Scope
from obdtrack.calls import opt_outs, queries, responses
from obdtrack.calls.outside_hours import rang_outside
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.send_right import still_sendable_until
from obdtrack.calls.polling.check import refresh
from obdtrack.calls.provider_ids import can_be_named, waiting_reports
from obdtrack.calls.reports.replay import REPLAYABLE
from obdtrack.calls.resolve import resolve
from obdtrack.calls.search import SILENT
from obdtrack.calls.states import states_of
from obdtrack.domain.fold import CallState
from obdtrack.domain.redaction import hide
from obdtrack.domain.status import FINAL, Status
from obdtrack.domain.timeline import build_timeline
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store import models
from obdtrack.web.api.schemas import ResolveSchema
from obdtrack.web.http.auth import current_access, look_up, needs, services
from obdtrack.web.http.errors import HTTP_STATUS
from obdtrack.web.http.kept_forms import kept
from obdtrack.web.pages import deliveries, http_log
from obdtrack.web.pages.attention import flash_saved
from obdtrack.web.pages.clocks import Clock
from obdtrack.web.pages.http_log import PAGE, Wire, wires
from obdtrack.web.pages.labels import reason_text
from obdtrack.web.pages.language import N_, translated
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.provenance import is_test, teller
from obdtrack.web.pages.recordings import Recording, recordings
from obdtrack.web.pages.summary import Outlook, Story, kind_text, tell
from obdtrack.web.pages.template_helpers import clock, dated, day, in_zone, live, reader
from obdtrack.web.pages.timeline_chart import WIDTHS, Drawing, draw, mark_kind
from obdtrack.web.pages.timeline_entries import TimelineLine, list_lines, titled_facts

blueprint = Blueprint("pages_call", __name__)

_FIELDS = {
    "action": N_("Choose what happened."),
    "provider_id": N_("Enter the provider's id of the call."),
    "note": N_("Say why."),
}
"""The fields of a decision, and what is said if one is needed and missing."""


class Shown(NamedTuple):
    """Everything the page shows about a call; `test` is whether it belongs to a test report.

    `drawings` hold the same picture in several widths, by their names. Of a call with very many
    events there are the newest before the number that was asked for; `older` is that of the first
    of them, None if there is none before it.
    """

    state: CallState
    story: Story
    lines: list[TimelineLine]
    facts: tuple[tuple[str, str], ...]
    drawings: dict[str, Drawing]
    recordings: list[Recording]
    in_full: bool
    message: str | None
    wires: list[Wire]
    test: bool
    older: int | None


@blueprint.get("/calls/<uuid:call_id>")
@needs(Scope.READ)
def show(call_id: UUID) -> Response:
    """Show one call."""
    return _page(_found(call_id))


@blueprint.post("/calls/<uuid:call_id>/refresh")
@needs(Scope.READ)
def poll(call_id: UUID) -> Redirect:
    """Poll the provider for the call now, and say what it returned."""
    call, before = _found(call_id), len(responses.of_call(call_id))
    try:
        refresh(call, services())
        flash(_what_came(responses.of_call(call_id)[before:]))
    except ObdtrackError as error:
        if error.code is Code.UNAVAILABLE:
            raise
        said = translated(error.message)
        if error.retry_after:
            said += " " + _("Try again in %(number)s seconds.", number=error.retry_after)
        flash(said)
    return _back(call_id)


def _what_came(fresh: list[models.ResponseRow]) -> str:
    if not fresh:
        return _("Nothing to poll for: the provider has no such call.")
    if failure := fresh[-1].failure:
        why = reason_text(failure)
        return _(
            "No result from the provider: %(why)s. Nothing changed; try again in a minute.", why=why
        )
    return _("The provider was polled; its response is shown below.")


@blueprint.get("/calls/<uuid:call_id>/resolve")
@needs(Scope.READ)
def undecided(call_id: UUID) -> Redirect:
    """Redirect a reload of the decision form to the call, so that nothing is sent again."""
    return _back(call_id)


@blueprint.post("/calls/<uuid:call_id>/resolve")
@needs(Scope.ADMIN)
@kept(lambda given, call_id: _form_again(UUID(call_id), given, {}, HTTPStatus.OK))
def decide(call_id: UUID) -> Response | Redirect:
    """Carry out a decision about a call whose outcome is unknown, or show what is wrong with it."""
    typed = {name: text for name in _FIELDS if (text := request.form.get(name, "").strip())}
    chosen = typed.get("action", "")
    given = {name: typed[name] for name in typed if name != "provider_id" or chosen == "attach"}
    try:
        decision = ResolveSchema().load(given)
        following = resolve(call_id, access=current_access(), services=services(), **decision)
    except ValidationError as error:
        errors = {  # of a field left out, the schema's words are for programs
            name: messages if name in given and name != "action" else [_FIELDS[name]]
            for name, messages in error.messages_dict.items()
        }
        return _form_again(call_id, typed, errors, HTTPStatus.UNPROCESSABLE_ENTITY)
    except ObdtrackError as error:
        field = "provider_id" if chosen == "attach" else "action"
        wrong = error.fields or {field: [error.message]}
        return _form_again(call_id, typed, wrong, HTTP_STATUS[error.code])
    flash_saved(call_id)
    return _back(following)


def _form_again(
    call_id: UUID, typed: Mapping[str, str], errors: Mapping[str, Any], status: HTTPStatus
) -> Response | Redirect:
    """Show the form as it was filled in, with what is wrong; if it is decided by now, the call."""
    call = _found(call_id)
    said = {
        name: [in_zone(translated(text)) for text in messages] for name, messages in errors.items()
    }
    if not can_be_named(call):
        flash(" ".join(text for messages in said.values() for text in messages))
        return _back(call_id)
    page = _page(call, typed, said)
    page.status_code = status
    return page


def _found(call_id: UUID) -> models.Call:
    call = look_up(lambda: queries.find(str(call_id)))
    if call is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no call with this id.")
    return call


def _page(
    call: models.Call,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Any] | None = None,
) -> Response:
    calls = submissions.calls_of(call.submission.id)
    shown = _shown(call, calls)
    known_there = call.provider_id is not None or shown.state.status is Status.UNKNOWN
    return live(
        "call.html",
        shown=shown,
        call=call,
        state=shown.state,
        SILENT=SILENT,
        opted_out_at=opt_outs.of_numbers({call.to_number}).get(call.to_number),
        outside_hours=rang_outside(
            shown.state.attempts, call.submission.call_type, services().settings
        ),
        send_until=still_sendable_until(call.submission, services()),
        siblings=len(calls) - 1,
        pollable=known_there and not shown.test,
        replayable=set(REPLAYABLE),
        attachable=can_be_named(call),
        reports=deliveries.list_lines(waiting_reports(call)),
        waiting=shown.state.status
        not in FINAL | {Status.REJECTED, Status.UNRESOLVED, Status.SKIPPED},
        curl=http_log.curl_call(call, request.url_root.rstrip("/")),
        kind_text=kind_text,
        mark_kind=mark_kind,
        teller=teller,
        given=typed or {},
        errors=errors or {},
    )


def _shown(call: models.Call, calls: Sequence[models.Call]) -> Shown:
    events = queries.history([call.id])[call.id]
    state = states_of([call])[call.id]
    entries = build_timeline(events, state)
    before = request.args.get("before", type=int) or 0
    until = before - 1 if 1 < before <= len(entries) else len(entries)
    since = max(0, until - PAGE)
    seen = entries[since:until]
    end = seen[-1].event.recorded_at if until < len(entries) else None
    drawn = [*entries[: min(since, 1)], *seen]
    attempts = state.attempts
    if len(seen) < len(entries):
        about = {entry.attempt for entry in seen}
        attempts = tuple(attempt for attempt in attempts if attempt.number in about)
    now, written = services().now(), Clock(day, clock)
    # Read out, sent and printed, it stands alone: with year and zone.
    for_customers = Clock(dated, clock, current_zone().abbreviation)
    if in_full := reader().sees_numbers:
        record_view(current_access(), call.id, call.to_number, services())
    base, provider = request.url_root.rstrip("/"), services().providers.get(call.provider)
    links_work = provider.recordings_work if provider else None

    def mask(text: str) -> str:  # the bridge is our own number, and no secret anywhere
        return text if in_full or text == call.submission.bridge else hide(text, call.to_number)

    story = tell(state, events, Outlook(now, call.next_check_at, call.interval), for_customers)
    return Shown(
        state=state,
        story=Story(*map(mask, story)),
        lines=list_lines(entries[:until], call.interval, mask, since),
        facts=tuple((title, mask(text)) for title, text in titled_facts(state)),
        drawings={n: draw(drawn, attempts, written, w) for n, w in WIDTHS.items()},
        recordings=recordings(state.attempts, events, links_work),
        in_full=in_full,
        message=state.provider_message and mask(state.provider_message),
        wires=wires(call, calls, seen, end, base, in_full=in_full),
        test=is_test(events),
        older=since + 1 if since else None,
    )


def _back(call_id: UUID) -> Redirect:
    return redirect(url_for("pages_call.show", call_id=call_id), 303)
