"""What went over the wire about a call, as it went, and as a command to send it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from obdtrack.domain.events import Event
from obdtrack.domain.redaction import REMOVED, hide
from obdtrack.domain.status import Kind
from obdtrack.domain.submission import CallRequest
from obdtrack.settings import callback_path
from obdtrack.store import models
from obdtrack.web.http.auth import services


class Raw(NamedTuple):
    """One request or response as text: its first line, its headers, its body."""

    line: str
    headers: list[tuple[str, str]]
    body: str


def raw_delivery(delivery: models.Delivery, *, in_full: bool, number: str = "") -> Raw:
    """Return a request to the callback as it came; its secret was never stored."""
    show = (lambda text: text) if in_full else (lambda text: hide(text, number))
    query = f"?{delivery.query}" if delivery.query else ""
    headers = [(name, show(str(value))) for name, value in delivery.headers.items()]
    if delivery.content_type:
        headers.append(("content-type", delivery.content_type))
    body = bytes(delivery.body).decode("utf-8", "replace")
    return Raw(
        f"{delivery.method} {callback_path(delivery.provider)}{show(query)}", headers, show(body)
    )


def raw_response(response: models.ResponseRow, *, in_full: bool, number: str = "") -> Raw:
    """Return what the provider's API answered, without secrets."""
    body = bytes(response.body or b"").decode("utf-8", "replace")
    line = f"HTTP {response.http_status}" if response.http_status else "No response came"
    if response.failure:
        line += f" ({response.failure})"
    return Raw(line, [], body if in_full else hide(body, number))


def raw_request(call: models.Call, events: Sequence[Event], *, in_full: bool) -> Raw:
    """Return the request that placed the call; tokens and values of variables are not kept.

    The webhook is the one that was sent; of calls of earlier versions only one they named is known.
    """
    submission = call.submission
    noted = (event.detail.get("webhook_id") for event in events if event.kind is Kind.SUBMISSION)
    request = CallRequest(
        to=call.to_number,
        bridge=submission.bridge,
        flow_id=submission.flow_id,
        audio=submission.audio,
        name=call.name,
        interval=call.interval,
        webhook_id=next(noted, None) or submission.webhook_id,
        variables=dict.fromkeys(submission.variable_names, REMOVED),
    )
    sent = services().provider_of(call).send_request(request)
    body = sent.body if in_full else hide(sent.body, call.to_number)
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
