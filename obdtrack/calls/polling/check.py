"""Asks the provider what became of a call whose report has not come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from obdtrack.calls import queries, responses
from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.polling.poll import (
    Poll,
    Wait,
    count_if_repaired,
    log_of,
    may_be_kept,
    must_pause,
    poll_provider,
)
from obdtrack.calls.polling.reconcile import reconcile
from obdtrack.calls.reports.record import (
    IncomingReport,
    record_reports,
    rows_about,
    tells_something,
)
from obdtrack.domain.events import Event
from obdtrack.domain.naming import all_names
from obdtrack.domain.phone import is_erased
from obdtrack.domain.poll_schedule import POLL, PUT_OFF
from obdtrack.domain.reports import Report
from obdtrack.domain.status import Kind, Outcome, Source, Status
from obdtrack.errors import Code, ObdtrackError
from obdtrack.providers.base import CallLog
from obdtrack.services import Services, new_id
from obdtrack.store import leases, models, tasks
from obdtrack.store.database_errors import repeated
from obdtrack.store.tasks import Claim

REFRESH_SECONDS = 10
"""How soon a person or program may ask about the same call again."""

LONGEST_WAIT_SECONDS = 5.0
"""How long a person's question may wait for its turn before it is told to come later."""

_CLOCKS_DIFFER = timedelta(minutes=1)
_UNDER_WAY = timedelta(minutes=1)
"""How long a question may take; after it the process that asked it has died."""


def check_call(
    call_id: UUID, services: Services, wait: Wait = time.sleep, patience: float | None = None
) -> None:
    """Ask about one call and record what the provider says.

    Does nothing if there is no such call or it is being placed. Raises ObdtrackError as `ask` does.
    """
    call = queries.find(str(call_id))
    if call is None or call.status == Status.SUBMITTING:
        return
    if is_erased(call.to_number):
        # The response would bring back what was erased.
        with open_journal(services) as journal:
            journal.stop_polling(call.to_number)
        return
    if not isinstance(services.provider_of(call), CallLog):
        with open_journal(services) as journal:
            _give_up_in_time(call.id, "no-report", journal)
        return
    if call.provider_id is None:
        if call.status == Status.UNKNOWN:
            reconcile(call, services, wait, patience)
        return
    asked = poll_provider(
        services, call, wait, patience, provider_id=_as_it_was_told(call, services)
    )
    record_response(call, asked, services)


def check_if_due(
    call_id: UUID,
    services: Services,
    wait: Wait = time.sleep,
    due_by: datetime | None = None,
) -> None:
    """Ask about one call whose check was due by then, by default now.

    Not if asking about another of its submission has meanwhile brought what there was to know.
    Raises ObdtrackError as `ask` does.
    """
    due_at = queries.next_check_of(call_id)
    if due_at is not None and due_at < (due_by or services.shared_now()) + _CLOCKS_DIFFER:
        check_call(call_id, services, wait)


def _as_it_was_told(call: models.Call, services: Services) -> str | None:
    """Return the call's id as the provider spells it: only we are certain to know all spellings."""
    told = (event.detail.get("provider_id") for event in queries.history([call.id])[call.id])
    canonical = services.provider_of(call).ids.canonical
    spelled = (name for name in told if name and canonical(name) == call.provider_id)
    return next(spelled, call.provider_id)


def refresh(call: models.Call, services: Services) -> None:
    """Ask about a call now because somebody wants to know.

    Raises ObdtrackError: conflict if its number was erased or its provider has no
    log of calls; rate limited if it is being asked
    about, was just now, or the line is long; unavailable if too many wait for the provider already.
    """
    if is_erased(call.to_number):
        raise ObdtrackError(
            Code.CONFLICT, "Its number was erased; the provider is no longer polled for it."
        )
    log_of(call, services)
    with services.limits.polling.hold(), _nobody_else_asking(call.id, services):
        check_call(call.id, services, patience=LONGEST_WAIT_SECONDS)


