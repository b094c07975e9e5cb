"""Makes the things tests talk about: a clock, a scripted provider, settings, reports, events."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.quarantine import Quarantine
from obdtrack.domain.events import Event
from obdtrack.domain.reports import FoundCall, RawDelivery, Report, facts, occurred_at
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.submission import (
    AcceptedNumber,
    CallRequest,
    Failure,
    NotPermittedError,
    Permit,
    SendResponse,
)
from obdtrack.providers.base import StatusResponse
from obdtrack.providers.mobtexting.client import MobTexting
from obdtrack.providers.mobtexting.reports import PayloadReader, read_call
from obdtrack.providers.mobtexting.vocabulary import meaning_of
from obdtrack.services import Services, new_id
from obdtrack.settings import Settings, callback_path
from obdtrack.store import models

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NUMBER = "+918867135001"
SECRET = "a-webhook-secret-of-the-tests"
MID = "70fa87e0-9df9-4327-bc80-a561c48703d8"
IDS, PROVIDER = MobTexting.ids, MobTexting.name
CALLBACK_PATH = callback_path(PROVIDER)


class Clock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **lengths: float) -> None:
        self.now += timedelta(**lengths)


def time_passes(clock: Clock, services: Services, **lengths: float) -> None:
    """Let so much time pass, and not only the clock be set: somebody looked at it every minute."""
    clock.forward(**lengths)
    seen = {"seen_at": clock.now, "doubt_seconds": 0, "since": clock.now}
    with services.store.write():
        models.ClockMark.insert(name="retention", **seen).on_conflict(
            conflict_target=[models.ClockMark.name], update=seen
        ).execute()


class ScriptedProvider(MobTexting):
    """Answers sends and questions as told, counts dials, and reads deliveries for real."""

    def __init__(self, chosen: Settings | None = None) -> None:
        chosen = chosen or settings()
        super().__init__(
            url=chosen.provider_url,
            token=chosen.provider_token,
            timezone=chosen.provider_timezone,
            fields=chosen.webhook_fields,
            secrets=chosen.webhook_secrets,
            validation_key=chosen.webhook_token,
            polls_per_minute=chosen.poll_per_minute,
        )
        self.sent: list[CallRequest] = []
        self.lists: list[list[CallRequest]] = []
        self.asked: list[dict[str, Any]] = []
        self.webhook_id: str | None = None
        self.on_send: Callable[[CallRequest], SendResponse] = accepted()
        self.on_send_list: Callable[[Sequence[CallRequest]], SendResponse] = accepted_list()
        self.on_find: Callable[..., StatusResponse] = lambda **_: StatusResponse()
        self.on_find_on: Callable[[int], StatusResponse] = lambda _: StatusResponse()
        self.reader = PayloadReader(timezone=ZoneInfo("UTC"), fields={})

    def send(self, request: CallRequest, permit: Permit | None = None) -> SendResponse:
        try:
            if permit:
                permit()
        except NotPermittedError as refused:
            return SendResponse(Failure.NOT_SENT, str(refused))
        self.sent.append(request)
        return self.on_send(request)

    def send_list(
        self, requests: Sequence[CallRequest], permit: Permit | None = None
    ) -> SendResponse:
        try:
            if permit:
                permit()
        except NotPermittedError as refused:
            return SendResponse(Failure.NOT_SENT, str(refused))
        self.sent += requests
        self.lists.append(list(requests))
        return self.on_send_list(requests)

    def completed(self, request: CallRequest) -> CallRequest:
        return replace(request, webhook_id=request.webhook_id or self.webhook_id)

    def find(
        self, *, provider_id: str | None = None, to: str | None = None, on: date | None = None
    ) -> StatusResponse:
        question = {"provider_id": provider_id, "to": to, "on": on}
        self.asked.append(question)
        return self.on_find(**question)

    def find_on(self, on: date, numbers: Collection[str], page: int = 1) -> StatusResponse:
        self.asked.append({"on": on, "numbers": list(numbers), "page": page})
        return self.on_find_on(page)

    def read_found(self, body: bytes) -> tuple[FoundCall, ...]:
        entries = json.loads(body)["data"]
        return tuple(call for entry in entries if (call := read_call(entry, self.reader)))


def accepted_list(
    mid: str = MID, *, only: Sequence[int] | None = None, accepted: int | None = None
) -> Callable[[Sequence[CallRequest]], SendResponse]:
    """Answer a list with success for all of its numbers, or for those at these places (from 1)."""

    def answer(requests: Sequence[CallRequest]) -> SendResponse:
        listed = [
            AcceptedNumber(f"{mid}:{place}", request.to, "0.5000", None)
            for place, request in enumerate(requests, start=1)
            if only is None or place in only
        ]
        return SendResponse(None, "accepted", tuple(listed), 200, b"{}", None, accepted)

    return answer


def accepted(mid: str | None = MID, **changes: Any) -> Callable[[CallRequest], SendResponse]:
    """Answer sends with success; `mid` None gives each call a submission id of its own."""

    def response(request: CallRequest) -> SendResponse:
        provider_id = f"{mid or new_id()}:1"
        number = AcceptedNumber(provider_id, request.to, "0.5000", None)
        return SendResponse(numbers=(number._replace(**changes),), http_status=200, body=b"{}")

    return response


def with_settings(services: Services, **changes: Any) -> Services:
    """The same installation with other settings, which its provider knows as well."""
    chosen = replace(services.settings, **changes)
    return replace(services, settings=chosen, provider=ScriptedProvider(chosen))


def settings(**changes: Any) -> Settings:
    """Settings with which everything runs on this machine."""
    return replace(
        Settings(
            database_url="sqlite:///unused.db",
            provider_url="http://127.0.0.1:9/api/v2/",
            provider_token="the-provider-token",
            provider_timezone=ZoneInfo("UTC"),
            provider_timeout=15.0,
            bridge="+918068280000",
            webhook_id="hook-1",
            webhook_secrets=(SECRET,),
            webhook_token="the-validation-key",
            webhook_fields={},
            secret_key="a-secret-key-of-the-tests",
            host="127.0.0.1",
            port=8000,
            log_level="error",
            poll_schedule=(timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)),
            poll_per_minute=600,
            duplicate_guard_seconds=0,
            idempotency_days=7,
        ),
        **changes,
    )


def call_request(**changes: Any) -> CallRequest:
    """A call to NUMBER with flow 23."""
    return replace(CallRequest(to=NUMBER, bridge="+918068280000", flow_id="23"), **changes)


def report_body(**changes: Any) -> dict[str, Any]:
    """The provider's default report: NUMBER answered, 16 seconds long."""
    body = {
        "bridge": 918068280000,
        "from": 918919520000,
        "to": int(NUMBER[1:]),
        "source": "OBD",
        "mid": MID,
        "flow_id": 23,
        "start_at": "2026-11-23 11:57:23",
        "end_at": "2026-11-23 11:57:39",
        "duration": "23",
        "status": "ANSWER",
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def raw_delivery(**changes: Any) -> RawDelivery:
    """The default report as the request that brings it."""
    body = json.dumps(report_body(**changes)).encode()
    return RawDelivery("POST", "", {}, "application/json", body)


def reject(
    quarantine: Quarantine, secret: bytes, read: Callable[[], InboundRequest | None]
) -> None:
    """Bring a request with a wrong secret, which is read only if it is to be kept."""
    if keep := quarantine.admit(secret):
        keep(read())


def event(
    kind: Kind = Kind.REPORT,
    status: Status | None = Status.COMPLETED,
    *,
    source: Source = Source.WEBHOOK,
    at: datetime = NOON,
    event_id: UUID | None = None,
    **detail: Any,
) -> Event:
    """One event with its detail; an answered report unless told otherwise."""
    return Event(event_id or new_id(), kind, source, at, status=status, detail=detail)


def report(
    word: str = "ANSWER",
    *,
    start: float | None = None,
    end: float | None = None,
    source: Source = Source.WEBHOOK,
    **more: Any,
) -> Event:
    """The event of a report that says `word`; `start` and `end` are minutes after NOON."""
    status, answered, reason = meaning_of(word)
    told = Report(
        status=status,
        answered=answered,
        reason=reason,
        provider_status=word,
        started_at=None if start is None else minute(start),
        ended_at=None if end is None else minute(end),
        **more,
    )
    return Event(
        id=new_id(),
        kind=Kind.REPORT,
        source=source,
        recorded_at=NOON,
        status=status,
        reason=reason,
        occurred_at=occurred_at(told),
        detail=facts(told),
    )


def claim(
    status: Status | None, kind: Kind = Kind.RESPONSE, source: Source = Source.API, **detail: Any
) -> Event:
    """What we did or a person said; the provider's answer to our request unless told otherwise."""
    return event(kind, status, source=source, **detail)


def story(*events: Event) -> list[Event]:
    """A call's timeline: its submission, then these events, recorded a second apart."""
    submission = claim(Status.SUBMITTING, Kind.SUBMISSION)
    return [
        event._replace(id=new_id(), recorded_at=NOON + timedelta(seconds=count))
        for count, event in enumerate((submission, *events))
    ]


def minute(count: float) -> datetime:
    """So many minutes after NOON."""
    return NOON + timedelta(minutes=count)


def log_row(**changes: Any) -> dict[str, Any]:
    """One row of the provider's call log about NUMBER, answered."""
    row = {
        "id": f"{MID}:1",
        "to": NUMBER[1:],
        "from": "918068280000",
        "created_at": "2026-11-23 12:00:01",
        "status": "ANSWER",
        "start_at": "2026-11-23 12:00:02",
        "end_at": "2026-11-23 12:00:20",
        "dtmf": "",
        **changes,
    }
    return {key: value for key, value in row.items() if value is not None}


def call_log(*rows: dict[str, Any]) -> StatusResponse:
    """The provider's answer with these rows."""
    body = json.dumps({"status": 200, "message": "OK", "data": list(rows)}).encode()
    found = ScriptedProvider().read_found(body)
    return StatusResponse(calls=found, http_status=200, body=body)
