"""Tries the callback from outside: posts a sample report and follows it to a timeline."""

from __future__ import annotations

import time
from typing import NamedTuple
from uuid import UUID, uuid4

from obdtrack.calls import queries
from obdtrack.calls.journal import open_journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.submissions import ClosedSubmission, PendingCall, PendingSubmission
from obdtrack.calls.reports import deliveries
from obdtrack.domain.events import Event
from obdtrack.domain.naming import ProviderName
from obdtrack.domain.phone import whole
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import CallRequest
from obdtrack.domain.timeline import Change, build_changes
from obdtrack.domain.trial import TRIAL_NAME, TRIAL_NUMBER
from obdtrack.errors import ConfigError
from obdtrack.operations.webhooks.set_up import shown
from obdtrack.providers.base import CallbackReply, TriesCallback
from obdtrack.services import Services, new_id
from obdtrack.store import models

PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_LOOKED_THROUGH = 200


class Trial(NamedTuple):
    """How far a sample report came: `problem` names the step it stopped at, None if at none.

    `milliseconds` is how long the callback took to respond, None if it did not; `delivery` is what
    our inbox says of it.
    """

    call_id: UUID
    milliseconds: int | None
    delivery: str | None
    timeline: list[Change]
    problem: str | None


def try_callback(uri: str, services: Services, patience: float = PATIENCE_SECONDS) -> Trial:
    """Post a report about a test call to `uri` and wait until the call's timeline shows it.

    The test call is stored and never sent to the provider: no phone rings. If its report does not
    come within `patience` seconds it ends as `rejected`. Raises ConfigError if nobody can imitate
    the provider's reports.
    """
    provider = services.provider
    if not isinstance(provider, TriesCallback):
        raise ConfigError(f"The reports of {provider.name} cannot be imitated: place a call.")
    mark = f"{TRIAL_NAME}-{uuid4()}"
    provider_id = provider.sample_id(mark)
    call_id = _store_test_call(provider_id, services)
    reply = provider.deliver_sample(
        uri, provider_id, TRIAL_NUMBER, _bridge(services), services.now()
    )
    arrived = reply.complaint is None and _arrives(call_id, patience)
    ours = (row for row in deliveries.newest(_LOOKED_THROUGH) if mark.encode() in row.body)
    found, delivery = next(ours, None), None
    if found is not None:
        said = f"delivery {found.id}, {found.outcome}", found.reason
        delivery = ": ".join(filter(None, said))
    problem = None if arrived else _problem(uri, reply, delivery)
    if problem is not None:
        _give_up(call_id, found, services)
    timeline = build_changes(queries.history([call_id])[call_id])
    milliseconds = None if reply.status is None else reply.milliseconds
    return Trial(call_id, milliseconds, delivery, timeline, problem)


def _store_test_call(provider_id: str, services: Services) -> UUID:
    now, mid = services.now(), services.provider.ids.submission(provider_id)
    request = CallRequest(TRIAL_NUMBER, _bridge(services), flow_id=TRIAL_NAME, name=TRIAL_NAME)
    call, provider = PendingCall(new_id(), request), services.provider.name
    intention = PendingSubmission(new_id(), (call,), now, None, provider)
    detail = {"provider_id": provider_id, "message": "a test call, never sent to the provider"}
    events = [
        Event(new_id(), Kind.SUBMISSION, Source.SYSTEM, now, Status.SUBMITTING),
        Event(new_id(), Kind.RESPONSE, Source.SYSTEM, now, Status.QUEUED, detail=detail),
    ]
    with open_journal(services, now=now) as journal:
        journal.lock({provider_id, mid})
        journal.create([(intention, events[:1])])
        journal.assign_provider_ids([ProviderName(call.id, provider, provider_id, mid, None)])
        submissions.close([ClosedSubmission(intention.id, now)])
        journal.append(call.id, events[1])
    return call.id


def _bridge(services: Services) -> str:
    return whole(services.settings.bridge) or TRIAL_NUMBER


def _arrives(call_id: UUID, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not any(event.kind is Kind.REPORT for event in queries.history([call_id])[call_id]):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _problem(uri: str, reply: CallbackReply, delivery: str | None) -> str:
    if reply.complaint is not None:
        return f"{shown(uri)} {reply.complaint}."
    if delivery is not None:
        return f"The report was stored but not put on its call's timeline ({delivery})."
    return (
        f"{shown(uri)} answered {reply.status}, but the report is not in this database: another "
        "server responds there, or one with another OBDTRACK_DATABASE_URL."
    )


def _give_up(call_id: UUID, delivery: models.Delivery | None, services: Services) -> None:
    """End the test call. Who tried it is told why, so its report needs nobody's attention."""
    now = services.now()
    event = Event(
        new_id(), Kind.RESOLUTION, Source.SYSTEM, now, Status.REJECTED, "test-report-missing"
    )
    with open_journal(services, now=now) as journal:
        if journal.call(call_id):
            journal.append(call_id, event)
        if delivery is not None:
            row = models.Delivery
            row.update(reviewed_at=now).where(row.id == delivery.id).execute()
