"""The rules by which trouble is an alarm, each a look at what the database knows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import humanize
import structlog

from obdtrack.campaigns.follow import SPARED
from obdtrack.campaigns.halts import FAILURES, last_failures
from obdtrack.domain.campaign import HALTED, CampaignState
from obdtrack.domain.destination import DestinationState
from obdtrack.domain.phone import masked
from obdtrack.domain.status import FINAL, Outcome, Status
from obdtrack.domain.submission import Failure
from obdtrack.notifications.alarms import Subject, Trouble, follow, open_alarms
from obdtrack.operations.backup import BACKED_UP
from obdtrack.operations.system_status import (
    check_clock,
    last_report_at,
    only_polled,
    silent_calls,
)
from obdtrack.services import Services
from obdtrack.settings import AUTO, PREFIX
from obdtrack.store import leases, models
from obdtrack.store.columns import from_microseconds
from obdtrack.store.sqlite import SqliteStore

log = structlog.get_logger()

LAST_CALLS = 200
"""Of so many of the newest calls some must not be known by polling alone."""

EXAMPLES = 5

_BACKUP_AGE = timedelta(days=2)
_MINIMUM = 30
"""Ended calls of a bridge without which a rate says little, in the last hour and before."""

_SAMPLE = 1000
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_QUARTER = timedelta(minutes=15)
_REJOINED_BY_THEN = timedelta(minutes=5)
_MEBIBYTE = 1024**2
_MORE = 1.25


class RuleCase(NamedTuple):
    """What a rule is given: its setting, and whether its alarm about something is open.

    An alarm ends later than it would open, so that a figure at the limit does not raise it anew.
    """

    services: Services
    now: datetime
    limit: Any
    held: frozenset[str]

    def reached(self, figure: float, subject: str = "") -> bool:
        """Whether a figure is high enough: above half of the limit while the alarm is open."""
        return figure > self.limit / 2 if subject in self.held else bool(figure >= self.limit)


class Found(NamedTuple):
    """One trouble: what is wrong, in a sentence, about which subject, with examples.

    `to_do` is what to do if that is not the rule's own.
    """

    what: str
    calls: Sequence[UUID] = ()
    subject: str = ""
    since: datetime | None = None
    to_do: str | None = None


class Rule(NamedTuple):
    """A rule: the setting `alarm_{name}` is its limit. `title` is a mail's subject."""

    name: str
    title: str
    look: Callable[[RuleCase], Iterable[Found]]
    to_do: str


def _silent(here: RuleCase) -> Iterator[Found]:
    heard = last_report_at(Outcome.MATCHED)
    calls = silent_calls(heard - here.services.settings.poll_schedule[0]) if heard else []
    if here.reached(len(calls)):
        what = f"{_many(len(calls), 'accepted call')} never got a report, though others did."
        yield Found(what, calls)


def _polled(here: RuleCase) -> Iterator[Found]:
    made_before = here.now - here.services.settings.poll_schedule[0]
    calls = only_polled(made_before, LAST_CALLS)
    if here.reached(100 * len(calls) / LAST_CALLS):
        yield Found(
            f"Of the last {LAST_CALLS} calls, {len(calls)} are known only because the provider was "
            "asked: their reports never came.",
            calls,
        )


def _unknown(here: RuleCase) -> Iterator[Found]:
    call = models.Call
    old = (call.status == Status.UNKNOWN) & (call.created_at <= here.now - here.limit)
    rows = list(call.select(call.id, call.created_at).where(old).order_by(call.id).limit(_SAMPLE))
    if rows:
        what = f"Nobody knows of {_many(len(rows), 'call')} whether the phone rang."
        yield Found(what, [row.id for row in rows], since=rows[0].created_at)


def _failures(here: RuleCase) -> Iterator[Found]:
    """Compare each bridge's failures of the last hour with those of its last seven days."""
    begun = here.now - _HOUR
    recent = _ended(begun, here.now, newest=True)
    suspects = {
        bridge: here.services.encryption.fingerprint(bridge.encode())
        for bridge, ended in recent.items()
        if len(ended) >= _MINIMUM
    }
    suspects = {b: name for b, name in suspects.items() if here.reached(_failed(recent[b]), name)}
    days = [here.now - days * _DAY for days in range(7, 0, -1)] if suspects else []
    usual = [_ended(day, min(day + _DAY, begun)) for day in days]
    for bridge, name in suspects.items():
        before = [one for ended in usual for one in ended.get(bridge, ())]
        now, then = _failed(recent[bridge]), _failed(before)
        if len(before) >= _MINIMUM and here.reached(now - then, name):
            yield Found(
                f"In the last hour {now:.0f} % of the calls from {masked(bridge)} failed, in the "
                f"seven days before {then:.0f} %.",
                [one.id for one in recent[bridge] if one.status in FAILURES],
                name,
            )


class EndedCall(NamedTuple):
    """A call that ended, and how."""

    id: UUID
    status: str


