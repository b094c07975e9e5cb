"""The client of MobTexting's API: asks for a call to be placed, and what became of it."""

from __future__ import annotations

import hmac
import json
import re
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import Any, ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from requests import PreparedRequest, Request
from requests.auth import AuthBase

from obdtrack.domain.phone import fits, masked, provider_digits, reported
from obdtrack.domain.redaction import DOTS, REMOVED, remove_named, remove_secrets, take_out
from obdtrack.domain.reports import (
    Challenge,
    FoundCall,
    NotOurs,
    PlainReport,
    RawDelivery,
    Reading,
    Several,
)
from obdtrack.domain.submission import AcceptedNumber, CallRequest, Failure, Permit, SendResponse
from obdtrack.errors import ConfigError
from obdtrack.providers.base import (
    CallbackReply,
    ComposedReports,
    Explanation,
    ListsDays,
    ManagesWebhooks,
    SendRequest,
    StatusResponse,
    TakesLists,
    TriesCallback,
)
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, HttpExchange, exchange, open_session
from obdtrack.providers.mobtexting import self_test
from obdtrack.providers.mobtexting.account import MobTextingWebhooks
from obdtrack.providers.mobtexting.field_mapping import JSON_TEMPLATE, QUERY_TEMPLATE, explain
from obdtrack.providers.mobtexting.ids import UuidIds
from obdtrack.providers.mobtexting.plain_reports import PlainReader
from obdtrack.providers.mobtexting.reports import (
    PayloadReader,
    read_call,
    read_delivery,
    read_money,
)
from obdtrack.providers.mobtexting.text import ID_LENGTH, scalar
from obdtrack.providers.mobtexting.verdicts import judge, presentable
from obdtrack.providers.mobtexting.vocabulary import places
from obdtrack.providers.shared_secret import SharedSecret
from obdtrack.settings import SECRET_LENGTH, Settings

# Shorter ones are no secrets worth the name, and are found in many an innocent word.
_SHORTEST_SECRET = 4
_TOKEN = re.compile(r"[\x21-\x7e]+")
_URL = "https://portal.mobtexting.com/api/v2/"
_NO_TOKEN = "none"  # noqa: S105  # commands that ask no provider need none
_NOBODYS_CALL = f"{UUID(int=0x4000_8000_000000000000)}:1"


