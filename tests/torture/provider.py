"""A provider small enough to be right at a glance: it remembers whom it dialled, and what came."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.submission import CallRequest, Failure, SendResponse
from obdtrack.providers.base import StatusResponse
from tests.factories import Clock, ScriptedProvider, accepted, call_log, log_row, report_body

# The provider's word -> our status, from the weakest to the strongest word of one dialling.
WORDS = {
    "CONGESTION": "failed",
    "CANCEL": "canceled",
    "NOANSWER": "no-answer",
    "BUSY": "busy",
    "ANSWER": "completed",
}
UNHEARD_OF = "RINGOUT"
SECONDS = "%Y-%m-%d %H:%M:%S"
FRACTIONS = f"{SECONDS}.%f"


class CrashError(BaseException):
    """The process is gone; nothing that follows in it happens."""


class Fate(StrEnum):
    """What becomes of one request to place a call."""

    ACCEPTED = "accepted"
    REFUSED = "refused, no phone rings"
    RESPONSE_LOST = "rings, the answer is lost"
    REQUEST_LOST = "the request is lost, no phone rings"
    WITHOUT_ID = "rings, the answer names no call"
    DIES_BEFORE = "we die before the phone rings"
    DIES_AFTER = "the phone rings, we die before the answer"


RINGS = frozenset({Fate.ACCEPTED, Fate.RESPONSE_LOST, Fate.WITHOUT_ID, Fate.DIES_AFTER})
DIES = frozenset({Fate.DIES_BEFORE, Fate.DIES_AFTER})


class Fact(NamedTuple):
    """What one report says: the word for the n-th dialling of a call."""

    dialling: int
    word: str


class Life(NamedTuple):
    """A call the provider placed. `words` holds, for each dialling, the words it is reported by."""

    provider_id: str
    to: str
    placed_at: datetime
    words: tuple[tuple[str, ...], ...]

    def times(self, dialling: int, off: timedelta = timedelta(0)) -> dict[str, str]:
        """Return when a dialling began and ended, by a clock that is `off` by so much."""
        began = self.placed_at + timedelta(minutes=5 * dialling, seconds=3) + off
        ended = began + timedelta(seconds=17)
        shown = FRACTIONS if off.microseconds else SECONDS
        return {"start_at": began.strftime(shown), "end_at": ended.strftime(shown)}

    def facts(self) -> Iterator[Fact]:
        """Return everything there is to report about this call."""
        for dialling, words in enumerate(self.words):
            yield from (Fact(dialling, word) for word in words)

    def report(self, fact: Fact, *, composed: bool) -> RawDelivery:
        """Write a report, in the default body or as a customer composed it: with broken seconds."""
        times = self.times(fact.dialling)
        if composed:
            times = self.times(fact.dialling, timedelta(milliseconds=400))
            query = {"call_id": self.provider_id, "message_status": fact.word, **times}
            return RawDelivery("GET", urlencode(query), {}, "", b"")
        mid = self.provider_id.rpartition(":")[0]
        body = report_body(mid=mid, to=int(self.to[1:]), status=fact.word, **times)
        return RawDelivery("POST", "", {}, "application/json", json.dumps(body).encode())

    def row(self) -> dict[str, Any]:
        """Return the line of the provider's log: it knows the last dialling, by its last word.

        It takes the call for dialled five seconds before its reports do.
        """
        row = {"id": self.provider_id, "to": self.to[1:], "status": self.words[-1][-1]}
        created = self.placed_at.strftime(SECONDS)
        times = self.times(len(self.words) - 1, timedelta(seconds=-5))
        return log_row(**row, **times, created_at=created)


class SmallProvider(ScriptedProvider):
    """Places calls as it is told to; `lives` holds those it dialled, by their reference."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.lives: dict[str, Life] = {}
        self.fate = Fate.ACCEPTED
        self.words: tuple[tuple[str, ...], ...] = (("ANSWER",),)
        self.while_ringing: Callable[[Life | None], None] = lambda _: None
        self.find_failure: Failure | None = None
        self.on_send, self.on_find = self._place, self._look_up

    def dials(self, reference: str) -> int:
        """Count the requests that left for one intended call."""
        return sum(request.reference == reference for request in self.sent)

    def _place(self, request: CallRequest) -> SendResponse:
        if self.fate is Fate.DIES_BEFORE:
            raise CrashError
        life = None
        if self.fate in RINGS:
            life = Life(f"{uuid4()}:1", request.to, self.clock(), self.words)
            self.lives[request.reference or ""] = life
        self.while_ringing(life)
        if self.fate is Fate.DIES_AFTER:
            raise CrashError
        return self._response(request, life)

    def _response(self, request: CallRequest, life: Life | None) -> SendResponse:
        if life and self.fate is Fate.ACCEPTED:
            return accepted(provider_id=life.provider_id)(request)
        if self.fate is Fate.WITHOUT_ID:
            return SendResponse(Failure.ANSWER_WITHOUT_ID, http_status=200)
        return SendResponse(Failure.REFUSED if self.fate is Fate.REFUSED else Failure.TIMEOUT)

    def _look_up(self, provider_id: str | None, to: str | None, on: date | None) -> StatusResponse:
        if self.find_failure is not None:
            return StatusResponse(self.find_failure, retry_after=30)
        found = (
            life
            for life in self.lives.values()
            if life.provider_id == provider_id
            or (life.to == to and on in (None, life.placed_at.date()))
        )
        return call_log(*(life.row() for life in found))
