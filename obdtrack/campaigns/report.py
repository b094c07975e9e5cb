"""What a campaign came to: its progress as figures, and tables of who was called and who was not.

The figures are those that are stored by the campaign's name; the tables add up to them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from obdtrack.calls import search
from obdtrack.calls.search import CallFilter
from obdtrack.calls.states import states_of
from obdtrack.campaigns import totals
from obdtrack.campaigns.campaigns import plan_of
from obdtrack.campaigns.figures import figures_of
from obdtrack.campaigns.halts import FAILURES, TOO_MANY_FAILED, last_failures
from obdtrack.domain.calling_hours import RingPlan
from obdtrack.domain.campaign import CampaignState, RecipientStatus, hours_of_plan
from obdtrack.domain.campaign_forecast import forecast
from obdtrack.domain.phone import masked
from obdtrack.domain.redaction import hide_within
from obdtrack.domain.status import Status
from obdtrack.domain.times import to_text
from obdtrack.services import Services
from obdtrack.statistics import questions
from obdtrack.statistics.counters import HALF_HOUR, MILLION
from obdtrack.statistics.questions import half_hour
from obdtrack.store import models
from obdtrack.store.columns import from_microseconds

SHOWN_FAILURES = 20

_BATCH = 500
_PACE_SPAN = timedelta(minutes=30)

Line = dict[str, Any]


def progress_view(campaign: models.Campaign, services: Services) -> Line:
    """Return how far a campaign is, from stored figures alone; amounts are exact decimal text.

    `per_minute` is its pace in this half hour and the one before.
    """
    figures, stored, now = figures_of(campaign.name), totals.stored(campaign.id), services.now()
    pace, left = _pace(campaign, now), stored[RecipientStatus.SCHEDULED]
    breaks = campaign.reason == TOO_MANY_FAILED
    failed = last_failures(campaign, SHOWN_FAILURES) if breaks else []
    percent = figures.answered_percent
    return {
        "calls": figures.calls.total(),
        "waiting": figures.waiting,
        "answered_percent": None if percent is None else str(percent),
        "cost": exact(figures.cost),
        "skipped": {key.partition("/")[2]: count for key, count in stored.items() if "/" in key},
        "per_minute": pace and round(pace, 1),
        "estimated_end_at": _estimated_end(campaign, left, pace, services),
        "failures": [
            {"call_id": call.id, "status": call.status, "reason": call.reason} for call in failed
        ],
    }


def _pace(campaign: models.Campaign, now: datetime) -> float | None:
    if campaign.started_at is None:
        return None
    begin = half_hour(now - _PACE_SPAN)
    calls = sum(one.calls for one in questions.totals(campaign.name, questions.span(begin, now)))
    since: datetime = max(begin, campaign.started_at)
    minutes = (now - since) / timedelta(minutes=1)
    return calls / max(minutes, 1.0)


def _estimated_end(
    campaign: models.Campaign, left: int, pace: float | None, services: Services
) -> str | None:
    """Return when the last of so many would be called at this pace, within the hours."""
    if not pace or campaign.state != CampaignState.RUNNING:
        return None
    try:
        plan = plan_of(campaign, services.encryption)
    except ValueError:  # it is about to fail
        return None
    settings = services.settings
    allowed = settings.hours_of(plan.call_type or settings.call_type)
    end = forecast(
        left,
        replace(plan, per_minute=max(1, round(pace))),
        hours_of_plan(plan, allowed, settings.calling_window_timezone),
        services.now(),
        RingPlan(timedelta(minutes=plan.interval), settings.redials),
    ).ends_at
    return to_text(end) if end else None


def lines(
    campaign: models.Campaign, by: str, zone: ZoneInfo, services: Services, *, numbers_in_full: bool
) -> Iterator[Line]:
    """Return the lines of a table of a campaign, read some at a time, with the same names in each.

    `by` is one of TABLES. Times are on the clocks of `zone`, amounts exact decimal text.
    """
    for line in TABLES[by](campaign, zone, services):
        number = line.get("to")
        if number is None or numbers_in_full:
            yield line
        else:
            yield {**hide_within(line, number, others=False), "to": masked(number)}


def _by_recipient(campaign: models.Campaign, zone: ZoneInfo, _: Services) -> Iterator[Line]:
    """Each row of the file, with its newest call, and what all of its calls cost."""
    for recipients in _batches(campaign.id):
        calls = _calls_of(recipients)
        for one in recipients:
            made = calls[one.id]
            newest = made[-1] if made else None
            priced = [Decimal(call.charges) for call in made if call.charges is not None]
            yield {
                "row": one.row,
                "to": one.to_number,
                "reference": one.reference,
                "status": newest.status if newest else one.status,
                "reason": newest.reason if newest else one.reason,
                "calls": len(made),
                "answered": newest and newest.answered,
                "call_id": newest and newest.id,
                "called_at": newest and _there(newest.created_at, zone),
                "duration_seconds": newest and newest.duration_seconds,
                "charges": exact(sum(priced)) if priced else None,
            }


def _by_attempt(campaign: models.Campaign, zone: ZoneInfo, _: Services) -> Iterator[Line]:
    """Each time a phone rang, newest calls first; a call that never rang has one line, too.

    What a call cost stands in its last line.
    """
    for calls in search.in_batches(CallFilter(campaign_id=campaign.id), _BATCH):
        states = states_of(calls)
        for call in calls:
            attempts = states[call.id].attempts or (None,)
            for attempt in attempts:
                facts = attempt or states[call.id]
                yield {
                    "call_id": call.id,
                    "retry_of": call.retry_of,
                    "to": call.to_number,
                    "reference": call.reference,
                    "called_at": _there(call.created_at, zone),
                    "attempt": attempt and attempt.number,
                    "status": facts.status,
                    "reason": facts.reason,
                    "answered": facts.answered,
                    "started_at": facts.started_at and _there(facts.started_at, zone),
                    "ended_at": facts.ended_at and _there(facts.ended_at, zone),
                    "duration_seconds": facts.duration_seconds,
                    "charges": call.charges if attempt is attempts[-1] else None,
                }


def _by_day(campaign: models.Campaign, zone: ZoneInfo, _: Services) -> Iterator[Line]:
    """Each day of the zone on which calls were placed, and what became of them."""
    figure = models.Statistic
    days: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for row in figure.select().where((figure.name == campaign.name) & (figure.slot >= 0)):
        day = from_microseconds(row.slot * HALF_HOUR).astimezone(zone).date()
        days[day].update({row.status: row.calls, "cost": row.cost})
    for day, counted in sorted(days.items()):
        calls = {status.value: counted[status] for status in Status if status != Status.SKIPPED}
        cost = exact(Decimal(counted["cost"]) / MILLION)
        yield {"day": day, "calls": sum(calls.values()), **calls, "charges": cost}


def _unsent(campaign: models.Campaign, _: ZoneInfo, services: Services) -> Iterator[Line]:
    """Who was not called: rows that wait or were skipped, as a file that can be imported."""
    statuses = (RecipientStatus.SCHEDULED, RecipientStatus.SKIPPED)
    return _to_import(campaign, services, statuses)


def _failed(campaign: models.Campaign, _: ZoneInfo, services: Services) -> Iterator[Line]:
    """Whose newest call failed or was rejected, as a file that can be imported."""
    return _to_import(campaign, services, [RecipientStatus.SENT], FAILURES)


def _to_import(
    campaign: models.Campaign,
    services: Services,
    statuses: Iterable[str],
    statuses_of_call: Collection[str] = (),
) -> Iterator[Line]:
    columns = {f"variables.{name}" for name in campaign.plan["variables"]}
    imports = models.RecipientImport
    for imported in imports.select().where(imports.campaign_id == campaign.id):
        mapping = imported.result.get("mapping", {})
        columns |= {name for name in mapping if name.startswith("variables.")}
    names: list[str] = []
    for recipients in _batches(campaign.id, statuses):
        calls = _calls_of(recipients)
        for one in recipients:
            newest = calls[one.id][-1].status if one.tries and calls[one.id] else None
            if (newest in statuses_of_call) if statuses_of_call else newest is None:
                sealed = one.variables_encrypted
                values = services.encryption.open(sealed) if sealed else {}
                own = {f"variables.{name}": value for name, value in values.items()}
                names = names or sorted(columns | own.keys())
                told = {name: own.get(name) for name in names}
                yield {"to": one.to_number, "reference": one.reference, **told}


def _batches(
    campaign_id: UUID, statuses: Iterable[str] = RecipientStatus
) -> Iterator[list[models.Recipient]]:
    """Return the recipients that stand so, status by status, by the index that knows who is due."""
    row = models.Recipient
    for status in statuses:
        query = row.select().where((row.campaign_id == campaign_id) & (row.status == status))
        query = query.order_by(row.due_at, row.id).limit(_BATCH)
        batch = list(query)
        while batch:
            yield batch
            last = batch[-1]
            batch = list(query.where((row.due_at == last.due_at) & (row.id > last.id)))
            batch = batch or list(query.where(row.due_at > last.due_at))


def _calls_of(recipients: Iterable[models.Recipient]) -> dict[UUID, list[models.Call]]:
    """Return the calls of each of these, oldest first."""
    call, called = models.Call, {one.to_number: one for one in recipients if one.call_id}
    calls: dict[UUID, list[models.Call]] = {one.id: [] for one in recipients}
    of_campaign = call.campaign_id.in_({one.campaign_id for one in recipients})
    query = call.select().where(call.to_number.in_(sorted(called)) & of_campaign)
    for made in query.order_by(call.id) if called else ():
        calls[called[made.to_number].id].append(made)
    return calls


def exact(amount: Decimal | int) -> str:
    """Return an amount as plain digits, no more than it needs."""
    return f"{Decimal(amount).normalize():f}"


def _there(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


TABLES: Mapping[str, Callable[[models.Campaign, ZoneInfo, Services], Iterator[Line]]] = {
    "recipient": _by_recipient,
    "attempt": _by_attempt,
    "day": _by_day,
    "unsent": _unsent,
    "failed": _failed,
}
"""The tables of a report by what each of their lines is about; two are files to import."""