class MobTexting(ListsDays, TakesLists, ManagesWebhooks, TriesCallback, ComposedReports):
    """One account at `url`; threads may share it.

    `timezone` is that of times the provider writes without one, `date_order` (`dmy`, `mdy` or None)
    that of dates like 04/09/2021, `webhook_id` goes with calls that
    name none, `fields` is for composed webhooks (our name -> their key), `secrets` and
    `validation_key` are what comes with requests to the callback. Timeouts are in seconds.
    Raises ConfigError if the token cannot be sent or `fields` cannot be read.
    """

    name = "mobtexting"
    ids = UuidIds()
    intervals = (0, 5, 15, 30, 45, 60)
    most_numbers = 100
    recordings_work = timedelta(hours=2)
    own_keys = frozenset(
        {"id", "mobile", "to", "status", "charges", "credits", "created_at", "submitted_at", "code"}
    )
    templates: ClassVar[Mapping[str, str]] = {"query": QUERY_TEMPLATE, "JSON": JSON_TEMPLATE}
    naming = "{{id}}, {{mid}}, {{to}}"

    def __init__(
        self,
        *,
        url: str,
        token: str,
        timezone: ZoneInfo,
        date_order: str | None = None,
        webhook_id: str | None = None,
        fields: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        validation_key: str | None = None,
        polls_per_minute: int = 600,
        connect_timeout: float = 3.0,
        read_timeout: float = 8.0,
        total_timeout: float = 15.0,
        max_response_bytes: int = 1_000_000,
    ) -> None:
        self.url = url.rstrip("/") + "/"
        self.timezone = timezone
        self.polls_per_minute = polls_per_minute
        self._token = _Token(token)
        self._webhook_id = webhook_id
        self._reader = PayloadReader(timezone, fields or {}, date_order)
        self._plain = PlainReader(self._reader, self.ids)
        self._secret = next(iter(secrets), None)
        self._validation_key = validation_key
        self.callback_auth = SharedSecret(secrets)
        key = validation_key or ""
        self._short_key = key if len(key) < SECRET_LENGTH else ""
        self._long_secrets = (*secrets, key) if len(key) >= SECRET_LENGTH else tuple(secrets)
        self._limits = Limits(connect_timeout, read_timeout, total_timeout, max_response_bytes)
        self._session = open_session()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the account that the settings name. Raises ConfigError."""
        return cls(
            url=settings.provider_url or _URL,
            token=settings.provider_token or _NO_TOKEN,
            timezone=settings.provider_timezone,
            date_order=settings.provider_date_order,
            webhook_id=settings.webhook_id,
            fields=settings.webhook_fields,
            secrets=settings.webhook_secrets,
            validation_key=settings.webhook_token,
            polls_per_minute=settings.poll_per_minute,
            total_timeout=settings.provider_timeout,
            read_timeout=min(8.0, settings.provider_timeout),
        )

    @classmethod
    def objections(cls, values: Mapping[str, Any]) -> list[str]:
        try:
            places(values.get("webhook_fields") or {})
        except ConfigError as error:
            return [str(error)]
        return []

    def send(self, request: CallRequest, permit: Permit | None = None) -> SendResponse:
        """Ask for one call to be placed, once (`POST outgoing/send`). Never raises."""
        return self.send_list([request], permit)

    def send_list(
        self, requests: Sequence[CallRequest], permit: Permit | None = None
    ) -> SendResponse:
        """Ask for calls to be placed, once, by one `POST outgoing/send`. Never raises."""
        numbers = [request.to for request in requests]
        try:
            fields = _send_fields(self.completed(requests[0]), numbers)
            found = self._asked(self._limits, "POST", _SEND, permit, json=fields)
            return self._read_send(found, numbers, requests[0].variables)
        except ExchangeError as failed:
            return SendResponse(failed.failure, failed.message, http_status=failed.status)
        except Exception as error:
            return SendResponse(Failure.INTERNAL_ERROR, _place_of(error))

    def completed(self, request: CallRequest) -> CallRequest:
        return replace(request, webhook_id=request.webhook_id or self._webhook_id)

    def send_request(self, request: CallRequest, others: Sequence[str] = ()) -> SendRequest:
        headers = ("authorization", f"Bearer {REMOVED}"), ("content-type", "application/json")
        fields = _send_fields(request, [request.to, *others])
        body = json.dumps(fields, indent=2, ensure_ascii=False)
        return SendRequest("POST", _SEND, headers, body)

    def find(
        self, *, provider_id: str | None = None, to: str | None = None, on: date | None = None
    ) -> StatusResponse:
        """Ask what became of a call (`GET outgoing/callstatus`). Never raises for what comes back.

        By the provider's id, or by number (E.164) and day in the provider's time zone. No such call
        is a proper response without calls. Raises ValueError if neither id nor number is given.
        """
        if not provider_id and not to:
            raise ValueError("Give the provider's id of the call, or its number.")
        try:
            found = self._asked(
                self._limits, "GET", "outgoing/callstatus", params=_question(provider_id, to, on)
            )
            return self._read_find(found, to)
        except ExchangeError as failed:
            return StatusResponse(failed.failure, failed.message, http_status=failed.status)
        except Exception as error:
            return StatusResponse(Failure.INTERNAL_ERROR, _place_of(error))

    def find_on(self, on: date, numbers: Collection[str], page: int = 1) -> StatusResponse:
        """Ask for the calls of a day (`GET outgoing/callstatus?date=`). Never raises."""
        question = {"date": on.isoformat()} | ({"page": str(page)} if page > 1 else {})
        try:
            found = self._asked(self._limits, "GET", "outgoing/callstatus", params=question)
            return self._read_page(found, numbers, page)
        except ExchangeError as failed:
            return StatusResponse(failed.failure, failed.message, http_status=failed.status)
        except Exception as error:
            return StatusResponse(Failure.INTERNAL_ERROR, _place_of(error))

    def probe(self) -> StatusResponse:
        return self.find(provider_id=_NOBODYS_CALL)

    def read_found(self, body: bytes) -> tuple[FoundCall, ...]:
        entries = judge(HttpExchange(200, {}, body)).entries()
        return tuple(call for entry in entries if (call := read_call(entry, self._reader)))

    def read_delivery(self, delivery: RawDelivery) -> Reading:
        reading = read_delivery(delivery, self._reader)
        if isinstance(reading, Several):
            return Several(tuple((part, self._checked(one)) for part, one in reading.parts))
        return self._checked(reading)

    def read_plain(self, delivery: RawDelivery) -> PlainReport | None:
        return self._plain.read(delivery)

    def _checked(self, reading: Reading) -> Reading:
        expected = self._validation_key
        if isinstance(reading, Challenge) and expected is not None:
            given = reading.validation_key or ""
            if not hmac.compare_digest(given.encode(), expected.encode()):
                return NotOurs("the validation key is not OBDTRACK_WEBHOOK_TOKEN")
        return reading

    def without_secrets(self, delivery: RawDelivery) -> RawDelivery:
        query, body = delivery.query, delivery.body
        if self._short_key:
            query, body = remove_named(query, body, self._short_key, _NAMES_OF_KEY)
        query, body = remove_secrets(query, body, self._long_secrets)
        if query is delivery.query and body is delivery.body:
            return delivery
        return delivery._replace(query=query, body=body)

    @property
    def kept_headers(self) -> Sequence[str]:
        return self._reader.headers

    def webhooks(self) -> MobTextingWebhooks:
        return MobTextingWebhooks(self._ask_patiently, self._hidden)

    def challenge(self, uri: str) -> CallbackReply:
        return self_test.challenge(uri, self._secret, self._validation_key)

    def sample_id(self, unique: str) -> str:
        return f"{unique}:1"

    def deliver_sample(
        self, uri: str, provider_id: str, to: str, bridge: str, ended_at: datetime
    ) -> CallbackReply:
        mid = provider_id.removesuffix(":1")
        report = self_test.sample_report(mid, to, bridge, ended_at.astimezone(self.timezone))
        return self_test.deliver(uri, self._secret, report)

    def explain(self, sample: RawDelivery, bridge: str | None) -> Explanation:
        return explain(sample, self._reader, bridge)

    def _ask_patiently(self, method: str, path: str, **content: Any) -> HttpExchange:
        # Before it responds it waits for our own response to its challenge.
        limits = replace(self._limits, read=self._limits.total)
        return self._asked(limits, method, path, **content)

    def _asked(
        self, limits: Limits, method: str, path: str, permit: Permit | None = None, **content: Any
    ) -> HttpExchange:
        headers = {"Accept": "application/json"}
        request = Request(method, self.url + path, headers, auth=self._token, **content)
        return exchange(self._session, request, limits, permit)

    def _read_send(
        self, found: HttpExchange, asked: Sequence[str], variables: Mapping[str, str]
    ) -> SendResponse:
        verdict = judge(found)
        failure, numbers = verdict.failure, tuple[AcceptedNumber, ...]()
        if failure is None:
            entries = [_listed(entry, self._reader) for entry in verdict.entries()]
            numbers = tuple(entries if len(asked) > 1 else _of_one(entries, *asked))
            failure = None if numbers else Failure.ANSWER_WITHOUT_ID
        hidden = self._hidden(asked, *variables.values())
        count = _COUNT.search(verdict.words or "")
        return SendResponse(
            failure,
            presentable(verdict.words, hidden),
            numbers,
            found.status,
            self._token.erased(found.body),
            verdict.retry_after,
            int(count[1]) if count else None,
        )

    def _read_find(self, found: HttpExchange, to: str | None) -> StatusResponse:
        verdict = judge(found)
        failure = verdict.failure
        calls = self.read_found(found.body) if failure is None else ()
        if verdict.means_no_such_call():
            failure = None
        elif failure is None and not calls:
            failure = Failure.UNREADABLE_ANSWER
        message = presentable(verdict.words, self._hidden([to] if to else []))
        body = self._token.erased(found.body)
        return StatusResponse(failure, message, calls, found.status, body, verdict.retry_after)

    def _read_page(
        self, found: HttpExchange, numbers: Collection[str], page: int
    ) -> StatusResponse:
        verdict = judge(found)
        none = verdict.means_no_such_call()
        read = [(entry, read_call(entry, self._reader)) for entry in verdict.entries()]
        ours = [
            (entry, call)
            for entry, call in read
            if call
            and (
                not call.report.called
                or any(fits(ours, told) for told in call.report.called for ours in numbers)
            )
        ]
        failure = None if none else verdict.failure
        if failure is None and not none and not any(call for _, call in read):
            failure = Failure.UNREADABLE_ANSWER
        kept = {"status": found.status, "data": [entry for entry, _ in ours]}
        return StatusResponse(
            failure,
            presentable(verdict.words, self._hidden(numbers)),
            tuple(call for _, call in ours) if failure is None else (),
            found.status,
            self._token.erased(json.dumps(kept, default=str).encode()),
            verdict.retry_after,
            page + 1 if _has_more(verdict.response or {}) else None,
        )

    def _hidden(self, numbers: Iterable[str], *values: str) -> dict[str, str]:
        """Return what a message must not hold, and what stands there instead."""
        secrets = (self._token.text, *values)
        hidden = {secret: DOTS for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        return hidden | {provider_digits(to): masked(to).removeprefix("+") for to in numbers}


class _Token(AuthBase):
    """Puts the token on a request, and takes it out of what comes back."""

    def __init__(self, text: str) -> None:
        if not _TOKEN.fullmatch(text):
            raise ConfigError("The provider's token is empty or holds characters no header may.")
        self.text = text

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.text}"
        return request

    def erased(self, body: bytes) -> bytes:
        """Return a body to keep: error pages tend to repeat the request's headers."""
        if len(self.text) < _SHORTEST_SECRET:
            return body
        return take_out(body, {self.text.encode(): DOTS.encode()})


