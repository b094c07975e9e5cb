"""Asks the provider about calls, never faster than agreed, and keeps what it answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.domain.phone import mask_all
from obdtrack.domain.submission import Failure
from obdtrack.providers import StatusAnswer
from obdtrack.storage import coordination
from obdtrack.storage.answers import Exchange
from obdtrack.workflows.context import Context, new_id

log = structlog.get_logger()

PACE = "provider"
REPAIRED = "repaired-by-polling"
"""Counts calls whose outcome we know only because we asked: any number but zero means that
reports are being lost."""

_WHEN_TOO_FAST = timedelta(minutes=1)

Wait = Callable[[float], None]


class Asked(NamedTuple):
    """An answer of the provider, and the exchange to be stored with whatever comes of it."""

    answer: StatusAnswer
    exchange: Exchange


def ask(
    context: Context,
    call_id: UUID,
    wait: Wait,
    *,
    provider_id: str | None = None,
    to: str | None = None,
    on: date | None = None,
) -> Asked:
    """Ask about one call when it is our turn; `wait` is called with the seconds until then.

    If the provider says that we ask too often, everybody waits as long as it wants. Raises
    ObdtrackError (unavailable) if the database is out of use.
    """
    wait(_turn(context))
    requested_at = context.now()
    context.store.close()  # the provider may take seconds; somebody else can use the connection
    answer = context.provider.find(provider_id=provider_id, to=to, on=on)
    if answer.failure is Failure.RATE_LIMITED:
        _slow_down(answer, context)
    return Asked(answer, _exchange(answer, call_id, requested_at, context))


def _turn(context: Context) -> float:
    now = context.now()
    spacing = timedelta(minutes=1) / context.settings.poll_per_minute
    with context.store.write():
        return (coordination.reserve(PACE, spacing, now) - now).total_seconds()


def _slow_down(answer: StatusAnswer, context: Context) -> None:
    pause = timedelta(seconds=answer.retry_after) if answer.retry_after else _WHEN_TOO_FAST
    log.warning("provider_says_too_fast", pause_seconds=pause.total_seconds())
    with context.store.write():
        coordination.hold_back(PACE, context.now() + pause)


def _exchange(
    answer: StatusAnswer, call_id: UUID, requested_at: datetime, context: Context
) -> Exchange:
    return Exchange(
        id=new_id(),
        call_id=call_id,
        kind="status",
        requested_at=requested_at,
        answered_at=context.now(),
        http_status=answer.http_status,
        failure=answer.failure,
        message=mask_all(answer.message) if answer.message else None,
        body=answer.body,
    )
