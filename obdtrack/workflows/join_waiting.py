"""Gives a call the reports that came before its id was known."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from obdtrack.domain.report import Report
from obdtrack.domain.status import Outcome, Source
from obdtrack.storage import deliveries
from obdtrack.storage.deliveries import Stored
from obdtrack.workflows.context import Context
from obdtrack.workflows.record_report import Arrival, Verdict, record_reports


def join_waiting(provider_id: str, mid: str, context: Context) -> int:
    """Record the unmatched deliveries that belong to this provider id or submission.

    Must run in the transaction that stored the id. Gives how many found their call.
    """
    return read_again(deliveries.waiting_for(provider_id, mid), context)


def read_again(waiting: Sequence[Stored], context: Context) -> int:
    """Read stored deliveries anew and store what they mean now; gives how many found their call."""
    readings = [(stored, context.provider.read_delivery(stored.raw)) for stored in waiting]
    reports = [(stored, reading) for stored, reading in readings if isinstance(reading, Report)]
    verdicts = record_reports(
        [
            Arrival(report, Source.WEBHOOK, stored.received_at, delivery_id=stored.id)
            for stored, report in reports
        ],
        context,
    )
    deliveries.set_meanings(
        _changed(stored.id, report, verdict)
        for (stored, report), verdict in zip(reports, verdicts, strict=True)
    )
    return sum(verdict.call_id is not None for verdict in verdicts)


def _changed(
    delivery_id: UUID, report: Report, verdict: Verdict
) -> tuple[UUID, deliveries.Meaning]:
    reason = "joined when its call became known" if verdict.outcome is Outcome.MATCHED else None
    return delivery_id, deliveries.meaning(
        verdict.outcome, verdict.reason or reason, verdict.call_id, report
    )
