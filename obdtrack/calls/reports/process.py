"""Says what deliveries mean and puts their reports on timelines; new ones and stored ones alike.

A fault in one delivery is that delivery's outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.calls import opt_outs, search
from obdtrack.calls.journal import Journal
from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import DeliveryResult, InboundRequest
from obdtrack.calls.reports.record import IncomingReport, ReportResult, record_reports
from obdtrack.domain.phone import fits
from obdtrack.domain.reports import (
    Challenge,
    NotOurs,
    OptOut,
    PlainReport,
    Reading,
    Report,
    Several,
    Told,
    Unreadable,
)
from obdtrack.domain.status import Outcome, Source
from obdtrack.services import Services, new_id

log = structlog.get_logger()


class ProcessedDelivery(NamedTuple):
    """What a delivery means; `challenge` is to be answered if it is not None."""

    meaning: DeliveryResult
    challenge: str | None = None


def read_arrived(stored: InboundRequest, services: Services) -> Told:
    """Read a delivery as `read` does, in short if it is a plain report."""
    try:
        return services.provider_of(stored).read_plain(stored.raw) or read(stored, services)
    except Exception as error:
        log.exception("processing_failed", delivery_id=str(stored.id))
        return error


def read(stored: InboundRequest, services: Services) -> Reading | Exception:
    """Read a delivery; a fault of the reader is given, not raised, as the next one is innocent."""
    try:
        return services.provider_of(stored).read_delivery(stored.raw)
    except Exception as error:
        log.exception("processing_failed", delivery_id=str(stored.id))
        return error


def process(
    batch: Sequence[InboundRequest],
    readings: Sequence[Told],
    journal: Journal,
    before: Mapping[UUID, Outcome] | None = None,
) -> list[ProcessedDelivery]:
    """Record the reports among these readings and return what each delivery means.

    `before` has the outcomes of those that were read before: nobody is told of the same again.
    What a delivery holds several of is stored beside it, each as a delivery of its own.
    """
    services = journal.services
    told = list(zip(batch, readings, strict=True))
    parts: list[tuple[InboundRequest, Told]] = [
        (stored._replace(id=new_id(), raw=raw), part)
        for stored, reading in told
        if isinstance(reading, Several)
        for raw, part in reading.parts
    ]
    told += parts
    arrivals = [
        IncomingReport(
            reading, Source.WEBHOOK, stored.received_at, stored.provider, delivery_id=stored.id
        )
        for stored, reading in told
        if isinstance(reading, (Report, PlainReport))
    ]
    recorded = iter(record_reports(arrivals, journal))
    found = [
        _interpreted(
            stored,
            reading,
            next(recorded)
            if isinstance(reading, (Report, PlainReport))
            else _verdict(stored, reading, services),
            services,
        )
        for stored, reading in told
    ]
    known = before or {}
    deliveries.tell(
        (
            (stored, one.meaning)
            for (stored, _), one in zip(told, found, strict=True)
            if known.get(stored.id) != one.meaning.outcome
        ),
        services,
    )
    if parts:
        meanings = (one.meaning for one in found[len(batch) :])
        kept = (without_secrets(stored, services) for stored, _ in parts)
        deliveries.add(zip(kept, meanings, strict=True))
    return found[: len(batch)]


def without_secrets(stored: InboundRequest, services: Services) -> InboundRequest:
    """Return the request without our own secrets in it, however they are spelled."""
    raw = services.provider_of(stored).without_secrets(stored.raw)
    return stored if raw is stored.raw else stored._replace(raw=raw)


def _verdict(
    stored: InboundRequest,
    reading: Challenge | NotOurs | OptOut | Unreadable | Several | Exception,
    services: Services,
) -> ReportResult:
    match reading:
        case Several(parts):
            reason = f"it holds {len(parts)} reports; each is a delivery of its own"
            return ReportResult(Outcome.RECEIVED, reason)
        case Unreadable(reason):
            return ReportResult(Outcome.UNREADABLE, reason)
        case NotOurs(reason):
            return ReportResult(Outcome.IGNORED, reason)
        case OptOut() as opt_out:
            return _opted_out(stored, opt_out, services)
        case Challenge():
            return ReportResult(Outcome.CHALLENGE)
        case error:
            return ReportResult(Outcome.FAILED, f"{type(error).__name__}: {error}")


def _opted_out(stored: InboundRequest, opt_out: OptOut, services: Services) -> ReportResult:
    """Note an opt-out, for the whole number if that is certain, else for all that it may be."""
    said = opt_out.number
    if said is None:
        reason = "an opt-out whose number cannot be read: find it and add it by `suppress add`"
        return ReportResult(Outcome.UNMATCHED, reason)
    known = _known_as(said)
    opt_outs.note(known or said, opt_out.occurred_at, stored.received_at, stored.id, services)
    if known is None:
        return ReportResult(Outcome.UNMATCHED, _NO_COUNTRY)
    return ReportResult(Outcome.RECEIVED, "the number opted out of calls")


def _known_as(said: str) -> str | None:
    """Return the whole number that was meant: as it was said, or the only one known that it fits.

    Known are the numbers that were called and those on the list.
    """
    if not said.isdigit():
        return said
    known = {*search.numbers_ending(said), *opt_outs.whole_ending(said)}
    return known.pop() if len(known) == 1 and all(fits(number, said) for number in known) else None


_NO_COUNTRY = (
    "an opt-out of a number without its country code: no number that ends in it is called until "
    "the full number is added with `suppress add`"
)


def _interpreted(
    stored: InboundRequest,
    reading: Told,
    verdict: ReportResult,
    services: Services,
) -> ProcessedDelivery:
    if isinstance(reading, Exception):
        return ProcessedDelivery(DeliveryResult(verdict.outcome, verdict.reason))
    known, ids = reading, services.provider_of(stored).ids
    meaning = deliveries.meaning(verdict.outcome, verdict.reason, verdict.call_id, known, ids)
    return ProcessedDelivery(meaning, known.challenge if isinstance(known, Challenge) else None)
