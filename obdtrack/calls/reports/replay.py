"""Reads a stored delivery once more, after what kept it off its timeline was mended."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from uuid import UUID

import peewee
import structlog

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.calls.journal import open_journal
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.reprocess import reprocess
from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.domain.status import Outcome
from obdtrack.domain.texts import N_, Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()

STILL_WRONG = N_(
    "not one of OBDTRACK_WEBHOOK_SECRETS (or OBDTRACK_SECRET_KEY, by which it is known again, was "
    "another when it came)"
)
"""Why what was rejected stays rejected."""

REPLAYABLE = (
    Outcome.FAILED,
    Outcome.UNREADABLE,
    Outcome.UNMATCHED,
    Outcome.REJECTED,
    Outcome.IGNORED,
)
"""Outcomes that another reading may change; the others stand on a timeline already."""


def replay(delivery_id: UUID, services: Services, actor: Actor | None = None) -> Outcome:
    """Read one delivery again and record what it means now; returns its outcome.

    `actor` is who wants it, by default the person at the command line. What stands on a timeline
    already stays as it is. Raises ObdtrackError: not found, or conflict if the delivery was
    rejected and the secret it carried is still not one of ours.
    """
    who = actor or audit.operator()

    def note(outcome: Outcome) -> None:
        detail = {"outcome": outcome}
        audit.record(Action.DELIVERY_REPLAYED, delivery_id, who, services, detail)

    return _replay(delivery_id, services, note)


def _replay(delivery_id: UUID, services: Services, note: Callable[[Outcome], None]) -> Outcome:
    row = deliveries.find(delivery_id)
    if row is None:
        raise ObdtrackError(
            Code.NOT_FOUND, Said("There is no delivery %(delivery_id)s.", delivery_id=delivery_id)
        )
    if row.outcome not in REPLAYABLE:
        return Outcome(row.outcome)
    known = map(services.encryption.fingerprint, services.provider_of(row).callback_auth.secrets)
    carried = row.secret_fingerprint or ""
    if row.outcome == Outcome.REJECTED and not any(
        hmac.compare_digest(carried, fingerprint) for fingerprint in known
    ):
        raise ObdtrackError(
            Code.CONFLICT,
            Said("The secret this request carried is %(still_wrong)s.", still_wrong=STILL_WRONG),
        )
    try:
        return _reprocess(row, services, note)
    except peewee.DatabaseError as error:
        return _failed(delivery_id, error, services, note)


@repeated
def _reprocess(
    row: models.Delivery, services: Services, note: Callable[[Outcome], None]
) -> Outcome:
    with open_journal(services) as journal:
        outcome = reprocess([deliveries.to_stored(row)], journal)[0]
        note(outcome)
    return outcome


def replay_all(
    outcome: Outcome,
    services: Services,
    limit: int = 100_000,
    actor: Actor | None = None,
    watch: Watcher = unwatched,
) -> dict[Outcome, int]:
    """Replay all deliveries of one outcome, oldest first; returns how many ended in which.

    `actor` is who wants it, by default the person at the command line; one trace tells of all.
    """
    ends: dict[Outcome, int] = {}
    found = deliveries.ids_of(outcome, limit)
    if found:
        who, told = actor or audit.operator(), {"deliveries": len(found)}
        audit.record(Action.DELIVERIES_REPLAYED, outcome, who, services, told)
    for count, delivery_id in enumerate(found):
        watch(WorkDone("deliveries", count, len(found)))
        try:
            end = _replay(delivery_id, services, lambda _: None)
        except ObdtrackError as error:
            if error.code is not Code.CONFLICT:
                raise
            end = outcome
        ends[end] = ends.get(end, 0) + 1
    return ends


def _failed(
    delivery_id: UUID, error: Exception, services: Services, note: Callable[[Outcome], None]
) -> Outcome:
    log.error("replay_failed", delivery_id=str(delivery_id), error=type(error).__name__)
    meaning = deliveries.DeliveryResult(Outcome.FAILED, f"{type(error).__name__}: {error}")
    with services.store.write():
        deliveries.set_meanings([(delivery_id, meaning)])
        note(Outcome.FAILED)
    return Outcome.FAILED
