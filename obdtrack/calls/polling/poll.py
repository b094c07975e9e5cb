"""Asks the provider about calls, never faster than agreed, and keeps what it answered."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.calls.journal import Journal
from obdtrack.calls.responses import ProviderResponse
from obdtrack.domain.phone import is_erased
from obdtrack.domain.redaction import mask_all
from obdtrack.domain.status import FINAL
from obdtrack.domain.submission import Failure
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.providers.base import CallLog, ListsDays, StatusResponse
from obdtrack.services import Services, new_id
from obdtrack.store import leases, models

log = structlog.get_logger()

REPAIRED = "repaired-by-polling"
"""Counts outcomes that we knew only because we asked: any number but zero means that reports
are being lost."""

LONGEST_PAUSE = timedelta(minutes=15)
"""How long the provider's `Retry-After` is obeyed; after it one question tells whether it holds."""

_WHEN_TOO_FAST = timedelta(minutes=1)
_PATIENCE = timedelta(seconds=30)
"""How long a question stands in line before it is left for later, if its pace is no slower."""

_MOST_PAGES = 20
_ENOUGH = 2000
"""Bytes of a response that cannot be used."""

Wait = Callable[[float], None]


class Poll(NamedTuple):
    """A response of the provider, and the exchange to be stored with whatever comes of it."""

    response: StatusResponse
    exchange: ProviderResponse


def poll_provider(
    services: Services,
    call: models.Call,
    wait: Wait,
    patience: float | None = None,
    *,
    provider_id: str | None = None,
    to: str | None = None,
    on: date | None = None,
) -> Poll:
    """Ask about one call when it is our turn; `wait` is called with the seconds until then.

    If the provider says that we ask too often, everybody waits as long as it wants, up to
    LONGEST_PAUSE. Raises ObdtrackError: rate limited if our turn is more than `patience` seconds
    away (some are had by default), conflict if the provider has no log of calls, unavailable if the
    database is out of use.
    """
    provider = log_of(call, services)
    poll = _ask(
        lambda: provider.find(provider_id=provider_id, to=to, on=on),
        provider, services, wait, patience,
    )  # fmt: skip
    return poll._replace(exchange=poll.exchange._replace(call_id=call.id))


def poll_day(
    services: Services,
    provider: ListsDays,
    submission_id: UUID,
    numbers: Collection[str],
    on: date,
    wait: Wait,
    patience: float | None = None,
) -> list[Poll]:
    """Ask for all calls of a day to these numbers of a submission, in as many pages as there are.

    The last page is no proper response if there are too many. As `poll_provider` otherwise.
    """
    asked: list[Poll] = []
    page: int | None = 1
    while page is not None:
        ask = partial(provider.find_on, on, numbers, page)
        poll = _ask(ask, provider, services, wait, patience)
        asked.append(poll._replace(exchange=poll.exchange._replace(submission_id=submission_id)))
        page = poll.response.next_page if poll.response.failure is None else None
        if page is not None and page > _MOST_PAGES:
            response = poll.response._replace(failure=Failure.ANSWER_TOO_LARGE)
            return [*asked[:-1], asked[-1]._replace(response=response)]
    return asked


def _ask(
    ask: Callable[[], StatusResponse],
    provider: CallLog,
    services: Services,
    wait: Wait,
    patience: float | None,
) -> Poll:
    wait(_stand_in_line(services, provider, patience))
    requested_at = services.now()
    services.store.close()  # the provider may take seconds; somebody else can use the connection
    response = ask()
    if response.failure is Failure.RATE_LIMITED:
        _slow_down(response, provider, services)
    return Poll(response, _exchange(response, requested_at, services))


def log_of(call: models.Call, services: Services) -> CallLog:
    """Return the provider that can be asked about a call; ObdtrackError (conflict) if none can."""
    provider = services.provider_of(call)
    if not isinstance(provider, CallLog):
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "%(provider_name)s has no log of calls to look into.", provider_name=provider.name
            ),
        )
    return provider


def must_pause(services: Services) -> bool:
    """Whether the line is longer than questions stand in it, as the provider wants a pause."""
    now = services.shared_now()
    logs = [one for one in services.providers.values() if isinstance(one, CallLog)]
    return bool(logs) and all(
        (leases.line_end(_pace(one), now) - now).total_seconds() > _usual_patience(one)
        for one in logs
    )


def may_be_kept(call_id: UUID, journal: Journal) -> bool:
    """Whether a response may be stored: not if call or number were erased meanwhile."""
    row = journal.call(call_id)
    return row is not None and not is_erased(row.to_number)


def count_if_repaired(call_id: UUID, journal: Journal) -> None:
    """Count the call if what this journal appended of a poll brought its outcome."""
    if journal.newly(call_id, FINAL):
        journal.count(REPAIRED)


def _stand_in_line(services: Services, provider: CallLog, patience: float | None) -> float:
    longest = _usual_patience(provider) if patience is None else patience
    with services.store.write():  # a refusal undoes it: who is sent away takes no place in the line
        now = services.shared_now()
        free_at = leases.acquire_slot(_pace(provider), _spacing(provider), now)
        seconds = (free_at - now).total_seconds()
        if seconds > longest:
            raise ObdtrackError(
                Code.RATE_LIMITED,
                "Too many look-ups are under way; try again later.",
                retry_after=math.ceil(seconds),
            )
    return seconds


def _pace(provider: CallLog) -> str:
    return f"polls:{provider.name}"


def _spacing(provider: CallLog) -> timedelta:
    return timedelta(minutes=1) / provider.polls_per_minute


def _usual_patience(provider: CallLog) -> float:
    return max(_PATIENCE, _spacing(provider)).total_seconds()


def _slow_down(response: StatusResponse, provider: CallLog, services: Services) -> None:
    wanted = timedelta(seconds=response.retry_after) if response.retry_after else _WHEN_TOO_FAST
    pause = min(wanted, LONGEST_PAUSE)
    log.warning("provider_rate_limited", pause_seconds=pause.total_seconds())
    with services.store.write():
        leases.pause_until(_pace(provider), services.shared_now() + pause)


def _exchange(
    response: StatusResponse, requested_at: datetime, services: Services
) -> ProviderResponse:
    return ProviderResponse(
        id=new_id(),
        call_id=None,
        submission_id=None,
        kind="status",
        requested_at=requested_at,
        responded_at=services.now(),
        http_status=response.http_status,
        failure=response.failure,
        message=mask_all(response.message) if response.message else None,
        # Of a failure its beginning tells enough, and there may be one every ten minutes.
        body=response.body if response.failure is None else (response.body or b"")[:_ENOUGH],
    )
