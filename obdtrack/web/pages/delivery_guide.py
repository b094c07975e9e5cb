"""What to do about one request to the callback: how it is read, what helps, whose it may be."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from obdtrack.calls import search
from obdtrack.calls.give_report import GIVABLE, possible_calls, when_of
from obdtrack.calls.queries import CallRow
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.record import call_of
from obdtrack.domain.phone import whole
from obdtrack.domain.reports import Challenge, OptOut, Reading, Report, Several
from obdtrack.domain.status import Outcome
from obdtrack.domain.trial import is_trial
from obdtrack.providers.base import ComposedReports, Explanation, Provider
from obdtrack.store import models
from obdtrack.web.http.auth import services
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import translated

LONGEST = 8192
"""A longer body is no report as the provider sends them, and reading fifty of them takes long."""

_MOST_CALLS = 10


class Match(NamedTuple):
    """What a reading is, and the call it would be put on now, or why on none."""

    what: str
    call: models.Call | None = None
    why: str | None = None


class Guide(NamedTuple):
    """What a page says about one request.

    `setting` is the line to copy, if one would help, and `then` what the request is with it.
    `possible` are the calls that a person may give it to, those nearest to `around` first; None
    if it is no report that waits for one. `waits` is whether a person should look at it.
    """

    explained: Explanation | None
    now: Match
    setting: str | None
    then: Match
    possible: list[models.Call] | None
    around: datetime | None
    waits: bool
    is_test: bool


def guide_to(row: models.Delivery, call: models.Call | None) -> Guide:
    """Return what to do about a request, whose call is `call` if it has one."""
    provider = services().provider_of(row)
    explained = _explained(row, provider)
    reading = explained.reading if explained else deliveries.read_again(row, provider)
    open_still = row.call_id is None or row.outcome == Outcome.FAILED
    waits = row.outcome in _WAITING and row.reviewed_at is None and open_still
    setting, then = None, None
    if explained and explained.suggestions and row.outcome != Outcome.REJECTED:
        mapping = ",".join(f"{ours}={theirs}" for ours, theirs in explained.mapping.items())
        setting, then = f"OBDTRACK_WEBHOOK_FIELDS={mapping}", explained.then
    possible, around = None, None
    if isinstance(reading, Report) and row.outcome in GIVABLE:
        possible, around = possible_calls(reading, row, _MOST_CALLS), when_of(reading, row)
    return Guide(
        explained,
        _match(reading, row, provider),
        setting,
        _match(then, row, provider),
        possible,
        around,
        waits,
        call is not None and is_trial(call.name, call.to_number),
    )


def _explained(row: models.Delivery, provider: Provider) -> Explanation | None:
    if not isinstance(provider, ComposedReports) or len(row.body) > LONGEST:
        return None
    try:
        return provider.explain(deliveries.to_stored(row).raw, whole(services().settings.bridge))
    except Exception:  # a request that nobody can read has a page all the same
        return None


def _match(reading: Reading | None, row: models.Delivery, provider: Provider) -> Match:
    what = _what(reading)
    if not isinstance(reading, Report) or row.outcome not in _UNSETTLED:
        return Match(what)
    found = call_of(reading, provider)
    if isinstance(found, CallRow):
        return Match(what, search.by_id([found.id]).get(found.id))
    return Match(what, why=translated(found))


_WAITING = (Outcome.UNMATCHED, Outcome.UNREADABLE, Outcome.FAILED)
_UNSETTLED = (*_WAITING, Outcome.IGNORED)
"""Outcomes of requests that reprocessing may put on a call's timeline."""


def _what(reading: Reading | None) -> str:
    match reading:
        case Report(provider_id=str()):
            return _("a report that names its call")
        case Report(mid=str(), to=str()):
            return _("a report that names its call by submission and number")
        case Report(mid=str()):
            return _("a report that names its submission, which is enough if that is of one number")
        case Report():
            return _("a report that does not say which call it is about")
        case OptOut():
            return _("an opt-out, which is no report about a call")
        case Challenge():
            return _("the challenge of a new webhook")
        case Several(parts):
            return _("%(number)s requests in one, each of which is a delivery", number=len(parts))
    return _("no report")
