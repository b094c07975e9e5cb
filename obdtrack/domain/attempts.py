"""Which reports of a call are about the same dialling of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from obdtrack.domain.event import Event
from obdtrack.domain.report import adds_nothing
from obdtrack.domain.status import FINAL, Status
from obdtrack.domain.times import from_text


def group_attempts(reports: Iterable[Event], interval: int) -> list[list[Event]]:
    """Sort reports into attempts, oldest attempt first.

    One provider start time is one attempt. A report without one belongs to the last attempt that
    it agrees with. If there is none and redials were asked for, each end time, or each word where
    there is no time at all, is an attempt of its own; if they were not, there was only one attempt.
    """
    telling = [r for r in reports if r.detail.get("started_at") or r.status in FINAL]
    if len(telling) < 2:
        return [telling] if telling else []
    started: list[Event] = []
    ended: list[Event] = []
    bare: list[Event] = []
    for report in telling:
        if report.detail.get("started_at"):
            started.append(report)
        else:
            (ended if report.detail.get("ended_at") else bare).append(report)
    groups = _in_order(_apart(started, _mark))
    for loose in filter(None, (ended, bare)):
        # All homes are chosen before anyone moves in: the order of arrival must not matter.
        homes = [_home(report, groups, interval) for report in loose]
        strays: list[Event] = []
        for report, home in zip(loose, homes, strict=True):
            (strays if home is None else home).append(report)
        groups = _in_order(groups + _apart(strays, _mark if interval else _no_mark))
    return groups


def word_of(report: Event) -> str:
    """Give the provider's word of a report, or ours where it has none."""
    return str(report.detail.get("provider_status") or report.status or "")


def _apart(reports: Iterable[Event], mark: Callable[[Event], str]) -> list[list[Event]]:
    groups: dict[str, list[Event]] = {}
    for report in reports:
        groups.setdefault(mark(report), []).append(report)
    return list(groups.values())


def _mark(report: Event) -> str:
    return report.detail.get("started_at") or report.detail.get("ended_at") or word_of(report)


def _no_mark(_report: Event) -> str:
    return ""


def _home(report: Event, groups: Sequence[list[Event]], interval: int) -> list[Event] | None:
    # Beside a report that says all it says it changes nothing, so that is where it goes first:
    # had it come after that report, it would have been a duplicate and not be here at all.
    for belongs in (_repeats, _agrees):
        fitting = [group for group in groups if any(belongs(report, other) for other in group)]
        if fitting:
            return fitting[-1]
    return groups[-1] if groups and not interval else None


def _repeats(report: Event, other: Event) -> bool:
    return other.status == report.status and adds_nothing(report.detail, other.detail)


def _agrees(report: Event, other: Event) -> bool:
    end = report.detail.get("ended_at")
    return other.detail.get("ended_at") == end if end else other.status == report.status


def _in_order(groups: Iterable[list[Event]]) -> list[list[Event]]:
    """Sort attempts by the provider's clock, or by ours where it gave no time.

    Ours only tells when a report came, but an answered call is not dialled again: an attempt
    without a time that nobody answered was before the one that somebody did.
    """
    groups = list(groups)
    if len(groups) < 2:
        return groups
    answered = max((_begun(group) for group in groups if _answered(group)), default=None)

    def place(group: list[Event]) -> tuple[datetime, bool]:
        begun = _begun(group)
        if answered is None or _answered(group) or _told(group):
            return begun, True
        return min(begun, answered), False

    return sorted(groups, key=place)


def _begun(group: Sequence[Event]) -> datetime:
    return _told(group) or min(event.occurred_at or event.recorded_at for event in group)


def _told(group: Sequence[Event]) -> datetime | None:
    for name in ("started_at", "ended_at"):
        times = [time for event in group if (time := event.detail.get(name))]
        if times:
            return from_text(min(times))
    return None


def _answered(group: Sequence[Event]) -> bool:
    return any(event.status is Status.COMPLETED for event in group)
