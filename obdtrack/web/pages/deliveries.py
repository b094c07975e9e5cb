"""The callback's inbox: every request as it came, what became of it, and reading it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.audit import record_download
from obdtrack.access.keys import Scope
from obdtrack.calls import attention, queries, search
from obdtrack.calls.give_report import give_report
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.replay import REPLAYABLE, STILL_WRONG, replay
from obdtrack.domain.reports import OptOut, Reading, Report
from obdtrack.domain.status import Outcome
from obdtrack.domain.texts import Said
from obdtrack.domain.trial import TRIAL_NAME, is_trial
from obdtrack.errors import Code, ObdtrackError
from obdtrack.operations.webhooks.try_callback import try_callback
from obdtrack.settings import callback_path
from obdtrack.store import models
from obdtrack.store.columns import first_id
from obdtrack.web.http.auth import current_access, look_up, needs, services
from obdtrack.web.http.paging import cut
from obdtrack.web.pages import http_log
from obdtrack.web.pages.delivery_guide import LONGEST, guide_to
from obdtrack.web.pages.filters import CHOICES, misnamed, read_days, read_id, refusal
from obdtrack.web.pages.labels import outcome_look, status_look
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import translated
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.tables import TableColumn, TableFile, file_name, table_response
from obdtrack.web.pages.template_helpers import in_zone, live, reader

blueprint = Blueprint("pages_deliveries", __name__, url_prefix="/deliveries")

PAGE = 50
_AT_ONCE = 500
_MOST_COUNTED = 10_000


class Chosen(NamedTuple):
    """Which requests are wanted: an outcome, and ids from `first` to before `end`.

    `days` holds the address's own words for that. `wrong` says by parameter what cannot be meant.
    """

    outcome: str | None
    first: UUID | None
    end: UUID | None
    days: dict[str, str]
    wrong: dict[str, str]


class DeliveryLine(NamedTuple):
    """A request in the list; texts are as this reader may see them.

    `said` is the provider's word, `why` the reason for the outcome, `about` the provider's id of
    the call or how the request begins. `call_word` is the status of its call, if that still exists.
    `hidden` are the numbers that no text of the request may show to who does not see numbers.
    """

    row: models.Delivery
    number: str | None
    said: str | None
    why: str
    about: str
    call_word: str | None
    hidden: Collection[str]


@blueprint.get("")
@needs(Scope.READ)
def index() -> Response:
    """List what reached the callback, newest first."""
    chosen = _chosen(request.args)
    cursor = read_id(request.args, chosen.wrong)
    after = read_id(request.args, chosen.wrong, "after")
    ends = [end for end in (chosen.end, cursor) if end]
    found = deliveries.newest(PAGE + 1, min(ends, default=None), chosen.outcome)
    if chosen.wrong:
        found = []
    found = [row for row in found if not chosen.first or row.id >= chosen.first]
    rows, older = cut(found, PAGE)
    return live(
        "deliveries.html",
        lines=list_lines(rows),
        older=older,
        chosen=chosen,
        after=after,
        outcomes=list(Outcome),
        trial_name=TRIAL_NAME,
        replayable=set(REPLAYABLE),
        callback=request.url_root.rstrip("/") + callback_path(services().provider.name),
        settings=services().settings,
    )


@blueprint.get("/table.csv", defaults={"form": "csv"})
@blueprint.get("/table.xlsx", defaults={"form": "xlsx"})
@needs(Scope.READ)
def download(form: str) -> Response:
    """Return the requests of the current filter as a table for a spreadsheet."""
    chosen, zone = _chosen(request.args), current_zone()
    if chosen.wrong:
        raise refusal(chosen.wrong)
    today = f"{zone.local(services().now()):%Y-%m-%d}"
    days = chosen.days.values() or ("until", today)
    table = TableFile(file_name("deliveries", chosen.outcome, *days), _columns(), zone.info)
    wanted = {"form": form, "outcome": chosen.outcome, **chosen.days}
    ended = record_download("deliveries", wanted, current_access(), services())
    return table_response(table, _all_lines(chosen), form, ended)


def _all_lines(chosen: Chosen) -> Iterator[DeliveryLine]:
    """Return all requests that are chosen, newest first, reading some hundred at a time."""
    before = chosen.end
    while rows := deliveries.newest(_AT_ONCE, before, chosen.outcome):
        wanted = [row for row in rows if not chosen.first or row.id >= chosen.first]
        yield from list_lines(wanted)
        if len(wanted) < len(rows):
            return
        before = rows[-1].id


def _columns() -> list[TableColumn]:
    return [
        TableColumn(_("Received"), lambda line: line.row.received_at, of_times=True),
        TableColumn(_("Outcome"), lambda line: outcome_look(line.row.outcome).word),
        TableColumn(_("Number"), lambda line: line.number),
        TableColumn(_("Provider status"), lambda line: line.said),
        TableColumn(_("Why"), lambda line: line.why),
        TableColumn(_("Request"), lambda line: f"{line.row.method} {line.about}"),
        TableColumn(_("Call status"), lambda line: line.call_word),
        TableColumn(_("Call id"), lambda line: line.row.call_id and str(line.row.call_id)),
        TableColumn(_("Request id"), lambda line: str(line.row.id)),
    ]


@blueprint.get("/<uuid:delivery_id>")
@needs(Scope.READ)
def show(delivery_id: UUID) -> Response:
    """Show one request as it came."""
    row = _found(delivery_id)
    in_full, line = reader().sees_numbers, list_lines([row])[0]
    return live(
        "delivery.html",
        delivery=row,
        line=line,
        raw=http_log.raw_delivery(row, None if in_full else line.hidden),
        curl=http_log.curl_delivery(row, request.url_root.rstrip("/")) if in_full else None,
        replayable=row.outcome in REPLAYABLE,
        guide=guide_to(row, search.by_id({row.call_id}).get(row.call_id) if row.call_id else None),
    )


@blueprint.post("/<uuid:delivery_id>/attach")
@needs(Scope.ADMIN)
def attach(delivery_id: UUID) -> Redirect:
    """Put one report on the timeline of the call that was chosen, or named by an id."""
    given, note = request.form.get("call_id", ""), request.form.get("note", "").strip()[:500]
    identifier = request.form.get("other", "").strip() if given == "other" else given
    call = queries.find(identifier, services().providers.values()) if identifier else None
    back = redirect(url_for("pages_deliveries.show", delivery_id=delivery_id), 303)
    if call is None:
        flash(_("There is no call with this id.") if identifier else _("Choose a call."))
        return back
    try:
        give_report(delivery_id, call.id, note or None, current_access(), services())
    except ObdtrackError as error:
        if error.code is Code.UNAVAILABLE:
            raise
        flash(in_zone(translated(error.message)))
        return back
    said = _("The report is on the timeline of this call now.")
    if left := attention.deliveries(services().now(), 1):
        address = url_for("pages_deliveries.show", delivery_id=left[0].id)
        link = Markup('<a href="{}">{}</a>').format(address, _("Next that needs attention"))
        said = Markup("{} {}").format(said, link)
    flash(said)
    return redirect(url_for("pages_call.show", call_id=call.id), 303)


@blueprint.post("/<uuid:delivery_id>/replay")
@needs(Scope.ADMIN)
def read_again(delivery_id: UUID) -> Redirect:
    """Read one request again."""
    before = _found(delivery_id).outcome
    try:
        after = replay(delivery_id, services(), current_access())
        then, now = outcome_look(before).word, outcome_look(after).word
        if before == after:
            flash(_("Reprocessed: it is still %(status)s.", status=now.lower()))
        else:
            flash(_("Reprocessed: %(then)s → %(now)s.", then=then, now=now))
    except ObdtrackError as error:
        flash(translated(error.message))
    return redirect(url_for("pages_deliveries.show", delivery_id=delivery_id), 303)


@blueprint.post("/replay")
@needs(Scope.ADMIN)
def read_all_again() -> Redirect:
    """Read requests of one outcome again: the oldest, or those after where the last time ended."""
    chosen = _chosen(request.form)
    after = read_id(request.form, chosen.wrong, "after")
    if chosen.wrong:
        raise refusal(chosen.wrong)
    if chosen.outcome not in REPLAYABLE:
        raise ObdtrackError(Code.INVALID, "Choose an outcome whose requests can be reprocessed.")
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
    settings = services().settings
    trial = try_callback(f"{settings.own_url}{callback_path(services().provider.name)}", services())
    if trial.problem is None:
        flash(
            _("The test report arrived and is on its call's timeline (%(number)s ms).",
              number=trial.milliseconds)
        )  # fmt: skip
        return redirect(url_for("pages_call.show", call_id=trial.call_id), 303)
    flash(_("The test report did not arrive: %(why)s", why=trial.problem))
    return redirect(url_for("pages_deliveries.index"), 303)


def _end(delivery_id: UUID) -> str:
    """Read a request again; one whose secret is still wrong stays what it is."""
    try:
        return replay(delivery_id, services(), current_access())
    except ObdtrackError as error:
        if error.code is not Code.CONFLICT:
            raise
        return Outcome.REJECTED


def _said(ends: Counter[str], left: int) -> str:
    if not ends:
        return _("There was nothing to reprocess.")
    counts = ", ".join(f"{many} {outcome_look(end).word.lower()}" for end, many in ends.items())
    rest = _("%(number)s to go", number=left) if left else _("none left")
    if left == _MOST_COUNTED:
        rest = _("%(number)s or more to go", number=left)
    said = _("Reprocessed: %(counts)s; %(rest)s.", counts=counts, rest=rest)
    if Outcome.REJECTED in ends:
        why = translated(STILL_WRONG)
        said += " " + _("What is still rejected carried a secret that is %(why)s.", why=why)
    return said


def _found(delivery_id: UUID) -> models.Delivery:
    row = look_up(lambda: deliveries.find(delivery_id))
    if row is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no request with this id.")
    return row


def _chosen(given: MultiDict[str, str]) -> Chosen:
    wrong = misnamed(given, _KNOWN)
    first, after = read_days(given, current_zone(), wrong)
    outcome = given.get("outcome") or None
    if outcome is not None and outcome not in set(Outcome):
        wrong["outcome"] = Said("“%(text)s” is not an outcome.", text=outcome[:40])
    return Chosen(
        outcome if "outcome" not in wrong else None,
        first_id(first) if first else None,
        first_id(after) if after else None,
        {name: given[name] for name in ("from", "to") if given.get(name)},
        wrong,
    )


def list_lines(found: Sequence[models.Delivery]) -> list[DeliveryLine]:
    """Return requests as lines."""
    calls = search.by_id({row.call_id for row in found if row.call_id})
    return [_line(row, calls.get(row.call_id) if row.call_id else None) for row in found]


def _line(row: models.Delivery, call: models.Call | None) -> DeliveryLine:
    me, call_word, is_short = reader(), None, len(row.body) <= LONGEST
    reading = None
    if is_short or not me.sees_numbers:
        reading = deliveries.read_again(row, services().provider_of(row))
    report = _as_report(reading if is_short else None)
    beginning = bytes(row.body[:400]).decode("utf-8", "replace") or row.query[:400]
    number = report.to or row.to_number or (call.to_number if call else None)
    if call:
        is_test = is_trial(call.name, call.to_number)
        call_word = _("Test report") if is_test else status_look(call.status).word
    hidden = set() if me.sees_numbers else deliveries.numbers_of(row, call, reading)
    return DeliveryLine(
        row,
        me.number(number) if number else None,
        me.text(report.provider_status or "", *hidden) or None,
        me.text(row.reason or "", *hidden),
        me.text(report.provider_id or report.mid or " ".join(beginning.split()), *hidden)[:160],
        call_word,
        hidden,
    )


def _as_report(reading: Reading | None) -> Report:
    match reading:
        case Report():
            return reading
        case OptOut(number=number):
            return Report(to=number, provider_status="opted out")
    return Report()


_KNOWN = {*CHOICES, "outcome", "from", "to", "before", "after", "csrf_token"}
