"""Checks what came in: the provider's time zone, reports that never came, work left lying."""

from __future__ import annotations

from collections.abc import Callable

from humanize import naturaldelta

from obdtrack.domain.clock_offset import A_ZONE
from obdtrack.domain.status import Outcome, Status
from obdtrack.operations.doctor.result import CheckedInstallation, CheckResult, Level, ok, problem
from obdtrack.operations.system_status import (
    CAP,
    LOOKED_AT,
    OVERDUE,
    Queue,
    SystemStatus,
    current_status,
    recent_ends,
)
from obdtrack.store.connections import connected

_LOST = "check that reports reach us: python -m obdtrack webhook test"


def check_zone(subject: CheckedInstallation) -> CheckResult:
    """Compare reported end times with their receipt, over the last reports."""
    stock, services = _stock(subject), subject.with_database()
    if stock.skew is None:
        with connected(services.store):
            ends = recent_ends(services)
        if stale := sum(abs(end.stored - end.read) > A_ZONE / 2 for end in ends):
            return problem(
                f"the times of {stale} of the last {len(ends)} reports were read in another zone",
                "python -m obdtrack rebuild",
            )
        return ok(f"{services.provider.timezone}; no clock offset detected")
    text, _, remedy = stock.skew.sentence().rstrip(".").rpartition(": ")
    return problem(text, remedy)


def check_reports(subject: CheckedInstallation) -> CheckResult:
    """Look for calls whose report should have come and did not."""
    stock = _stock(subject)
    for level, holds, text, remedy, about in _LOSSES:
        if holds(stock, subject):
            sentence = text.format(stock=stock, looked_at=LOOKED_AT)
            if stock.rejected:
                sentence += f"; {stock.rejected} requests had a wrong secret"
            return CheckResult(level, sentence, remedy, about)
    age = stock.age(stock.last_report_at)
    last = "none has arrived yet" if age is None else f"the last arrived {naturaldelta(age)} ago"
    return ok(f"{last}; none is missing, and no outcome had to be found by polling")


def check_backlog(subject: CheckedInstallation) -> CheckResult:
    """Look for work that nobody does, then for what waits for a person."""
    stock = _stock(subject)
    for level, read, text, remedy, about in _LEFT_LYING:
        queue = read(stock)
        if queue.length:
            many = f"{queue.length}{' or more' if queue.length >= CAP else ''}"
            age = naturaldelta(stock.age(queue.since) or 0)
            return CheckResult(level, text.format(many=many, age=age), remedy, about)
    return ok("no backlog")


def _stock(subject: CheckedInstallation) -> SystemStatus:
    services = subject.with_database()
    with connected(services.store):
        return current_status(services)


def _nothing_comes(stock: SystemStatus, subject: CheckedInstallation) -> bool:
    """Whether accepted calls wait and no report at all has come since the first of them."""
    since = stock.calls[Status.QUEUED].since
    if since is None or stock.taken_at - since < subject.settings.poll_schedule[0]:
        return False
    return stock.last_report_at is None or stock.last_report_at < since


_Loss = tuple[Level, Callable[[SystemStatus, CheckedInstallation], object], str, str, str]

_LOSSES: tuple[_Loss, ...] = (
    (
        Level.PROBLEM,
        _nothing_comes,
        "{stock.calls[queued].length} accepted calls are waiting, and no report has arrived since "
        "the first",
        _LOST,
        "calls?status=queued",
    ),
    (
        Level.PROBLEM,
        lambda stock, _: stock.only_polled,
        "{stock.only_polled} of the last {looked_at} calls are known only by polling, "
        "{stock.repaired} were repaired by it since the beginning: any number but zero repaired "
        "by polling means webhooks are being lost",
        _LOST,
        "calls?source=poll",
    ),
    (
        Level.PROBLEM,
        lambda stock, _: stock.silent,
        "{stock.silent} accepted calls received no report, though later ones did",
        f"{_LOST}; contact the provider about these calls: GET /api/v1/calls?status=queued",
        "calls?status=queued",
    ),
    (
        Level.WARNING,
        lambda stock, _: stock.repaired,
        "{stock.repaired} outcomes were repaired by polling since the beginning, but the reports "
        "of the last {looked_at} calls are there by now: any number but zero means webhooks are "
        "being lost, or were",
        _LOST,
        "calls?source=poll",
    ),
)


_START = "start `serve` with OBDTRACK_JOBS=true, or `worker` for what no `worker --only` does"


def _overdue(stock: SystemStatus) -> Queue:
    age = stock.age(stock.due.since)
    return stock.due if age is not None and age > OVERDUE.total_seconds() else Queue(0, None)


_LEFT_LYING: tuple[tuple[Level, Callable[[SystemStatus], Queue], str, str, str | None], ...] = (
    (
        Level.PROBLEM,
        _overdue,
        "{many} calls are due to be polled, the first for {age}: nothing is polling",
        _START,
        None,
    ),
    (
        Level.PROBLEM,
        lambda stock: stock.late,
        "{many} kinds of background work are overdue, the first for {age}: no process does them",
        _START,
        None,
    ),
    (
        Level.PROBLEM,
        lambda stock: stock.deliveries[Outcome.FAILED],
        "{many} deliveries failed to be processed, the first {age} ago",
        "see the log for why, then: python -m obdtrack replay --outcome failed",
        "deliveries?outcome=failed",
    ),
    (
        Level.WARNING,
        lambda stock: stock.calls[Status.UNKNOWN],
        "{many} calls may ring or not, the first for {age}",
        "they are looked up automatically; to decide: the page Needs attention (/attention)",
        "calls?status=unknown",
    ),
    (
        Level.WARNING,
        lambda stock: stock.deliveries[Outcome.UNREADABLE],
        "{many} deliveries could not be understood, the first {age} ago",
        "look at GET /api/v1/deliveries?outcome=unreadable; `webhook fields` helps to name keys",
        "deliveries?outcome=unreadable",
    ),
    (
        Level.WARNING,
        lambda stock: stock.calls[Status.UNRESOLVED],
        "{many} calls ended without a known outcome, the first placed {age} ago",
        "look at GET /api/v1/calls?status=unresolved",
        "calls?status=unresolved",
    ),
)
