"""Looks in the provider's log for a call whose response never came; evidence must name it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from obdtrack.calls import queries, responses
from obdtrack.calls.journal import open_journal
from obdtrack.calls.placing import send_right
from obdtrack.calls.polling.poll import (
    Poll,
    Wait,
    count_if_repaired,
    may_be_kept,
    poll_provider,
)
from obdtrack.calls.provider_ids import assign_provider_id
from obdtrack.calls.reports.record import IncomingReport, record_reports, tells_something
from obdtrack.domain.candidates import (
    Candidate,
    SoughtCall,
    candidates,
    canonical_id,
    certain,
    explained,
    surroundings,
    window,
)
from obdtrack.domain.events import Event
from obdtrack.domain.naming import all_names
from obdtrack.domain.poll_schedule import PUT_OFF
from obdtrack.domain.status import Kind, Source
from obdtrack.domain.times import settled, to_text
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.database_errors import repeated

_MOST_LISTED = 20


def reconcile(
    call: models.Call, services: Services, wait: Wait, patience: float | None = None
) -> None:
    """Ask by number and day; exactly one plausible call is attached, else a person decides.

    What was asked, and the candidates, stand on the call's timeline either way. If a question gets
    no response nothing is attached. Raises ObdtrackError as `ask` does.
    """
    submission = call.submission
    longest = send_right.duration(services.settings)
    since, until = window(call.created_at, submission.settled_at or call.created_at, longest)
    wanted = SoughtCall(
        call.to_number, submission.bridge, since, until,
        submission.flow_id, submission.audio, submission.name,
    )  # fmt: skip
    asked = _ask_about_days(call, wanted, services, wait, patience)
    found = [candidate for question in asked for candidate in question.response.calls]
    ids = services.provider_of(call).ids
    named = {ids.canonical(one.report.provider_id) for one in found if one.report.provider_id}
    listed = candidates(found, wanted, queries.taken(call.provider, named, ids), ids)
    rivals = queries.rivals(call, *surroundings(wanted), named | set(map(ids.submission, named)))
    provider_id = certain(listed, ids)
    if provider_id and not rivals and asked[-1].response.failure is None:
        its = [c for c in listed if canonical_id(c, ids) == provider_id]
        _take(call, its, wanted, asked, services)
    else:
        doubtful = listed if provider_id else explained(listed)
        _leave(call, doubtful, wanted, asked, rivals, services)


def _ask_about_days(
    call: models.Call, wanted: SoughtCall, services: Services, wait: Wait, patience: float | None
) -> list[Poll]:
    """Ask until all days are answered, or one is not: what the others hold proves nothing then."""
    zone = services.provider_of(call).timezone
    day, last = (moment.astimezone(zone).date() for moment in surroundings(wanted))
    asked: list[Poll] = []
    while day <= last:  # one day in the provider's zone, or two around midnight
        asked.append(poll_provider(services, call, wait, patience, to=call.to_number, on=day))
        if asked[-1].response.failure is not None:
            break
        day += timedelta(days=1)
    return asked


@repeated
def _take(
    call: models.Call,
    rows: Sequence[Candidate],
    wanted: SoughtCall,
    asked: Sequence[Poll],
    services: Services,
) -> None:
    first = rows[0].found
    provider_id = first.report.provider_id
    assert provider_id is not None
    # Asked about two days, a call is in one day's response.
    exchange = next(q.exchange for q in asked if first in q.response.calls)
    evidence = _evidence(rows, wanted)
    reports = [row.found.report for row in rows if tells_something(row.found.report)]
    ids = services.provider_of(call).ids
    with open_journal(services) as journal:
        journal.lock(all_names([first.report, *reports], ids))
        if not may_be_kept(call.id, journal):
            return
        _keep(asked)
        try:
            assign_provider_id(call.id, provider_id, Source.POLL, evidence, journal, exchange.id)
        except ObdtrackError:
            return  # somebody was faster; what they found stands
        record_reports(
            [
                IncomingReport(
                    report,
                    Source.POLL,
                    exchange.responded_at,
                    call.provider,
                    None,
                    exchange.id,
                    call.id,
                )
                for report in reports
            ],
            journal,
        )
        count_if_repaired(call.id, journal)


@repeated
def _leave(
    call: models.Call,
    listed: Sequence[Candidate],
    wanted: SoughtCall,
    asked: Sequence[Poll],
    rivals: bool,
    services: Services,
) -> None:
    now, failure = services.now(), asked[-1].response.failure
    detail = {**_evidence(listed, wanted), "another_call_in_doubt": rivals}
    with open_journal(services, now=now) as journal:
        if not may_be_kept(call.id, journal):
            return
        _keep(asked)
        if failure is not None and journal.plan(call.id).next_check_at is not None:
            journal.put_off(call.id, now + PUT_OFF)  # no response is no evidence
            return
        event = Event(new_id(), Kind.CHECK, Source.POLL, now, reason=failure, detail=detail)
        journal.append(call.id, event)


def _keep(asked: Sequence[Poll]) -> None:
    for question in asked:
        responses.add(question.exchange)


def _evidence(listed: Sequence[Candidate], wanted: SoughtCall) -> dict[str, Any]:
    return {
        "looked_for": "same number; bridge, flow, audio, campaign if given; made then; unclaimed",
        "created_after": to_text(wanted.since),
        "created_before": to_text(wanted.until),
        "candidates": [
            {
                "provider_id": found.report.provider_id,
                "provider_status": found.report.provider_status,
                "created_at": (
                    to_text(settled(found.created_at, wanted.since)) if found.created_at else None
                ),
                "doubt": doubt,
            }
            for found, doubt, _ in listed[:_MOST_LISTED]
        ],
    }
