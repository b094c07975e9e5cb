"""What was sent and received about one call, by time, with the events that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.calls import responses
from obdtrack.calls.reports import deliveries
from obdtrack.domain.status import Kind
from obdtrack.domain.timeline import TimelineEntry
from obdtrack.store import models
from obdtrack.web.http.auth import services
from obdtrack.web.pages.provenance import is_test
from obdtrack.web.pages.raw import Raw, curl_delivery, raw_delivery, raw_request, raw_response

_NOTED_WITHIN = timedelta(minutes=1)


class Wire(NamedTuple):
    """A request or a response; `event` is the number of the event that came of it, if one did.

    `delivery` is the request to the callback, if it is one, and `curl` the command to repeat it.
    """

    title: str
    at: datetime
    raw: Raw
    event: int | None
    delivery: models.Delivery | None = None
    curl: str | None = None


def wires(
    call: models.Call, entries: Sequence[TimelineEntry], base: str, *, in_full: bool
) -> list[Wire]:
    """Return our request, the provider's responses and the reports; `base` is our own address."""
    events = [entry.event for entry in entries]
    ours = []
    if call.provider in services().providers and not is_test(events):
        sent = raw_request(call, events, in_full=in_full)
        ours = [Wire("Our request", call.created_at, sent, 1)]
    theirs = [_response(call, row, entries, in_full) for row in responses.of_call(call.id)]
    came = [_report(call, row, entries, base, in_full) for row in deliveries.of_call(call.id)]
    return sorted([*ours, *theirs, *came], key=lambda wire: wire.at)


def _response(
    call: models.Call, row: models.ResponseRow, entries: Sequence[TimelineEntry], in_full: bool
) -> Wire:
    title = "The provider's response" if row.kind == "send" else "Response to a poll"
    return Wire(
        title if row.http_status else f"{title}: none",
        row.answered_at,
        raw_response(row, in_full=in_full, number=call.to_number),
        next((n for n, e in enumerate(entries, 1) if _made(row, e)), None),
    )


def _made(row: models.ResponseRow, entry: TimelineEntry) -> bool:
    """Whether this event came of a response: it names it, or concludes the search it was in."""
    event = entry.event
    if event.response_id is not None:
        return bool(event.response_id == row.id)
    waited = event.recorded_at - row.answered_at
    return event.kind is Kind.CHECK and timedelta(0) <= waited < _NOTED_WITHIN


def _report(
    call: models.Call,
    row: models.Delivery,
    entries: Sequence[TimelineEntry],
    base: str,
    in_full: bool,
) -> Wire:
    return Wire(
        "Report",
        row.received_at,
        raw_delivery(row, in_full=in_full, number=call.to_number),
        next((n for n, e in enumerate(entries, 1) if e.event.delivery_id == row.id), None),
        row,
        curl_delivery(row, base) if in_full else None,
    )
