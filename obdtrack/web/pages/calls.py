"""The list of calls: one search box, filters in the address, and the figures of the period."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import Gone
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.audit import record_download
from obdtrack.access.keys import Scope, all_keys, ids_of
from obdtrack.calls import opt_outs, queries, search
from obdtrack.calls.lookups import admit
from obdtrack.calls.search import NO_REASON, CallFilter
from obdtrack.campaigns.recipients import planned_for
from obdtrack.domain.status import WAITING, Status
from obdtrack.statistics.counters import MOST_ATTEMPTS
from obdtrack.web.http.auth import current_access, look_up, needs, services
from obdtrack.web.pages import filter_words
from obdtrack.web.pages.columns import keep_columns
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
from obdtrack.web.pages.search_box import Hit, find_hits, names_to_suggest
from obdtrack.web.pages.tables import TableFile, table_response
from obdtrack.web.pages.template_helpers import live, reader
from obdtrack.web.pages.totals import count_reasons, how_many, make_strip

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
    "LOOKED_AT": search.LOOKED_AT,
    "filter_words": filter_words.filter_words,
    "kept_filters": filter_words.kept_filters,
    "reason_choices": filter_words.reason_choices,
    "source_choices": filter_words.source_choices,
    "attempt_choices": filter_words.attempt_choices,
    "hour_choices": filter_words.hour_choices,
    "same_words": filter_words.same_words,
}
_NOTHING = search.Page([], None, is_cut=False)


@blueprint.get("/")
@needs(Scope.READ)
def index() -> Response:
    """List calls, newest first."""
    chosen = _filter()
    before = read_id(request.args, chosen.wrong)
    unknown = bool(chosen.expired or chosen.wrong)
    wanted, now = chosen.wanted, services().now()
    page = _NOTHING if unknown else search.page_of(wanted, PAGE, before)
    has_figures = not (chosen.searched or before or unknown)
    strip = make_strip(chosen, now) if has_figures else None
    return live(
        "calls.html",
        filter=chosen,
        calls=page.calls,
        is_cut=page.is_cut,
        opted_out=opt_outs.of_numbers({call.to_number for call in page.calls}),
        planned=planned_for(wanted.number, PAGE) if wanted.number else [],
        older=page.older,
        newer=search.newer_page(wanted, PAGE, before) if before and not unknown else None,
        how_many=None if unknown else how_many(chosen, now, strip),
        strip=strip,
        reasons=count_reasons(chosen) if has_figures else None,
        is_first=not (page.calls or before or search.is_any(CallFilter())),
        busy=any(call.status in WAITING for call in page.calls),
        keys=sorted({key.name for key in all_keys()}),
        names=names_to_suggest(reader()),
        **_CHOICES,
    )


@blueprint.post("/columns")
@needs(Scope.READ)
def choose_columns() -> Redirect:
    """Keep which columns lists of calls have, and go on where the reader was."""
    shown = f"{url_for('pages_calls.index')}?{request.form.get('query', '')}"
    response = redirect(shown.rstrip("?"), 303)
    keep_columns(response, request.form.getlist("column"))
    return response


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
    names = names_to_suggest(reader())
    return render_template("search.html", text=text, hits=hits, names=names)


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
    if caller := request.args.get("caller", "").strip():
        chosen = chosen._replace(wanted=chosen.wanted._replace(callers=ids_of(caller)))
    if not (reader().sees_numbers or chosen.wrong or chosen.expired):
        admit(chosen.wanted, current_access(), made)
    return chosen


def _hits(text: str) -> list[Hit]:
    return find_hits(text, services(), None if reader().sees_numbers else current_access())
