"""A call's state, computed from its events and from nothing else.

Two kinds of events count. Claims are what we did or a person said (submission, answer, deadline,
resolution): the last one holds. Reports are facts about attempts: they beat every claim, whatever
the order or number of their arrivals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.event import Event
from obdtrack.domain.status import FINAL, Kind, Source, Status, strength
from obdtrack.domain.times import from_text


class Attempt(NamedTuple):
    """One dialling of the call, put together from every report about it.

    `as_of` is the provider's time for what it says, or ours if the provider gave none. `words` are
    the provider's words in order of weight; more than one final meaning is a `conflict`.
    """

    number: int
    status: Status | None
    reason: str | None
    answered: bool | None
    provider_status: str | None
    source: Source
    as_of: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: int | None
    charges: str | None
    dtmf: str | None
    hangup_by: str | None
    recording_url: str | None
    words: tuple[str, ...]
    conflict: bool
    event_ids: tuple[UUID, ...]


class CallState(NamedTuple):
    """Where a call stands, how we know (`status_source`) and since when (`status_as_of`)."""

    status: Status
    reason: str | None
    answered: bool | None
    provider_status: str | None
    status_source: Source
    status_as_of: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    charges: str | None = None
    dtmf: str | None = None
    hangup_by: str | None = None
    recording_url: str | None = None
    conflict: bool = False
    attempts: tuple[Attempt, ...] = ()


def fold(events: Iterable[Event], interval: int = 0) -> CallState:
    """Compute the state of one call; `interval` is its minutes between redials, 0 for none.

    Raises ValueError if no event says how the call began.
    """
    events = sorted(events, key=_recorded)
    reports = [event for event in events if event.kind is Kind.REPORT]
    claims = [event for event in events if event.kind is not Kind.REPORT and event.status]
    if not claims:
        raise ValueError("a call needs at least the event of its submission")
    attempts = tuple(
        _attempt(number, group)
        for number, group in enumerate(group_attempts(reports, interval), start=1)
    )
    decisive = [attempt for attempt in attempts if attempt.status in FINAL]
    if decisive:
        return _decided(decisive[-1], attempts, claims)
    return _undecided(claims, reports, attempts)


def group_attempts(reports: Sequence[Event], interval: int) -> list[list[Event]]:
    """Sort reports into attempts, oldest attempt first.

    One provider start time is one attempt. A report without one belongs to an attempt that it
    agrees with; else, when redials were asked for, each word is an attempt of its own, and when
    they were not, there was only one attempt.
    """
    timed: dict[str, list[Event]] = {}
    loose: list[Event] = []
    for report in reports:
        start: str | None = report.detail.get("started_at")
        if start is not None:
            timed.setdefault(start, []).append(report)
        elif report.status in FINAL:
            loose.append(report)
    groups = [timed[start] for start in sorted(timed)]
    apart: dict[str, list[Event]] = {}
    for report in loose:
        home = _home(report, groups, interval)
        if home is None:
            apart.setdefault(_word(report) if interval else "", []).append(report)
        else:
            home.append(report)
    return sorted(groups + list(apart.values()), key=_begun)


def _home(report: Event, groups: list[list[Event]], interval: int) -> list[Event] | None:
    agreeing = [group for group in groups if any(_agree(report, other) for other in group)]
    if agreeing:
        return agreeing[-1]
    return groups[-1] if groups and not interval else None


def _agree(report: Event, other: Event) -> bool:
    end = report.detail.get("ended_at")
    return other.status == report.status and end in (None, other.detail.get("ended_at"))


def _attempt(number: int, group: Sequence[Event]) -> Attempt:
    ranked = sorted(group, key=_weight, reverse=True)
    first = ranked[0]
    finals = {event.status for event in group if event.status in FINAL}

    def fact(name: str) -> Any:
        return next((v for event in ranked if (v := event.detail.get(name)) is not None), None)

    return Attempt(
        number=number,
        status=first.status,
        reason=first.reason,
        answered=fact("answered"),
        provider_status=first.detail.get("provider_status"),
        source=first.source,
        as_of=first.occurred_at or first.recorded_at,
        started_at=_time(fact("started_at")),
        ended_at=_time(fact("ended_at")),
        duration_seconds=fact("duration_seconds"),
        charges=fact("charges"),
        dtmf=fact("dtmf"),
        hangup_by=fact("hangup_by"),
        recording_url=fact("recording_url"),
        words=tuple(dict.fromkeys(_word(event) for event in ranked)),
        conflict=len(finals) > 1,
        event_ids=tuple(event.id for event in group),
    )


def _decided(last: Attempt, attempts: tuple[Attempt, ...], claims: Sequence[Event]) -> CallState:
    assert last.status is not None
    return CallState(
        status=last.status,
        reason=last.reason,
        answered=last.answered,
        provider_status=last.provider_status,
        status_source=last.source,
        status_as_of=last.as_of,
        started_at=last.started_at,
        ended_at=last.ended_at,
        duration_seconds=last.duration_seconds,
        charges=last.charges or _claimed(claims, "charges"),
        dtmf=last.dtmf,
        hangup_by=last.hangup_by,
        recording_url=last.recording_url,
        conflict=any(attempt.conflict for attempt in attempts),
        attempts=attempts,
    )


def _undecided(
    claims: Sequence[Event], reports: Sequence[Event], attempts: tuple[Attempt, ...]
) -> CallState:
    claim = claims[-1]
    word = _claimed(claims, "provider_status")
    if reports:
        latest = max(reports, key=_weight_by_time)
        word = latest.detail.get("provider_status") or word
        if claim.status in (Status.SUBMITTING, Status.UNKNOWN):
            # A report of any kind proves that the provider has the call.
            claim = latest._replace(status=Status.QUEUED)
    assert claim.status is not None
    return CallState(
        status=claim.status,
        reason=claim.reason,
        answered=None,
        provider_status=word,
        status_source=claim.source,
        status_as_of=claim.recorded_at,
        started_at=attempts[-1].started_at if attempts else None,
        charges=_claimed(claims, "charges"),
        attempts=attempts,
    )


def _recorded(event: Event) -> tuple[datetime, UUID]:
    return event.recorded_at, event.id


def _word(report: Event) -> str:
    return str(report.detail.get("provider_status") or report.status or "")


def _begun(group: Sequence[Event]) -> datetime:
    return min(_time(e.detail.get("started_at")) or e.occurred_at or e.recorded_at for e in group)


def _weight(report: Event) -> tuple[int, bool, str, int, str, str]:
    """Order the reports of one attempt by how much they say, never by when they arrived."""
    return (
        strength(report.status),
        report.source is Source.WEBHOOK,
        report.detail.get("ended_at") or "",
        report.detail.get("duration_seconds") or 0,
        _word(report),
        repr(sorted(report.detail.items(), key=_name)),
    )


def _weight_by_time(report: Event) -> tuple[str, tuple[int, bool, str, int, str, str]]:
    return report.detail.get("started_at") or "", _weight(report)


def _name(item: tuple[str, Any]) -> str:
    return item[0]


def _claimed(claims: Sequence[Event], name: str) -> Any:
    return next((v for c in reversed(claims) if (v := c.detail.get(name)) is not None), None)


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
