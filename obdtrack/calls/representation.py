"""What is stored as everybody outside is given it: the API, the CSV, the export of a person's data.

Times are text, numbers are masked where they must be.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from operator import attrgetter
from typing import Any

from obdtrack.calls.placing.submissions import REQUESTED
from obdtrack.calls.responses import ProviderResponse
from obdtrack.domain.facts import FACTS, TIMES, CallFacts
from obdtrack.domain.fold import Attempt, CallState
from obdtrack.domain.phone import masked
from obdtrack.domain.redaction import hide, hide_within
from obdtrack.domain.timeline import TimelineEntry
from obdtrack.domain.times import to_text
from obdtrack.store import models

_values = attrgetter(*FACTS)


def call_view(
    call: models.Call,
    state: CallState,
    *,
    numbers_in_full: bool,
    opted_out_at: datetime | None = None,
) -> dict[str, Any]:
    """Return a call (with its submission) that stands so as the API's call."""
    submission = call.submission
    shown = {
        "id": call.id,
        "reference": call.reference,
        "provider": call.provider,
        "provider_id": call.provider_id,
        "submission_id": submission.id,
        "to": call.to_number,
        "bridge": submission.bridge,
        "flow_id": submission.flow_id,
        "audio": submission.audio,
        "name": call.name,
        "interval": call.interval,
        "call_type": submission.call_type,
        "campaign_id": call.campaign_id,
        "retry_of": call.retry_of,
        "status": state.status,
        "reason": state.reason,
        "provider_message": state.provider_message,
        "status_source": state.status_source,
        "status_as_of": to_text(state.status_as_of),
        "next_check_at": _time(call.next_check_at),
        "created_at": to_text(call.created_at),
        "submitted_at": _time(call.submitted_at),
        "conflict": state.conflict,
        "needs_attention": state.needs_attention,
        "opted_out_at": _time(opted_out_at),
        "attempts": [_attempt_view(attempt) for attempt in state.attempts],
        "variables": submission.variable_names,
        "metadata": call.metadata,
        **_facts(state),
    }
    if numbers_in_full:
        return shown
    message = state.provider_message and hide(state.provider_message, call.to_number)
    # What the caller called things is theirs: only the number called is hidden in it.
    theirs = {name: hide_within(it, call.to_number, others=False) for name, it in shown.items()}
    return {**theirs, "to": masked(call.to_number), "provider_message": message}


def event_view(
    entry: TimelineEntry, number: str, outside_hours: Collection[int], *, numbers_in_full: bool
) -> dict[str, Any]:
    """Return one line of the timeline of a call to this number as the API's event.

    `outside_hours` are the numbers of the attempts that rang outside the calling hours.
    """
    event = entry.event
    detail = dict(event.detail)
    return {
        "id": event.id,
        "kind": event.kind,
        "status": event.status,
        "reason": event.reason,
        "source": event.source,
        "occurred_at": _time(event.occurred_at),
        "recorded_at": to_text(event.recorded_at),
        "attempt": entry.attempt,
        "outside_hours": entry.attempt in outside_hours,
        "delivery_id": event.delivery_id,
        "times_seen": event.times_seen,
        "detail": detail if numbers_in_full else hide_within(detail, number),
    }


def delivery_view(delivery: models.Delivery, numbers: Collection[str] | None) -> dict[str, Any]:
    """Return a raw request as the API's delivery, without these numbers; None: in full."""
    shown = {
        "id": delivery.id,
        "received_at": to_text(delivery.received_at),
        "provider": delivery.provider,
        "method": delivery.method,
        "query": delivery.query,
        "headers": delivery.headers,
        "content_type": delivery.content_type,
        "body": _text(delivery.body),
        "outcome": delivery.outcome,
        "reason": delivery.reason,
        "call_id": delivery.call_id,
    }
    return shown if numbers is None else hide_within(shown, *numbers)


def waiting_view(
    delivery: models.Delivery, number: str, *, numbers_in_full: bool
) -> dict[str, Any]:
    """Return a report that waits for a call to this number, with the id that would attach it."""
    shown = {
        "id": delivery.id,
        "received_at": to_text(delivery.received_at),
        "provider_id": delivery.provider_id or delivery.mid,
        "reason": delivery.reason,
    }
    return shown if numbers_in_full else hide_within(shown, number)


def submission_view(submission: models.Submission) -> dict[str, Any]:
    """Return a request of ours to place calls."""
    return {
        "id": submission.id,
        "created_at": to_text(submission.created_at),
        "settled_at": _time(submission.settled_at),
        **{name: getattr(submission, name) for name in REQUESTED},
        "variables": submission.variable_names,
        "notes": submission.notes or [],
    }


def response_view(response: models.ResponseRow | ProviderResponse) -> dict[str, Any]:
    """Return what the provider's API said to a request of ours, as it was stored."""
    return {
        "id": response.id,
        "kind": response.kind,
        "requested_at": to_text(response.requested_at),
        "answered_at": to_text(response.responded_at),
        "http_status": response.http_status,
        "failure": response.failure,
        "message": response.message,
        "body": None if response.body is None else _text(response.body),
    }


def _attempt_view(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "status": attempt.status,
        "reason": attempt.reason,
        "source": attempt.source,
        "conflict": attempt.conflict,
        **_facts(attempt),
    }


def _facts(facts: CallFacts) -> dict[str, Any]:
    """Return facts by their names, JSON-ready."""
    shown = dict(zip(FACTS, _values(facts), strict=True))
    return shown | {name: to_text(shown[name]) for name in TIMES if shown[name] is not None}


def _text(body: bytes) -> str:
    """Return bytes as text, those that are no UTF-8 as U+FFFD."""
    return bytes(body).decode("utf-8", "replace")


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)
