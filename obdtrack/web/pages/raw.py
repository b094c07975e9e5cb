"""What went over the wire about a call, as it went, and as a command to send it again."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple

from obdtrack.config import CALLBACK_PATH
from obdtrack.domain.phone import provider_digits
from obdtrack.storage import models
from obdtrack.web.pages.privacy import hide


class Raw(NamedTuple):
    """One request or answer as text: its first line, its headers, its body."""

    line: str
    headers: list[tuple[str, str]]
    body: str


def raw_delivery(delivery: models.Delivery, *, in_full: bool, number: str = "") -> Raw:
    """Give a request to the callback as it came; its secret was never stored."""
    show = (lambda text: text) if in_full else (lambda text: hide(text, number))
    query = f"?{delivery.query}" if delivery.query else ""
    headers = [(name, show(str(value))) for name, value in delivery.headers.items()]
    if delivery.content_type:
        headers.append(("content-type", delivery.content_type))
    body = bytes(delivery.body).decode("utf-8", "replace")
    return Raw(f"{delivery.method} {CALLBACK_PATH}{show(query)}", headers, show(body))


def raw_answer(answer: models.Answer, *, in_full: bool, number: str = "") -> Raw:
    """Give what the provider's API answered, without secrets."""
    body = bytes(answer.body or b"").decode("utf-8", "replace")
    line = f"HTTP {answer.http_status}" if answer.http_status else "No answer came"
    if answer.failure:
        line += f" ({answer.failure})"
    return Raw(line, [], body if in_full else hide(body, number))


def raw_request(call: models.Call, *, in_full: bool) -> Raw:
    """Give the request that asked for the call; tokens and values of variables are not kept."""
    sent = call.submission
    told = {
        "bridge": provider_digits(sent.bridge),
        "to": provider_digits(call.to_number),
        "flow_id": sent.flow_id,
        "audio": sent.audio,
        "name": call.name,
        "interval": call.interval or None,
        "webhook_id": sent.webhook_id,
        **{f"variables[{name}]": "[removed]" for name in sent.variable_names},
    }
    body = json.dumps(
        {k: v for k, v in told.items() if v is not None}, indent=2, ensure_ascii=False
    )
    headers = [("authorization", "Bearer [removed]"), ("content-type", "application/json")]
    return Raw("POST outgoing/send", headers, body if in_full else hide(body, call.to_number))


def curl_delivery(delivery: models.Delivery, base: str) -> str:
    """Give the command that posts this very request once more."""
    query = f"?{delivery.query}" if delivery.query else ""
    words = ["curl", "-X", delivery.method, shlex.quote(f"{base}{CALLBACK_PATH}{query}")]
    words += ["-H", '"Authorization: Bearer $OBDTRACK_WEBHOOK_SECRET"']
    if delivery.content_type:
        words += ["-H", shlex.quote(f"Content-Type: {delivery.content_type}")]
    if delivery.body:
        text = bytes(delivery.body).decode("utf-8", "replace")
        words += ["--data-binary", shlex.quote(text)]
    return " ".join(words)


def curl_call(call: models.Call, base: str) -> str:
    """Give the command that asks our API about this call."""
    address = shlex.quote(f"{base}/api/v1/calls/{call.id}")
    return f'curl {address} -H "Authorization: Bearer $OBDTRACK_KEY"'
