"""What the inbox says about each request: whose number, the provider's word, and its call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from obdtrack.calls import search
from obdtrack.calls.reports import deliveries
from obdtrack.domain.redaction import hide
from obdtrack.domain.reports import OptOut, Reading, Report
from obdtrack.store import models
from obdtrack.web.http.auth import services
from obdtrack.web.pages.labels import status_look
from obdtrack.web.pages.template_helpers import reader

_USUAL_BYTES = 8192
"""A longer body is no report as the provider sends them, and reading fifty of them takes long."""


class DeliveryLine(NamedTuple):
    """A request in the list; texts are as this reader may see them.

    `said` is the provider's word, `why` the reason for the outcome, `about` the provider's id of
    the call or how the request begins. `call_word` is the status of its call, if that still exists.
    """

    row: models.Delivery
    number: str | None
    said: str | None
    why: str
    about: str
    call_word: str | None


def list_lines(found: Sequence[models.Delivery]) -> list[DeliveryLine]:
    """Return requests as lines."""
    calls = search.by_id({row.call_id for row in found if row.call_id})
    return [_line(row, calls.get(row.call_id) if row.call_id else None) for row in found]


def _line(row: models.Delivery, call: models.Call | None) -> DeliveryLine:
    report = _as_report(_reading(row))
    beginning = bytes(row.body[:400]).decode("utf-8", "replace") or row.query[:400]
    number = report.to or row.to_number or (call.to_number if call else None)
    return DeliveryLine(
        row,
        reader().number(number) if number else None,
        _shown(report.provider_status or "", number) or None,
        _shown(row.reason or "", number),
        _shown(report.provider_id or report.mid or " ".join(beginning.split()), number)[:160],
        status_look(call.status).word if call else None,
    )


def _reading(row: models.Delivery) -> Reading | None:
    if len(row.body) > _USUAL_BYTES:
        return None
    try:
        return services().provider_of(row).read_delivery(deliveries.to_stored(row).raw)
    except Exception:  # its outcome shows it already
        return None


def _as_report(reading: Reading | None) -> Report:
    match reading:
        case Report():
            return reading
        case OptOut(number=number):
            return Report(to=number, provider_status="wants no calls")
    return Report()


def _shown(text: str, number: str | None) -> str:
    """Return a text about a number as this reader may see it."""
    return text if reader().sees_numbers else hide(text, number or "")
