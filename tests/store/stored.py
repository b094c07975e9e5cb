"""Puts the things these tests are about into a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from obdtrack.calls import queries, writes
from obdtrack.calls.placing.submissions import PendingCall, PendingSubmission
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult, InboundRequest
from obdtrack.calls.states import rest_of
from obdtrack.calls.writes import NewCall, NewState
from obdtrack.domain.events import Event
from obdtrack.domain.fold import CallState, fold
from obdtrack.domain.naming import ProviderName
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.status import Kind, Outcome, Source, Status
from obdtrack.services import new_id
from obdtrack.statistics import counters
from obdtrack.store import models
from obdtrack.store.connections import connected
from obdtrack.store.database import Store
from tests.factories import IDS, NOON, PROVIDER, call_request, raw_delivery
from tests.store import background

Result = TypeVar("Result")


def call(
    store: Store, *, at: datetime = NOON, provider_id: str | None = None, **request: Any
) -> UUID:
    """A call that is being placed; `provider_id` is what the provider named it."""
    pending = PendingCall(new_id(), call_request(**request))
    submission = PendingSubmission(new_id(), (pending,), at, None, PROVIDER)
    with store.write():
        begun = Event(new_id(), Kind.SUBMISSION, Source.API, at, Status.SUBMITTING)
        state = fold([begun])
        (row,) = writes.create_calls([NewCall(submission, pending, state, rest_of(state))])
        counters.count(writes.changes(row, state, new=True))
        if provider_id is not None:
            mid = IDS.submission(provider_id)
            writes.set_provider_ids([ProviderName(pending.id, PROVIDER, provider_id, mid, at)])
    return pending.id


def events(store: Store, call_id: UUID, *told: Event) -> list[Event]:
    """Store these events and give back what the database says of them."""
    with store.write():
        writes.add_events((call_id, event) for event in told)
    return queries.history([call_id])[call_id]


def state(
    store: Store, call_id: UUID, state: CallState, next_check_at: datetime | None = None
) -> None:
    """Store where a call stands."""
    with store.write():
        (match,) = queries.lock_calls([call_id])
        writes.save_states([NewState(match, state, rest_of(state), next_check_at)])
        counters.count(writes.changes(match, state))


def delivery(
    store: Store,
    outcome: Outcome = Outcome.MATCHED,
    *,
    raw: RawDelivery | None = None,
    **meaning: Any,
) -> InboundRequest:
    """A request in the inbox, with what became of it."""
    request = InboundRequest(new_id(), NOON, raw or raw_delivery(), PROVIDER)
    with store.write():
        deliveries.add([(request, DeliveryResult(outcome, **meaning))])
    return request


def count(store: Store, model: type[models.Table] = models.Submission) -> int:
    """How many rows everybody sees: asked by another thread, on a connection of its own."""
    return elsewhere(store, lambda: model.select().count())


def elsewhere(store: Store, work: Callable[[], Result]) -> Result:
    """Do something in another thread."""
    (result,) = together(store, [work])
    return result


def together(store: Store, works: Iterable[Callable[[], Result]]) -> list[Result]:
    """Do things in threads of their own, at the same time."""

    def with_connection(work: Callable[[], Result]) -> Result:
        with connected(store):
            return work()

    return background.together(partial(with_connection, work) for work in works)