_SEND = "outgoing/send"
_COUNT = re.compile(r"\b([0-9]{1,4}) numbers? accepted\b", re.IGNORECASE)
_NAMES_OF_KEY = ("token", "validation_key")


def _send_fields(request: CallRequest, numbers: Iterable[str]) -> dict[str, str | int]:
    """Return the body of `outgoing/send`; each variable is a flat key of its own."""
    named = {
        "bridge": provider_digits(request.bridge),
        "to": ",".join(map(provider_digits, numbers)),
        "flow_id": request.flow_id,
        "audio": request.audio,
        "name": request.name,
        "interval": request.interval,
        "webhook_id": request.webhook_id,
    }
    given: dict[str, str | int] = {key: value for key, value in named.items() if value}
    flat = {f"variables[{name}]": value for name, value in request.variables.items()}
    return given | flat


def _question(provider_id: str | None, to: str | None, on: date | None) -> dict[str, str]:
    if provider_id:
        return {"id": provider_id}
    asked = {"mobile": provider_digits(to or "")}
    return asked | {"date": on.isoformat()} if on else asked


def _has_more(response: Mapping[str, Any]) -> bool:
    """Whether a list goes on: some deployments page it, in one of two ways."""
    links, meta = response.get("links"), response.get("meta")
    if isinstance(links, Mapping) and links.get("next"):
        return True
    if not isinstance(meta, Mapping):
        return False
    current, last = scalar(meta.get("current_page")), scalar(meta.get("last_page"))
    return bool(current and last and current.isdigit() and last.isdigit()) and int(
        current or 0
    ) < int(last or 0)


