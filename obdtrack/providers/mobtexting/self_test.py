"""Speaks to a callback as the provider does: the challenge, and a sample report."""

from __future__ import annotations

import json
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from requests import Request

from obdtrack.domain.phone import provider_digits
from obdtrack.providers.base import CallbackReply
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, HttpExchange, exchange, open_session
from obdtrack.providers.mobtexting.verdicts import json_object, redirect_target

# Our callback responds in a few bytes; what needs seconds for them is in no state to take reports.
_LIMITS = Limits(connect=3.0, read=8.0, total=10.0, max_bytes=65_536)
_TAKEN = frozenset({200, 202})
_RANG, _TALKED = timedelta(seconds=7), timedelta(seconds=16)

_COMPLAINTS: dict[int, str] = {
    401: "responds 401: it accepts none of the secrets in OBDTRACK_WEBHOOK_SECRETS",
    413: "responds 413: something in front of it refuses a body of a few hundred bytes",
    503: "responds 503: it cannot store anything at the moment; its log says why",
}
_ELSE = "something other than obdtrack's callback responds there (HTTP {status})"
_LOGIN = "responds 401, but not as obdtrack does: something in front of it asks for a login"


def challenge(uri: str, secret: str | None, key: str | None) -> CallbackReply:
    """Ask a callback to repeat a word, as the provider does before it accepts a webhook.

    `key` is the validation key. Changes nothing there. Never raises for what comes back.
    """
    key, word = key or secrets.token_hex(8), secrets.token_hex(4)
    reply = _post(uri, secret, {"validation_key": key, "challenge": word}, {"token": key})
    if reply.complaint is not None:
        return reply
    response = reply.response or {}
    if reply.status == 200 and response.get("challenge") == word:
        return reply
    if response.get("status") == "ok":
        return reply._replace(
            complaint="takes the secret, but its OBDTRACK_WEBHOOK_TOKEN is another one"
        )
    return reply._replace(complaint=_ELSE.format(status=reply.status))


def deliver(uri: str, secret: str | None, report: dict[str, Any]) -> CallbackReply:
    """Post a report to a callback, once, as the provider does. Never raises for what comes back."""
    return _post(uri, secret, report)


def sample_report(mid: str, to: str, bridge: str, ended_at: datetime) -> dict[str, Any]:
    """Return a default report of an answered call of submission `mid` that ended at `ended_at`.

    Its times are written on the clock of `ended_at`.
    """
    started_at = ended_at - _TALKED
    return {
        "bridge": int(provider_digits(bridge)),
        "to": int(provider_digits(to)),
        "source": "obdtrack-test",
        "mid": mid,
        "start_at": f"{started_at:%Y-%m-%d %H:%M:%S}",
        "end_at": f"{ended_at:%Y-%m-%d %H:%M:%S}",
        "duration": str((_RANG + _TALKED).seconds),
        "status": "ANSWER",
    }


def _post(
    uri: str, secret: str | None, body: dict[str, Any], query: dict[str, str] | None = None
) -> CallbackReply:
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}".encode()
    request = Request("POST", uri, headers, data=json.dumps(body), params=query)
    begun = time.monotonic()
    with open_session() as session:
        try:
            found = exchange(session, request, _LIMITS)
        except ExchangeError as failed:
            why = failed.message.rstrip(".")
            return CallbackReply(f"cannot be reached from here: {why}", _since(begun))
    complaint = None if found.status in _TAKEN else _complaint(found)
    return CallbackReply(complaint, _since(begun), found.status, json_object(found))


def _complaint(found: HttpExchange) -> str:
    if found.status // 100 == 3:
        target = redirect_target(found)._replace(query="", fragment="").geturl()
        return f"redirects to {target or 'nowhere'}, and the provider does not follow"
    if found.status == 401 and (json_object(found) or {}).get("code") != "unauthorized":
        return _LOGIN
    return _COMPLAINTS.get(found.status, _ELSE.format(status=found.status))


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
