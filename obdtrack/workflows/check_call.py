"""Asks the provider what became of a call whose report has not come."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from obdtrack.domain.event import Event
from obdtrack.domain.phone import is_erased
from obdtrack.domain.report import Report
from obdtrack.domain.status import Kind, Outcome, Source, Status
from obdtrack.errors import Code, ObdtrackError
from obdtrack.storage import answers, calls, coordination, erasure, models
from obdtrack.workflows.ask_provider import REPAIRED, Asked, Wait, ask
from obdtrack.workflows.context import Context, new_id
from obdtrack.workflows.record_report import Arrival, Verdict, record_reports, tells_something
from obdtrack.workflows.refold import add_and_refold
from obdtrack.workflows.resolve_unknown import look_for

REFRESH_SECONDS = 10
"""How soon a person or program may ask about the same call again."""

LONGEST_WAIT_SECONDS = 5.0
"""How long a person's question may wait for its turn before it is told to come later."""


def check_call(call_id: UUID, context: Context, wait: Wait = time.sleep) -> None:
    """Ask about one call and record what the provider says.

    Does nothing if there is no such call or it is being placed. Raises ObdtrackError (unavailable)
    if the database is out of use.
    """
    call = calls.find(str(call_id))
    if call is None or call.status == Status.SUBMITTING:
        return
    if is_erased(call.to_number):
        _leave_alone(call, context)
        return
    if call.provider_id is None:
        if call.status == Status.UNKNOWN:
            look_for(call, context, wait)
        return
    asked = ask(context, call.id, wait, provider_id=call.provider_id)
    record_answer(call, asked, context)


def refresh(call: models.Call, context: Context) -> None:
    """Ask about a call now because somebody wants to know.

    Raises ObdtrackError: rate limited if it was asked about just now or the line is long.
    """
    if is_erased(call.to_number):
        raise ObdtrackError(
            Code.CONFLICT, "Its number was erased; the provider is not asked about it any more."
        )
    now = context.now()
    last = answers.last_asked(call.id)
    if last is not None and (now - last).total_seconds() < REFRESH_SECONDS:
        raise ObdtrackError(
            Code.RATE_LIMITED,
            "The provider was asked about this call just now.",
            retry_after=REFRESH_SECONDS,
        )
    check_call(call.id, context, _patiently)


def _leave_alone(call: models.Call, context: Context) -> None:
    # The answer would bring back what was erased.
    with context.store.write():
        erasure.stop_asking(call.to_number)


def record_answer(call: models.Call, asked: Asked, context: Context) -> None:
    """Put what the provider's log says about this call on its timeline, in one transaction."""
    with context.store.write():
        answers.add(asked.exchange)
        if asked.answer.failure is not None:
            return  # it stays due; the exchange tells why
        reports = [found.report for found in asked.answer.calls if _is_about(found.report, call)]
        verdicts = record_reports(
            [
                Arrival(report, Source.POLL, asked.exchange.answered_at,
                        answer_id=asked.exchange.id, call_id=call.id)
                for report in reports
                if tells_something(report)
            ],
            context,
        )  # fmt: skip
        if any(verdict.outcome is Outcome.MATCHED for verdict in verdicts):
            coordination.count(REPAIRED)
        _conclude(call.id, reports, verdicts, asked, context)


def _conclude(
    call_id: UUID,
    reports: Sequence[Report],
    verdicts: Sequence[Verdict],
    asked: Asked,
    context: Context,
) -> None:
    now = asked.exchange.answered_at
    new = any(verdict.outcome is Outcome.MATCHED for verdict in verdicts)
    events = [] if new else [_check_event(reports, asked)]
    refolded = add_and_refold(call_id, events, now, context)
    if refolded.given_up:
        event = Event(new_id(), Kind.DEADLINE, Source.SYSTEM, now, Status.UNRESOLVED, "no-report")
        add_and_refold(call_id, [event], now, context)


def _check_event(reports: Sequence[Report], asked: Asked) -> Event:
    detail: dict[str, Any] = {"found": len(reports)}
    if reports:
        detail["provider_status"] = reports[-1].provider_status
    return Event(
        id=new_id(),
        kind=Kind.CHECK,
        source=Source.POLL,
        recorded_at=asked.exchange.answered_at,
        answer_id=asked.exchange.id,
        detail=detail,
    )


def _is_about(report: Report, call: models.Call) -> bool:
    return report.provider_id == call.provider_id


def _patiently(seconds: float) -> None:
    if seconds > LONGEST_WAIT_SECONDS:
        raise ObdtrackError(
            Code.RATE_LIMITED,
            "The provider is being asked about many calls; ask again later.",
            retry_after=round(seconds),
        )
    time.sleep(seconds)


def check_due(context: Context, limit: int, wait: Wait = time.sleep) -> int:
    """Take the calls whose check is due and ask about each; gives how many were taken."""
    now = context.now()
    for call_id in (due := take_due(context, now, limit)):
        check_call(call_id, context, wait)
    return len(due)


def take_due(context: Context, now: datetime, limit: int) -> list[UUID]:
    """Take the calls whose check is due, so that no other process asks about them too."""
    if not calls.any_due(now):
        return []
    with context.store.write():
        return calls.due(now, limit, put_off_until=now + _PUT_OFF)


_PUT_OFF = timedelta(minutes=10)
