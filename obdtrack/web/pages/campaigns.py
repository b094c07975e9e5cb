"""Campaigns: how their calls ended, when they are answered, how often they are tried, the cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Redirect

from obdtrack.access.keys import Scope
from obdtrack.calls import search
from obdtrack.calls.search import SILENT, CallFilter
from obdtrack.campaigns import campaigns as with_plan
from obdtrack.campaigns import totals
from obdtrack.domain.status import FINAL, Status
from obdtrack.domain.trial import TRIAL_NAME
from obdtrack.errors import Code, ObdtrackError
from obdtrack.statistics import questions
from obdtrack.statistics.counters import HALF_HOUR, MOST_ATTEMPTS
from obdtrack.store import models
from obdtrack.store.columns import from_microseconds
from obdtrack.web.http.auth import look_up, needs, services
from obdtrack.web.http.paging import cut
from obdtrack.web.pages.campaign_figures import compare, hour_lines
from obdtrack.web.pages.campaign_state import planned
from obdtrack.web.pages.charts import Chart, ChartFigures, add_up, legend, stacked
from obdtrack.web.pages.filters import NO_PLACE, PERIODS, Filter, is_plain, read_filter, refusal
from obdtrack.web.pages.labels import GROUP
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import current_zone
from obdtrack.web.pages.template_helpers import live, reader
from obdtrack.web.pages.totals import (
    MOST_LOOKED_AT,
    Strip,
    count_reasons,
    make_strip,
    period_of,
)

blueprint = Blueprint("pages_campaigns", __name__, url_prefix="/campaigns")

PAGE = 50
_CALLS = 20
_PERIOD = ("period", "was", "from", "to")


class CampaignLine(NamedTuple):
    """A campaign in the list: when its newest call was placed, and how its calls ended.

    With a plan it has a state, and `done` of `all` its recipients are decided about.
    """

    name: str
    newest: datetime
    figures: ChartFigures
    state: str | None = None
    done: int = 0
    all: int = 0

    @property
    def percent(self) -> float:
        """How far it is."""
        return 100 * self.done / self.all if self.all else 0


class Attempts(NamedTuple):
    """How many calls were answered at which attempt, with each one's part of all in percent."""

    number: str
    calls: int
    percent: float


@blueprint.get("")
@needs(Scope.READ)
def index() -> Response:
    """List campaigns, the most recent first."""
    wrong: dict[str, str] = {}
    before = _cursor(wrong)
    found = [] if wrong else questions.campaigns(PAGE + 1, before)
    campaigns, older = cut(found, PAGE, lambda last: f"{last.slot}:{last.name}")
    sums = questions.of_campaigns([campaign.name for campaign in campaigns])
    shown = [
        CampaignLine(
            campaign.name,
            # to the half hour if its calls were deleted since
            search.last_placed(campaign.name) or from_microseconds(campaign.slot * HALF_HOUR),
            add_up(sums[campaign.name]),
        )
        for campaign in campaigns
    ]
    new = [] if wrong or before else with_plan.without_calls(PAGE)
    lines = [CampaignLine(one.name, one.changed_at, add_up([])) for one in new] + shown
    return live(
        "campaigns.html",
        campaigns=sorted(_with_plans(lines), key=lambda line: line.newest, reverse=True),
        legend=legend(part.status for line in shown for part in line.figures.parts),
        older=older,
        meaning_of=lambda name: _(GROUP[name].meaning),
        wrong=wrong,
    )


def _with_plans(lines: Sequence[CampaignLine]) -> list[CampaignLine]:
    """Return the lines with the states of those that have a plan."""
    plans = with_plan.named([line.name for line in lines])
    stored = totals.stored_of([one.id for one in plans.values()])
    found = []
    for line in lines:
        if one := plans.get(line.name):
            done, every = totals.done_of(stored[one.id])
            line = line._replace(state=one.state, done=done, all=every)
        found.append(line)
    return found


