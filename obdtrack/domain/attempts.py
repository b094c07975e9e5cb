"""Which reports of a call are about the same dialling of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from obdtrack.domain.events import Event
from obdtrack.domain.reports import adds_nothing
from obdtrack.domain.status import FINAL, Status
from obdtrack.domain.times import from_text

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def group_attempts(reports: Iterable[Event], interval: int) -> list[list[Event]]:
    """Return the reports sorted into attempts, oldest attempt first.

    Without redials (`interval` 0) all are about the one attempt there was, whatever times they
    give: clocks, zones and fractions of a second differ between a webhook and a poll. With redials
    `interval` is the minutes between them, and what lies nearer than half of it to an attempt's
    start, or inside its span, is about that attempt. A report without a start belongs to the
    attempt that its end fits, one without any time to the last that has its word; if there is
    none, each end, or each word, is an attempt of its own.
    """
    telling = [r for r in reports if r.detail.get("started_at") or r.status in FINAL]
    if len(telling) < 2 or not interval:
        return [telling] if telling else []
    near = timedelta(minutes=interval) / 2
    started = [report for report in telling if _start(report)]
    unstarted = [report for report in telling if not _start(report)]
    groups = _settle(
        [report for report in unstarted if _end(report)],
        _in_order(_neighbours(started, near)),
        lambda report, groups: _nearest(report, groups, near),
        lambda strays: _neighbours(strays, near),
    )
    bare = [report for report in unstarted if not _end(report)]
    return _settle(bare, groups, _of_same_status, _by_word)


def word_of(report: Event) -> str:
    """Return the provider's word of a report, or ours where it has none."""
    return str(report.detail.get("provider_status") or report.status or "")


def _settle(
    reports: Sequence[Event],
    groups: list[list[Event]],
    fitting: Callable[[Event, Sequence[list[Event]]], list[Event] | None],
    apart: Callable[[Sequence[Event]], list[list[Event]]],
) -> list[list[Event]]:
    """Return the attempts with these reports in them, or in attempts of their own.

    All homes are chosen before anyone moves in: the order of arrival must not matter. Beside a
    report that says all it says a report changes nothing, so that is where it goes first: had it
    come after that one, it would have been a duplicate and not be here at all.
    """
    homes = [_last_with(_repeats, r, groups) or fitting(r, groups) for r in reports]
    strays: list[Event] = []
    for report, home in zip(reports, homes, strict=True):
        (strays if home is None else home).append(report)
    return _in_order([*groups, *apart(strays)]) if strays else groups


def _neighbours(reports: Sequence[Event], near: timedelta) -> list[list[Event]]:
    """Return reports grouped by their start, or by their end if they have none, oldest first.

    Each group is measured from its earliest report, so that no chain of neighbours grows beyond
    what is near, and up to its latest end.
    """
    groups: list[list[Event]] = []
    begun = until = _LONG_AGO
    for moment, report in sorted(((_moment(r), r) for r in reports), key=lambda pair: pair[0]):
        if moment - begun < near or moment < until:
            groups[-1].append(report)
        else:
            groups.append([report])
            begun = until = moment
        until = max(until, _end(report) or moment)
    return groups


def _nearest(report: Event, groups: Sequence[list[Event]], near: timedelta) -> list[Event] | None:
    """Return the attempt whose span the report's end lies in, or else lies nearest to."""
    ended = _moment(report)

    def distance(group: Sequence[Event]) -> timedelta:
        begun = min(map(_moment, group))
        until = max(_end(event) or begun for event in group)
        return max(begun - ended, ended - until, timedelta(0))

    closest = min(groups, key=distance, default=None)
    return closest if closest is not None and distance(closest) < near else None


def _of_same_status(report: Event, groups: Sequence[list[Event]]) -> list[Event] | None:
    return _last_with(lambda new, other: new.status == other.status, report, groups)


def _by_word(reports: Sequence[Event]) -> list[list[Event]]:
    groups: dict[str, list[Event]] = {}
    for report in reports:
        groups.setdefault(word_of(report), []).append(report)
    return list(groups.values())


def _last_with(
    belongs: Callable[[Event, Event], bool], report: Event, groups: Sequence[list[Event]]
) -> list[Event] | None:
    fitting = (group for group in reversed(groups) if any(belongs(report, e) for e in group))
    return next(fitting, None)


def _repeats(report: Event, other: Event) -> bool:
    return other.status == report.status and adds_nothing(report.detail, other.detail)


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
    starts = list(filter(None, map(_start, group)))
    return min(starts or filter(None, map(_end, group)), default=None)


def _start(report: Event) -> datetime | None:
    text = report.detail.get("started_at")
    return from_text(text) if text else None


def _end(report: Event) -> datetime | None:
    text = report.detail.get("ended_at")
    return from_text(text) if text else None


def _moment(report: Event) -> datetime:
    moment = _start(report) or _end(report)
    assert moment is not None, "only reports with a time are grouped by it"
    return moment


def _answered(group: Sequence[Event]) -> bool:
    return any(event.status is Status.COMPLETED for event in group)