def _ended(begin: datetime, end: datetime, *, newest: bool = False) -> dict[str, list[EndedCall]]:
    """Return which of the first, or the newest, calls of this time ended, by bridge."""
    call, submission = models.Call, models.Submission
    some = (
        call.select(call.id, call.status, call.reason, call.submission)
        .where((call.created_at >= begin) & (call.created_at < end))
        .order_by(call.created_at.desc() if newest else call.created_at)
        .limit(_SAMPLE)
        .alias("newest")
    )
    rows: Any = (
        call.select(some.c.id, some.c.status, some.c.reason, submission.bridge)
        .from_(some)
        .join(submission, on=(submission.id == some.c.submission_id))
        .tuples()
    )
    found: dict[str, list[EndedCall]] = {}
    for call_id, status, reason, bridge in rows:
        if status in FINAL or (status == Status.REJECTED and reason not in SPARED):
            found.setdefault(bridge, []).append(EndedCall(call_id, status))
    return found


def _failed(ended: Sequence[EndedCall]) -> float:
    return 100 * sum(one.status in FAILURES for one in ended) / len(ended) if ended else 0.0


def _unauthorized(here: RuleCase) -> Iterator[Found]:
    """Also once nobody asks any more: it is over when the provider takes the token again."""
    response, call = models.ResponseRow, models.Call
    columns = (response.failure, response.call_id, response.submission_id, response.responded_at)
    newest = list(
        response.select(*columns, response.http_status)
        .order_by(response.id.desc())
        .limit(LAST_CALLS)
    )
    newest = [row for row in newest if row.http_status]  # the others say nothing of the token
    refused = [row for row in newest if row.failure == Failure.INVALID_TOKEN]
    lately = [row for row in refused if row.responded_at > here.now - _QUARTER]
    refused_still = bool(refused) and refused[0] is newest[0]
    if here.reached(len(lately)) or (here.held and (lately or refused_still)):
        some = refused[:EXAMPLES]
        of = call.submission.in_([row.submission_id for row in some if row.submission_id])
        calls = [row.call_id for row in some if row.call_id]
        calls += [row.id for row in call.select(call.id).where(of).limit(EXAMPLES)]
        yield Found("The provider does not accept our token.", calls)


def _wrong_secret(here: RuleCase) -> Iterator[Found]:
    delivery = models.Delivery
    newest = (
        delivery.select(delivery.received_at)
        .where(delivery.outcome == Outcome.REJECTED)
        .order_by(delivery.id.desc())
        .limit(_SAMPLE)
    )
    count = sum(row.received_at > here.now - _HOUR for row in newest)
    if here.reached(count):
        many = _many(count, "request")
        yield Found(f"In the last hour {many} to the callback had a wrong secret.")


def _unmatched(here: RuleCase) -> Iterator[Found]:
    """Look for reports of the last day that fit no call though they name one or our submission."""
    call, delivery = models.Call, models.Delivery
    columns = (delivery.mid, delivery.provider, delivery.call_id, delivery.received_at)
    newest = (
        delivery.select(*columns)
        .where(delivery.outcome == Outcome.UNMATCHED)
        .order_by(delivery.id.desc())
        .limit(_SAMPLE)
    )
    # A younger one may be joined to its call yet.
    waiting = [row for row in newest if _DAY >= here.now - row.received_at >= _REJOINED_BY_THEN]
    ours = submissions_of(row.mid for row in waiting)
    named = [row for row in waiting if row.call_id or (row.mid, row.provider) in ours]
    if here.reached(len(named)):
        mids = [row.mid for row in named if row.mid][:EXAMPLES]
        calls = [row.call_id for row in named if row.call_id]
        calls += [row.id for row in call.select(call.id).where(call.mid.in_(mids)).limit(EXAMPLES)]
        yield Found(
            f"{_many(len(named), 'report')} of the last day named a submission of ours, and fit "
            "none of its calls.",
            list(dict.fromkeys(calls)),
        )


def submissions_of(mids: Iterable[str | None]) -> set[tuple[str, str]]:
    """Return which of the provider's names for submissions are those of ours, with the provider."""
    call, wanted = models.Call, sorted({mid for mid in mids if mid})
    found: Any = call.select(call.mid, call.provider).where(call.mid.in_(wanted)).distinct()
    return set(found.tuples()) if wanted else set()


def _destination(here: RuleCase) -> Iterator[Found]:
    destination = models.Destination
    long = destination.failing_since <= here.now - here.limit
    failing = (destination.state == DestinationState.ACTIVE) & long
    disabled = destination.state == DestinationState.DISABLED
    for row in destination.select().where(failing | disabled):
        where, since = urlsplit(row.url).hostname, row.failing_since
        what = f"The destination at {where} takes nothing of what it is sent."
        if row.state == DestinationState.DISABLED:
            what = f"The destination at {where} was disabled: it is sent nothing any more."
            since = since or row.changed_at
        yield Found(what, subject=str(row.id), since=since)


