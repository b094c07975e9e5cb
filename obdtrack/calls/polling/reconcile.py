"""Looks in the provider's log for a call whose response never came; evidence must name it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from obdtrack.calls import queries, responses
from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.placing import send_right, submissions
from obdtrack.calls.polling.poll import (
    Poll,
    Wait,
    count_if_repaired,
    poll_day,
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
from obdtrack.domain.phone import is_erased
from obdtrack.domain.poll_schedule import PUT_OFF
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.times import settled, to_text
from obdtrack.errors import ObdtrackError
from obdtrack.providers.base import ListsDays
from obdtrack.services import Services, new_id
from obdtrack.store import leases, models
from obdtrack.store.database_errors import repeated

_MOST_LISTED = 20
_JUST_ASKED = timedelta(minutes=1)


class _Finding(NamedTuple):
    """What the log holds that may be a call: candidates, and the id of the one it certainly is."""

    call: models.Call
    wanted: SoughtCall
    listed: Sequence[Candidate]
    provider_id: str | None
    rivals: bool


def reconcile(
    call: models.Call, services: Services, wait: Wait, patience: float | None = None
) -> None:
    """Ask by number and day; exactly one plausible call is attached, else a person decides.

    Several unknown calls of one submission are looked for together, by the day, where the provider
    can be asked so. What was asked, and the candidates, stand on each call's timeline either way.
    If a question gets no response nothing is attached. Raises ObdtrackError as `ask` does.
    """
    provider = services.provider_of(call)
    calls = submissions.calls_of(call.submission.id)
    if len(calls) > 1 and isinstance(provider, ListsDays):
        with services.store.write():
            name, now = f"asking:{call.submission.id}", services.shared_now()
            is_ours = leases.hold_lease(name, new_id(), now, _JUST_ASKED)
        if not is_ours:
            return  # somebody asks about all of them now, or just has
        alike = [one for one in calls if one.status == Status.UNKNOWN]
        asked = _ask_about_all(alike, provider, services, wait, patience)
        if asked[-1].response.failure is None:
            _conclude([_look(one, asked, services) for one in alike], asked, services)
            return
    wanted = _sought(call, services)
    asked = _ask_about_days(call, wanted, services, wait, patience)
    _conclude([_look(call, asked, services)], asked, services)


def _sought(call: models.Call, services: Services) -> SoughtCall:
    submission = call.submission
    longest = send_right.duration(services.settings)
    since, until = window(call.created_at, submission.settled_at or call.created_at, longest)
    return SoughtCall(
        call.to_number, submission.bridge, since, until,
        submission.flow_id, submission.audio, submission.name,
    )  # fmt: skip


def _days(call: models.Call, wanted: SoughtCall, services: Services) -> list[date]:
    """Return the days on which the call may be listed: one in the provider's zone, or two."""
    zone = services.provider_of(call).timezone
    first, last = (moment.astimezone(zone).date() for moment in surroundings(wanted))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _ask_about_days(
    call: models.Call, wanted: SoughtCall, services: Services, wait: Wait, patience: float | None
) -> list[Poll]:
    """Ask until all days are answered, or one is not: what the others hold proves nothing then."""
    asked: list[Poll] = []
    for day in _days(call, wanted, services):
        asked.append(poll_provider(services, call, wait, patience, to=call.to_number, on=day))
        if asked[-1].response.failure is not None:
            break
    return asked


def _ask_about_all(
    calls: Sequence[models.Call],
    provider: ListsDays,
    services: Services,
    wait: Wait,
    patience: float | None,
) -> list[Poll]:
    first = calls[0]
    numbers = [call.to_number for call in calls]
    asked: list[Poll] = []
    for day in _days(first, _sought(first, services), services):
        asked += poll_day(services, provider, first.submission.id, numbers, day, wait, patience)
        if asked[-1].response.failure is not None:
            break
    return asked


def _look(call: models.Call, asked: Sequence[Poll], services: Services) -> _Finding:
    """Return what of the responses may be this call."""
    wanted, ids = _sought(call, services), services.provider_of(call).ids
    found = [candidate for question in asked for candidate in question.response.calls]
    named = {ids.canonical(one.report.provider_id) for one in found if one.report.provider_id}
    listed = candidates(found, wanted, queries.taken(call.provider, named, ids), ids)
    rivals = queries.rivals(call, *surroundings(wanted), named | set(map(ids.submission, named)))
    provider_id = certain(listed, ids)
    if provider_id and not rivals and asked[-1].response.failure is None:
        its = [one for one in listed if canonical_id(one, ids) == provider_id]
        return _Finding(call, wanted, its, provider_id, rivals)
    doubtful = listed if provider_id else explained(listed)
    return _Finding(call, wanted, doubtful, None, rivals)


@repeated
def _conclude(findings: Sequence[_Finding], asked: Sequence[Poll], services: Services) -> None:
    """Attach what is certain, and note what is not, with all that was asked."""
    ids = services.provider_of(findings[0].call).ids
    certainly = [one for one in findings if one.provider_id]
    reports = [row.found.report for one in certainly for row in one.listed]
    with open_journal(services) as journal:
        journal.lock(all_names(reports, ids))
        kept = {
            row.id
            for row in journal.calls([one.call.id for one in findings])
            if not is_erased(row.to_number)
        }
        if len(kept) < len(findings):
            return  # the response would bring back what was erased meanwhile
        for question in asked:
            responses.add(question.exchange)
        for one in findings:
            if one.provider_id:
                _take(one, asked, journal)
            else:
                _leave(one, asked, journal)


def _take(finding: _Finding, asked: Sequence[Poll], journal: Journal) -> None:
    call, first = finding.call, finding.listed[0].found
    assert first.report.provider_id is not None
    # Asked about several days or pages, a call is in one response.
    exchange = next(q.exchange for q in asked if first in q.response.calls)
    evidence = _evidence(finding)
    try:
        assign_provider_id(
            call.id, first.report.provider_id, Source.POLL, evidence, journal, exchange.id
        )
    except ObdtrackError:
        return  # somebody was faster; what they found stands
    record_reports(
        [
            IncomingReport(
                row.found.report, Source.POLL, exchange.responded_at, call.provider,
                response_id=exchange.id, call_id=call.id,
            )
            for row in finding.listed
            if tells_something(row.found.report)
        ],
        journal,
    )  # fmt: skip
    count_if_repaired(call.id, journal)


def _leave(finding: _Finding, asked: Sequence[Poll], journal: Journal) -> None:
    call_id, failure = finding.call.id, asked[-1].response.failure
    if failure is not None and journal.plan(call_id).next_check_at is not None:
        journal.put_off(call_id, journal.now + PUT_OFF)  # no response is no evidence
        return
    detail = {**_evidence(finding), "another_call_in_doubt": finding.rivals}
    event = Event(new_id(), Kind.CHECK, Source.POLL, journal.now, reason=failure, detail=detail)
    journal.append(call_id, event)


def _evidence(finding: _Finding) -> dict[str, Any]:
    listed, wanted = finding.listed, finding.wanted
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
