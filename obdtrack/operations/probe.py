"""Proves that a report could be stored now, by storing something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from obdtrack.calls.journal import Journal, open_journal
from obdtrack.calls.placing.submissions import PendingCall, PendingSubmission
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult, InboundRequest
from obdtrack.calls.reports.record import IncomingReport, record_reports
from obdtrack.domain.events import Event
from obdtrack.domain.reports import RawDelivery, Report
from obdtrack.domain.status import Kind, Outcome, Source, Status
from obdtrack.domain.submission import CallRequest
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import leases
from obdtrack.store.database_errors import unavailable

LEASE = "write-check"

_REQUEST = CallRequest(to="+10000000000", bridge="+10000000000", flow_id="0")


def prove_writable(services: Services) -> None:
    """Commit a small change; raises ObdtrackError (unavailable) if that cannot be done.

    A transaction that changes nothing would succeed on a full disk.
    """
    with services.store.write():
        leases.hold_lease(LEASE, services.process_id, services.shared_now(), timedelta())


def prove_reportable(services: Services) -> None:
    """Place a call and take its report, and undo it: nothing of it is ever seen.

    Raises ObdtrackError (unavailable) if the database refuses any of it, whatever its schema says.
    """
    try:
        with services.store.write(), services.store.atomic() as trial:
            with open_journal(replace(services, listeners=())) as journal:
                _try_all(journal)
            trial.rollback()
    except ObdtrackError:
        raise
    except Exception as error:
        raise unavailable() from error


def _try_all(journal: Journal) -> None:
    now, provider = journal.now, journal.services.provider
    pending = PendingCall(new_id(), _REQUEST)
    submission = PendingSubmission(new_id(), (pending,), now, None, provider.name)
    begun = Event(new_id(), Kind.SUBMISSION, Source.API, now, Status.SUBMITTING)
    journal.create([(submission, [begun])])
    raw = InboundRequest(new_id(), now, RawDelivery("POST", "", {}, "", b""), provider.name)
    report = Report(provider_id=provider.ids.example, status=Status.COMPLETED, charges="0")
    arrival = IncomingReport(report, Source.WEBHOOK, now, provider.name, raw.id)
    (result,) = record_reports([arrival._replace(call_id=pending.id)], journal)
    if result.outcome is not Outcome.MATCHED:
        raise ValueError(result.reason)
    deliveries.add([(raw, DeliveryResult(Outcome.MATCHED, call_id=pending.id))])