def _listed(entry: Mapping[str, Any], reader: PayloadReader) -> AcceptedNumber:
    provider_id = scalar(entry.get("id"))
    return AcceptedNumber(
        provider_id if provider_id and len(provider_id) <= ID_LENGTH else None,
        reported(entry.get("mobile")),
        read_money(_first(entry, "charges", "credits")),
        reader.time(_first(entry, "submitted_at", "created_at")),
    )


def _of_one(entries: Sequence[AcceptedNumber], asked: str) -> list[AcceptedNumber]:
    """Return the entries with a usable id for the only number we asked for.

    `mobile` says whose an entry is. If none has our number in full, one does that it fits, masked
    (`91761936xxxx`) or without its country code; or else the first, if that gives no number.
    """
    ours = (
        [entry for entry in entries if entry.to == asked]
        or [entry for entry in entries if entry.to and fits(asked, entry.to)][:1]
        or [entry for entry in entries[:1] if entry.to is None]
    )
    return [entry._replace(to=asked) for entry in ours if entry.provider_id]


def _first(entry: Mapping[str, Any], *keys: str) -> object:
    return next((value for key in keys if (value := entry.get(key)) not in (None, "")), None)


def _place_of(error: Exception) -> str:
    """Say what went wrong, and where, without the error's text, which may hold anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"Unforeseen {type(error).__name__} in {PurePath(frame.filename).name}:{frame.lineno}"