@contextmanager
def _nobody_else_asking(call_id: UUID, services: Services) -> Iterator[None]:
    """Hold the call's question, across processes; raises ObdtrackError (rate limited)."""
    name, holder, now = f"asking:{call_id}", new_id(), services.now()
    with services.store.write():
        free = leases.hold_lease(name, holder, services.shared_now(), _UNDER_WAY)
        last = responses.last_asked(call_id)  # looked at second: who held it before has stored it
        if not free or (last and (now - last).total_seconds() < REFRESH_SECONDS):
            raise ObdtrackError(
                Code.RATE_LIMITED,
                "The provider was polled for this call just now.",
                retry_after=REFRESH_SECONDS,
            )
    try:
        yield
    finally:
        with suppress(ObdtrackError), services.store.write():  # else it runs out by itself
            leases.give_back(name, holder)


@repeated
def record_response(call: models.Call, asked: Poll, services: Services) -> None:
    """Put what the provider's log says about this call on its timeline, in one transaction."""
    with open_journal(services, now=asked.exchange.responded_at) as journal:
        ids = services.provider_of(call).ids
        reports = rows_about(call, [found.report for found in asked.response.calls], ids)
        journal.lock(all_names(reports, ids))
        if not may_be_kept(call.id, journal):
            return
        responses.add(asked.exchange)
        if asked.response.failure and journal.plan(call.id).next_check_at is not None:
            journal.put_off(call.id, journal.now + PUT_OFF)  # the exchange tells why
            return
        verdicts = record_reports(
            [
                IncomingReport(report, Source.POLL, asked.exchange.responded_at, call.provider,
                        response_id=asked.exchange.id, call_id=call.id)
                for report in reports
                if tells_something(report)
            ],
            journal,
        )  # fmt: skip
        if any(verdict.outcome is Outcome.MATCHED for verdict in verdicts):
            count_if_repaired(call.id, journal)
        else:
            journal.append(call.id, _check_event(reports, asked))
        _give_up_in_time(call.id, asked.response.failure or "no-report", journal)


def _give_up_in_time(call_id: UUID, why: str, journal: Journal) -> None:
    if journal.call(call_id) and journal.plan(call_id).given_up:
        now, status = journal.now, Status.UNRESOLVED
        journal.append(call_id, Event(new_id(), Kind.DEADLINE, Source.SYSTEM, now, status, why))


def _check_event(reports: Sequence[Report], asked: Poll) -> Event:
    failure = asked.response.failure
    detail: dict[str, Any] = {} if failure else {"found": len(reports)}
    if reports:
        detail["provider_status"] = reports[-1].provider_status
    return Event(
        id=new_id(),
        kind=Kind.CHECK,
        source=Source.POLL,
        recorded_at=asked.exchange.responded_at,
        reason=failure,
        response_id=asked.exchange.id,
        detail=detail,
    )


def check_due(
    services: Services, limit: int, wait: Wait = time.sleep, due_by: datetime | None = None
) -> int:
    """Take calls whose check was due by then, by default now, and ask about each.

    Returns how many were asked about. Ends early if the provider wants a longer pause than a poll
    waits; the others come due again.
    """
    asked = 0
    for due in take_due(services, limit, due_by):
        try:
            check_if_due(due.subject, services, wait, due_by)
        except ObdtrackError as error:
            if error.code is not Code.RATE_LIMITED:
                raise
            break
        finally:
            with services.store.write():
                tasks.give_back(due, tries=0)
        asked += 1
    return asked


def take_due(services: Services, limit: int, due_by: datetime | None = None) -> list[Claim]:
    """Take the polls that were due by then, by default now, so that no other process takes them.

    While the provider wants a pause there are none.
    """
    now = services.shared_now()
    if not tasks.is_due(POLL, now, due_by) or must_pause(services):
        return []
    with services.store.write():
        return tasks.claim(POLL, now, limit, lease=PUT_OFF, again=PUT_OFF, due_by=due_by)