def _campaign(here: RuleCase) -> Iterator[Found]:
    campaign = models.Campaign
    halted = campaign.state.in_([CampaignState.PAUSING, CampaignState.PAUSED])
    by_itself = halted & campaign.reason.is_null(False)
    columns = (campaign.id, campaign.name, campaign.reason, campaign.changed_at)
    for row in campaign.select(*columns).where(by_itself):
        if row.reason and row.changed_at <= here.now - here.limit:
            why = HALTED.get(row.reason, row.reason)
            what = f'The campaign "{row.name}" paused by itself: {why}.'
            calls = [call.id for call in last_failures(row, EXAMPLES)]
            yield Found(what, calls, str(row.id), row.changed_at)


def _disk(here: RuleCase) -> Iterator[Found]:
    store = here.services.store
    if not isinstance(store, SqliteStore):
        return
    free = shutil.disk_usage(Path(store.title).parent).free
    if free < here.limit * _MEBIBYTE * (_MORE if here.held else 1):
        size = humanize.naturalsize(free, binary=True)
        yield Found(f"The disk of the database has {size} left.")


def _backup(here: RuleCase) -> Iterator[Found]:
    stored = leases.counters([BACKED_UP])[BACKED_UP]
    made = from_microseconds(stored) if stored else None
    limit = _BACKUP_AGE if here.limit == AUTO else here.limit
    if made is None and here.limit != AUTO:
        yield Found("No backup was ever noted.")
    elif made is not None and here.now - made > limit:
        yield Found(f"The last backup is older than {humanize.precisedelta(limit)}.", since=made)


def _clock(here: RuleCase) -> Iterator[Found]:
    skew = check_clock(here.services)
    if skew is not None and abs(skew.offset) >= here.limit:
        text, _, remedy = skew.sentence().rstrip(".").rpartition(": ")
        yield Found(f"{text}.", to_do=f"{remedy}.")


def _many(count: int, what: str) -> str:
    more = " or more" if count == _SAMPLE else ""
    return f"{count}{more} {what}{'' if count == 1 else 's'}"


_LOST = (
    "see that reports reach obdtrack: `python -m obdtrack webhook test`; ask the provider about "
    "the calls if they do."
)

RULES = (
    Rule("silent", "Calls without a report", _silent, _LOST),
    Rule("polled", "Reports are being lost", _polled, _LOST),
    Rule(
        "unknown",
        "Calls nobody knows about",
        _unknown,
        "they are looked up by themselves; decide about those that stay, on their pages or by "
        "`POST /api/v1/calls/{id}/resolve`.",
    ),
    Rule(
        "failures",
        "Many more calls fail than usual",
        _failures,
        "look at why the calls failed, and ask the provider about this calling number.",
    ),
    Rule(
        "unauthorized",
        "The provider refuses our token",
        _unauthorized,
        f"create a token in the provider's portal, set {PREFIX}PROVIDER_TOKEN, and restart.",
    ),
    Rule(
        "wrong_secret",
        "Requests with a wrong secret",
        _wrong_secret,
        "compare the secret of the provider's webhook with the setting; if they are the same, "
        "somebody is guessing. What was refused is kept, and can be replayed.",
    ),
    Rule(
        "unmatched",
        "Reports that fit none of our calls",
        _unmatched,
        "look at `GET /api/v1/deliveries?outcome=unmatched`, and ask the provider.",
    ),
    Rule(
        "destination",
        "A destination takes nothing",
        _destination,
        "see why in its log of notifications, mend it, then resume it and recover what it missed.",
    ),
    Rule(
        "campaign",
        "A campaign paused by itself",
        _campaign,
        "see docs/campaigns.md for what pauses it; then resume or stop it.",
    ),
    Rule(
        "disk",
        "The disk is nearly full",
        _disk,
        "free some space, or move the database: while the disk is full, reports are refused.",
    ),
    Rule(
        "backup",
        "There is no recent backup",
        _backup,
        "make one: `python -m obdtrack backup FILE`; have one that is made by other means noted: "
        "`python -m obdtrack backup --note`.",
    ),
    Rule("clock", "The provider's times do not fit ours", _clock, ""),
)


def look_for_trouble(services: Services) -> None:
    """Look by each rule, and open and end alarms accordingly; a rule that fails decides nothing."""
    held: dict[str, set[str]] = {}
    for row in open_alarms():
        held.setdefault(row.rule, set()).add(row.subject)
    found: dict[Subject, Trouble] = {}
    undecided = set()
    for rule in RULES:
        limit = getattr(services.settings, f"alarm_{rule.name}")
        if limit is None:
            continue
        here = RuleCase(services, services.now(), limit, frozenset(held.get(rule.name, ())))
        try:
            for one in rule.look(here):
                calls, to_do = tuple(one.calls[:EXAMPLES]), one.to_do or rule.to_do
                trouble = Trouble(rule.title, one.what, to_do, calls, one.since)
                found[rule.name, one.subject] = trouble
        except Exception:
            log.exception("alarm_rule_failed", rule=rule.name)
            undecided.add(rule.name)
    follow(found, undecided, services)
