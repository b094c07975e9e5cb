"""A second provider, as unlike the first as one may be; docs/adding-a-provider.md made it.

Its ids are `c-17`, one for each call; it takes and posts forms, both ways with HTTP basic
authentication; it has no log of calls, no webhooks to manage and no redials.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from requests import Request

from obdtrack.domain.phone import provider_digits, reported
from obdtrack.domain.redaction import remove_secrets
from obdtrack.domain.reports import RawDelivery, Reading, Report, Unreadable
from obdtrack.domain.status import Status
from obdtrack.domain.submission import (
    AcceptedNumber,
    CallRequest,
    Failure,
    Permit,
    SendResponse,
)
from obdtrack.providers.base import CallbackAuth, Provider, SendRequest, StatusResponse
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, HttpExchange, exchange, open_session
from obdtrack.settings import Settings

LIMITS = Limits(connect=1.0, read=1.0, total=2.0, max_bytes=100_000)

STATUSES = {
    "answered": (Status.COMPLETED, True),
    "busy": (Status.BUSY, False),
    "silent": (Status.NO_ANSWER, False),
}
FAILURES = {401: Failure.INVALID_TOKEN, 403: Failure.FORBIDDEN, 429: Failure.RATE_LIMITED}


class Toy(Provider):
    """One account of the toy provider."""

    name = "toy"
    own_settings = ("TOY_URL", "TOY_USER", "TOY_PASSWORD")
    own_keys = frozenset({"sid", "cost"})

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url, self.timezone = url, ZoneInfo("Europe/Berlin")
        self._login = (user, password)
        self._session = open_session()
        self.callback_auth = BasicAuth(user, password)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        given = [settings.extra.get(name) for name in cls.own_settings]
        return cls(*filter(None, given)) if all(given) else None

    def send(self, request: CallRequest, permit: Permit | None = None) -> SendResponse:
        try:
            found = self._ask("POST", "calls", permit, data=_fields(request))
        except ExchangeError as failed:
            return SendResponse(failed.failure, failed.message, http_status=failed.status)
        failure, told = _judged(found)
        body = remove_secrets("", found.body, self._login[1:])[1]
        if failure is None:
            number = AcceptedNumber(told["sid"], request.to, told.get("cost"), None)
            return SendResponse(None, None, (number,), found.status, body)
        return SendResponse(failure, told.get("error"), (), found.status, body)

    def send_request(self, request: CallRequest, others: Sequence[str] = ()) -> SendRequest:
        headers = (("authorization", "Basic [removed]"),)
        return SendRequest("POST", "calls", headers, urlencode(_fields(request)))

    def read_delivery(self, delivery: RawDelivery) -> Reading:
        fields = dict(parse_qsl(delivery.body.decode("utf-8", "replace")))
        if not fields.get("sid"):
            return Unreadable("no sid in it")
        word = fields.get("state")
        status, answered = STATUSES.get(word or "", (None, None))
        seconds, ended = fields.get("secs", ""), self._time(fields.get("ended", ""))
        return Report(
            provider_id=fields["sid"],
            to=reported(fields.get("to")),
            status=status,
            answered=answered,
            provider_status=word,
            duration_seconds=int(seconds) if seconds.isdecimal() and len(seconds) < 7 else None,
            ended_at=ended,
        )

    def without_secrets(self, delivery: RawDelivery) -> RawDelivery:
        query, body = remove_secrets(delivery.query, delivery.body, self._login[1:])
        return delivery._replace(query=query, body=body)

    def probe(self) -> StatusResponse:
        try:
            found = self._ask("GET", "account")
        except ExchangeError as failed:
            return StatusResponse(failed.failure, failed.message, http_status=failed.status)
        return StatusResponse(None if found.status == 200 else _judged(found)[0])

    def _ask(
        self, method: str, path: str, permit: Permit | None = None, **content: Any
    ) -> HttpExchange:
        request = Request(method, self.url + path, auth=self._login, **content)
        return exchange(self._session, request, LIMITS, permit)

    def _time(self, text: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=self.timezone)


class BasicAuth(CallbackAuth):
    """HTTP basic authentication (RFC 7617) with our user's name and password."""

    curl = ("-u", '"$OBDTRACK_TOY_USER:$OBDTRACK_TOY_PASSWORD"')

    def __init__(self, user: str, password: str) -> None:
        self.secrets = (password.encode(),)
        self._pair = f"{user}:{password}".encode()

    def accepts(self, authorization: str) -> bool:
        return hmac.compare_digest(_decoded(authorization), self._pair)

    def shown(self, authorization: str) -> bytes:
        return _decoded(authorization).partition(b":")[2]

    def challenge(self, authorization: str) -> str:
        return 'Basic realm="obdtrack"'


def _decoded(authorization: str) -> bytes:
    scheme, _, given = authorization.partition(" ")
    try:
        return b64decode(given, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return b""


def _fields(request: CallRequest) -> dict[str, str]:
    heard = {"script": request.flow_id, "sound": request.audio}
    given = {name: value for name, value in heard.items() if value}
    return {"to": provider_digits(request.to), "from": provider_digits(request.bridge), **given} | {
        f"var.{name}": value for name, value in request.variables.items()
    }


def _judged(found: HttpExchange) -> tuple[Failure | None, dict[str, Any]]:
    try:
        told = json.loads(found.body)
    except (ValueError, RecursionError):
        told = None
    told = told if isinstance(told, dict) else {}
    if found.status == 201:
        named = isinstance(told.get("sid"), str)
        return (None if named else Failure.ANSWER_WITHOUT_ID), told
    if found.status // 100 == 3:
        return Failure.REDIRECTED, told
    if found.status // 100 == 4:
        return FAILURES.get(found.status, Failure.INVALID_REQUEST), told
    unclear = Failure.PROVIDER_ERROR if found.status >= 500 else Failure.UNREADABLE_ANSWER
    return unclear, told
