"""What was sent and received about a call: as text, by time, and as commands to send it again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.calls import responses
from obdtrack.calls.placing.submissions import request_of
from obdtrack.calls.reports import deliveries
from obdtrack.domain.events import Event
from obdtrack.domain.redaction import REMOVED, hide
from obdtrack.domain.status import Kind, Status
from obdtrack.domain.timeline import TimelineEntry
from obdtrack.settings import callback_path
from obdtrack.store import models
from obdtrack.web.http.auth import services
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.provenance import is_test

PAGE = 100
"""Events of a call on one page; hardly any call has as many."""

_NOTED_WITHIN = timedelta(minutes=1)


class Raw(NamedTuple):
    """One request or response as text: its first line, its headers, its body."""

    line: str
    headers: list[tuple[str, str]]
    body: str


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
    call: models.Call,
    calls: Sequence[models.Call],
    shown: Sequence[TimelineEntry],
    until: datetime | None,
    base: str,
    *,
    in_full: bool,
) -> list[Wire]:
    """Return our request, the provider's responses and the reports; `base` is our own address.

    They are those of the time of the events that are `shown`, up to `until` (None: to now), and no
    more of each than are on one page. `calls` are those of the call's submission.
    """
    events = [entry.event for entry in shown]
    asked = [] if in_full else [one for one in calls if one.status != Status.SKIPPED]
    others = [one.to_number for one in asked if one.id != call.id]
    first, since = shown[0].number == 1, events[0].recorded_at
    ours = []
    if first and call.provider in services().providers and not is_test(events):
        sent = raw_request(call, events, others, in_full=in_full)
        ours = [Wire(_("Our request"), call.created_at, sent, 1)]
    theirs = [
        _response(call, row, shown, others, in_full)
        for row in responses.of_call(call.id)
        if (until is None or row.responded_at <= until) and (first or since <= row.responded_at)
    ]
    number_of = {entry.event.delivery_id: entry.number for entry in shown}
    came = [
        _report(call, row, number_of.get(row.id), base, in_full)
        for row in deliveries.last_of_call(call.id, PAGE, until)
        if first or since <= row.received_at
    ]
    return sorted([*ours, *theirs[-PAGE:], *came], key=lambda wire: wire.at)


def _response(
    call: models.Call,
    row: models.ResponseRow,
    entries: Sequence[TimelineEntry],
    others: Sequence[str],
    in_full: bool,
) -> Wire:
    title = _("The provider's response") if row.kind == "send" else _("Response to a poll")
    return Wire(
        title if row.http_status else _("%(what)s: none", what=title),
        row.responded_at,
        raw_response(row, [call.to_number], others, in_full=in_full),
        next((entry.number for entry in entries if _made(row, entry)), None),
    )


def _made(row: models.ResponseRow, entry: TimelineEntry) -> bool:
    """Whether this event came of a response: it names it, or concludes the search it was in."""
    event = entry.event
    if event.response_id is not None:
        return bool(event.response_id == row.id)
    waited = event.recorded_at - row.responded_at
    return event.kind is Kind.CHECK and timedelta(0) <= waited < _NOTED_WITHIN


def _report(
    call: models.Call,
    row: models.Delivery,
    event: int | None,
    base: str,
    in_full: bool,
) -> Wire:
    return Wire(
        _("Report"),
        row.received_at,
        raw_delivery(row, None if in_full else [call.to_number]),
        event,
        row,
        curl_delivery(row, base) if in_full else None,
    )


def raw_delivery(delivery: models.Delivery, numbers: Collection[str] | None) -> Raw:
    """Return a request to the callback as received, without these numbers; None: in full.

    Its secret was never stored.
    """

    def show(text: str) -> str:
        return text if numbers is None else hide(text, *numbers)

    query = f"?{delivery.query}" if delivery.query else ""
    headers = [(show(name), show(str(value))) for name, value in delivery.headers.items()]
    if delivery.content_type:
        headers.append(("content-type", show(delivery.content_type)))
    body = bytes(delivery.body).decode("utf-8", "replace")
    return Raw(
        f"{delivery.method} {callback_path(delivery.provider)}{show(query)}", headers, show(body)
    )


def raw_response(
    response: models.ResponseRow, numbers: Sequence[str], others: Sequence[str], *, in_full: bool
) -> Raw:
    """Return what the provider's API returned, without secrets and these `others`.

    Unless it is shown `in_full`, also without these `numbers` and what looks like one.
    """
    body = bytes(response.body or b"").decode("utf-8", "replace")
    line = f"HTTP {response.http_status}" if response.http_status else _("No response came")
    if response.failure:
        line += f" ({response.failure})"
    return Raw(line, [], hide(body, *others, *([] if in_full else numbers), others=not in_full))


def raw_request(
    call: models.Call, events: Sequence[Event], others: Sequence[str], *, in_full: bool
) -> Raw:
    """Return the request that placed the call; tokens and values of variables are not stored.

    The `others` that it went to as well are masked.

    The webhook is the one that was sent; of calls of earlier versions only one they named is known.
    """
    asked = request_of(call)
    noted = (event.detail.get("webhook_id") for event in events if event.kind is Kind.SUBMISSION)
    request = replace(
        asked,
        webhook_id=next(noted, None) or asked.webhook_id,
        variables=dict.fromkeys(call.submission.variable_names, REMOVED),
    )
    sent = services().provider_of(call).send_request(request, others)
    masked = others if in_full else [call.to_number, *others]
    body = hide(sent.body, *masked, others=not in_full)
    return Raw(f"{sent.method} {sent.path}", list(sent.headers), body)


def curl_delivery(delivery: models.Delivery, base: str) -> str:
    """Return the command that posts this very request once more."""
    query = f"?{delivery.query}" if delivery.query else ""
    address = f"{base}{callback_path(delivery.provider)}{query}"
    words = ["curl", "-X", delivery.method, shlex.quote(address)]
    if provider := services().providers.get(delivery.provider):
        words += provider.callback_auth.curl
    if delivery.content_type:
        words += ["-H", shlex.quote(f"Content-Type: {delivery.content_type}")]
    if delivery.body:
        text = bytes(delivery.body).decode("utf-8", "replace")
        words += ["--data-binary", shlex.quote(text)]
    return " ".join(words)


def curl_call(call: models.Call, base: str) -> str:
    """Return the command that looks this call up over our API."""
    address = shlex.quote(f"{base}/api/v1/calls/{call.id}")
    return f'curl {address} -H "Authorization: Bearer $OBDTRACK_KEY"'
