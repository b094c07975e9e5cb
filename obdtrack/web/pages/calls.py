"""The list of calls: one search box, filters in the address, and the figures of the period."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import Gone
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.audit import record_download
from obdtrack.access.keys import Scope
from obdtrack.calls import opt_outs, queries, search
from obdtrack.calls.lookups import admit
from obdtrack.calls.search import NO_REASON, CallFilter
from obdtrack.campaigns.recipients import planned_for
from obdtrack.domain.status import WAITING, Status
from obdtrack.statistics.counters import MOST_ATTEMPTS
from obdtrack.web.http.auth import current_access, look_up, needs, services
from obdtrack.web.http.paging import cut
from obdtrack.web.pages.export import call_columns, call_rows, filter_in_words, table_name
from obdtrack.web.pages.filters import (
    ATTENTION,
    DAYS,
    PERIODS,
    Filter,
    open_text,
    read_filter,
    read_id,
    refusal,
    seal_text,
)
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.search_box import Hit, find_hits
from obdtrack.web.pages.tables import TableFile, table_response
from obdtrack.web.pages.template_helpers import live, reader
from obdtrack.web.pages.totals import count_reasons, make_strip

blueprint = Blueprint("pages_calls", __name__)

PAGE = 50
EXPIRED = N_("This number search has expired. Enter the number again.")
_CHOICES = {
    "statuses": list(Status),
    "periods": PERIODS,
    "ATTENTION": ATTENTION,
    "DAYS": DAYS,
    "EXPIRED": EXPIRED,
    "NO_REASON": NO_REASON,
    "MOST_ATTEMPTS": MOST_ATTEMPTS,
}


@blueprint.get("/")
@needs(Scope.READ)
def index() -> Response:
    """List calls, newest first."""
    chosen = _filter()
    before = read_id(request.args, chosen.wrong)
    unknown = chosen.expired or chosen.wrong
    found = [] if unknown else search.newest(chosen.wanted, PAGE + 1, before)
    shown, older = cut(found, PAGE)
    return live(
        "calls.html",
        filter=chosen,
        calls=shown,
        opted_out=opt_outs.of_numbers({call.to_number for call in shown}),
        planned=planned_for(chosen.wanted.number, PAGE) if chosen.wanted.number else [],
        older=older,
        strip=None
        if chosen.searched or before or unknown
        else make_strip(chosen, services().now()),
        reasons=None if chosen.searched or before or unknown else count_reasons(chosen),
        is_first=not (shown or before or search.is_any(CallFilter())),
        busy=any(call.status in WAITING for call in shown),
        **_CHOICES,
    )


@blueprint.post("/search")
@needs(Scope.READ)
def find() -> Redirect:
    """Take what was typed to where it leads; the address never holds a full number."""
    text, now = request.form.get("q", ""), services().now()
    hits = _hits(text)
    if len(hits) == 1:
        return redirect(hits[0].address, 303)
    sealed = seal_text(text.strip()[:200], now, services().encryption)
    return redirect(url_for("pages_calls.choices", what=sealed), 303)


@blueprint.get("/search")
@needs(Scope.READ)
def choices() -> str:
    """Show the several things that something typed may be, or that it is none of ours."""
    text = open_text(request.args.get("what", ""), services().now(), services().encryption)
    hits = _hits(text or "")
    return render_template("search.html", text=text, hits=hits)


@blueprint.get("/calls.csv", defaults={"form": "csv"})
@blueprint.get("/calls.xlsx", defaults={"form": "xlsx"})
@needs(Scope.READ)
def download(form: str) -> Response:
    """Return the calls of the current filter as a table for a spreadsheet."""
    chosen = _filter()
    if chosen.wrong:
        raise refusal(chosen.wrong)
    if chosen.expired:
        raise Gone(EXPIRED)
    zone, rows = current_zone(), call_rows(chosen.wanted, reader())
    name = table_name(chosen, zone, services().now())
    wanted = {"form": form, **filter_in_words(chosen)}
    number = chosen.wanted.number
    ended = record_download("calls", wanted, current_access(), services(), number)
    return table_response(TableFile(name, call_columns(), zone.info), rows, form, ended)


def _filter() -> Filter:
    made = services()
    chosen = read_filter(request.args, current_zone(), made.now(), made.encryption)
    if name := request.args.get("number_of"):
        if call := look_up(lambda: queries.find(name)):
            chosen = chosen._replace(wanted=chosen.wanted._replace(number=call.to_number))
        else:
            chosen.wrong["number_of"] = N_("There is no call with this id.")
    if not (reader().sees_numbers or chosen.wrong or chosen.expired):
        admit(chosen.wanted, current_access(), made)
    return chosen


def _hits(text: str) -> list[Hit]:
    return find_hits(text, services(), None if reader().sees_numbers else current_access())
