"""The list of calls: one search box, filters in the address, and the figures of the period."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from obdtrack.domain.status import Status
from obdtrack.storage import figures, opt_outs, search
from obdtrack.web.access import context, needs
from obdtrack.web.pages.charts import Chart, Figures, add_up, stacked
from obdtrack.web.pages.export import csv_lines
from obdtrack.web.pages.filters import ATTENTION, PERIODS, Filter, open_text, read_filter, seal_text
from obdtrack.web.pages.frame import live, reader
from obdtrack.web.pages.periods import cut
from obdtrack.web.pages.searching import find_hits
from obdtrack.web.pages.zone import current_zone, day_start
from obdtrack.workflows.keys import Scope

blueprint = Blueprint("pages_calls", __name__)

PAGE = 50
_ALL_TIME = timedelta(days=90)  # how much of it the small chart shows
_BUSY = {Status.QUEUED, Status.SUBMITTING, Status.UNKNOWN}


class Strip(NamedTuple):
    """The figures of a period, and how they came about over time."""

    figures: Figures
    chart: Chart


@blueprint.get("/")
@needs(Scope.READ)
def index() -> Response:
    """List calls, newest first."""
    chosen = _filter()
    found = [] if chosen.expired else search.newest(chosen.wanted, PAGE + 1, _cursor())
    shown = found[:PAGE]
    return live(
        "calls.html",
        filter=chosen,
        calls=shown,
        opted_out=opt_outs.of_numbers({call.to_number for call in shown}),
        older=str(shown[-1].id) if len(found) > PAGE else None,
        strip=None if chosen.searched or _cursor() else strip(chosen, context().now()),
        statuses=list(Status),
        periods=PERIODS,
        days={name: _day(request.args.get(name, "")) for name in ("from", "to")},
        ATTENTION=ATTENTION,
        busy=any(call.status in _BUSY for call in shown),
    )


@blueprint.post("/search")
@needs(Scope.READ)
def find() -> Redirect:
    """Take what was typed to where it leads; the address never holds a full number."""
    text, now = request.form.get("q", ""), context().now()
    hits = find_hits(text, now, context().vault)
    if len(hits) == 1:
        return redirect(hits[0].address, 303)
    sealed = seal_text(text.strip()[:200], now, context().vault)
    return redirect(url_for("pages_calls.choices", what=sealed), 303)


@blueprint.get("/search")
@needs(Scope.READ)
def choices() -> str:
    """Show the several things that something typed may be, or that it is none of ours."""
    text = open_text(request.args.get("what", ""), context().now(), context().vault)
    hits = find_hits(text or "", context().now(), context().vault)
    return render_template("search.html", text=text, hits=hits)


@blueprint.get("/calls.csv")
@needs(Scope.READ)
def as_csv() -> Response:
    """Give the calls of the current filter as a table for a spreadsheet, however many."""
    lines = csv_lines(_filter().wanted, reader())
    return Response(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="calls.csv"'},
    )


def strip(chosen: Filter, now: datetime, width: float = 440) -> Strip:
    """Give the figures of a filter's period and campaign; the chart is `width` wide."""
    wanted = chosen.wanted
    until = min(wanted.until, now) if wanted.until else now
    since = wanted.since or now - _ALL_TIME
    parts = cut(min(since, until), until, current_zone())
    period = figures.span(wanted.since, until) if wanted.since else None
    bars = figures.over_time(wanted.name, parts.span, parts.width)
    return Strip(
        add_up(figures.totals(wanted.name, period)),
        stacked(bars, parts.labels, parts.names, width, 96),
    )


def _filter() -> Filter:
    made = context()
    return read_filter(request.args, current_zone(), made.now(), made.vault)


def _day(text: str) -> str:
    """Give a day as it was written, or nothing if it is none."""
    return text if day_start(text, current_zone()) else ""


def _cursor() -> UUID | None:
    try:
        return UUID(request.args.get("before", ""))
    except ValueError:
        return None