@blueprint.get("/<name:name>", merge_slashes=False)
@needs(Scope.READ)
def show(name: str) -> Response | Redirect:
    """Show one campaign; one with a plan can be named by its id as well.

    Test reports are none: their name leads to them in the list of calls.
    """

    def find() -> models.Campaign | bool | None:
        return with_plan.find(name) or questions.is_campaign(name) or None

    found = look_up(find)
    if found is None and name == TRIAL_NAME:
        return redirect(url_for("pages_calls.index", name=name, period="any"), 303)
    if found is None:
        raise ObdtrackError(Code.NOT_FOUND, "There is no campaign with this name.")
    campaign = found if isinstance(found, models.Campaign) else None
    name = campaign.name if campaign else name
    made, zone = services(), current_zone()
    period_only = MultiDict(
        {"period": "any", **{key: request.args[key] for key in _PERIOD if key in request.args}}
    )
    chosen = read_filter(period_only, zone, made.now(), made.encryption)
    if chosen.wrong:
        raise refusal(chosen.wrong)
    since, until = chosen.wanted.since, chosen.wanted.until
    chosen = chosen._replace(wanted=CallFilter(name=name, since=since, until=until))
    strip, calls = _strip(chosen), search.newest(chosen.wanted, _CALLS + 1)
    bars = questions.by_hour_of_day(name, period_of(chosen, made.now()), zone.shift(made.now()))
    ended: Any = sorted(FINAL)
    return live(
        "campaign.html",
        name=name,
        plan=campaign and planned(campaign, reader(), made),
        strip=strip,
        hours=answered_by_hour(bars),
        hour_lines=hour_lines(bars),
        hour_links=[
            url_for("pages_calls.index", **{**chosen.counted, "hour": hour, "status": ended})
            for hour in range(24)
        ],
        talk=search.talk(chosen.wanted, MOST_LOOKED_AT),
        most=MOST_LOOKED_AT,
        SILENT=SILENT,
        compared=compare(name, request.args.get("with")),
        attempts=attempts_needed(strip.figures),
        filter=chosen,
        reasons=count_reasons(chosen),
        periods=PERIODS,
        calls=calls[:_CALLS],
        is_cut=len(calls) > _CALLS,
    )


def _strip(chosen: Filter) -> Strip:
    """Return the figures of a campaign; those of any time are drawn from its first to last call."""
    name, now = chosen.wanted.name, services().now()
    life = questions.life(name) if name and chosen.period == "any" else None
    if life:
        since, until = (from_microseconds(slot * HALF_HOUR) for slot in life)
        chosen = chosen._replace(wanted=chosen.wanted._replace(since=since, until=until))
    return make_strip(chosen, now, 640)


def answered_by_hour(bars: list[questions.Bar]) -> Chart:
    """Return a chart of the calls that were answered and of those that were not, by hour of day."""
    either = [
        bar._replace(
            status=Status.COMPLETED if bar.status == Status.COMPLETED else Status.NO_ANSWER
        )
        for bar in bars
        if bar.status in FINAL
    ]
    labels = [f"{hour:02}" if hour % 3 == 0 else "" for hour in range(24)]
    names = [
        _("%(start)s to %(end)s", start=f"{hour:02}:00", end=f"{hour:02}:59") for hour in range(24)
    ]
    words: dict[str, str] = {
        Status.COMPLETED: _("Answered"),
        Status.NO_ANSWER: _(GROUP["not-answered"].word),
    }
    return stacked(either, labels, names, 640, 120, words)


def attempts_needed(figures: ChartFigures) -> list[Attempts]:
    """Return at which attempt calls were answered."""
    answered = sum(figures.attempts.values())
    return [
        Attempts(
            _("%(number)s or more", number=number) if number == MOST_ATTEMPTS else str(number),
            calls,
            round(100 * calls / answered, 1),
        )
        for number, calls in figures.attempts.items()
    ]


def _cursor(wrong: dict[str, str]) -> tuple[int, str] | None:
    before = request.args.get("before")
    if not before:
        return None
    slot, colon, name = before.partition(":")
    if not (colon and slot.isascii() and slot.isdigit() and len(slot) < 12 and is_plain(name)):
        wrong["before"] = NO_PLACE
        return None
    return int(slot), name
