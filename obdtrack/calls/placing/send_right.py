"""The right to send requests: held for a time, checked before each byte, withdrawn to decide.

A process may be stopped between the intention it stored and the request, and go on when others
have long decided about the call. So it asks the database once more before the first byte, and
sends nothing when its time is over; and who decides waits until it is.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from obdtrack.calls.placing import submissions
from obdtrack.domain.submission import NotPermittedError, Permit
from obdtrack.domain.texts import Said
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.settings import Settings
from obdtrack.store import models

_SPARE = timedelta(seconds=5)
"""What a right lasts beyond the time of a whole exchange: for the turns to write before it."""

_MARGIN = timedelta(seconds=2)
"""How much earlier its holder stops: two clocks differ a little, and a byte takes its time."""


_FRESH_SECONDS = 0.5
"""How long one confirmation does for all requests that leave side by side."""


def duration(settings: Settings) -> timedelta:
    """Return how long a right to send lasts, by the clock that all processes share."""
    return timedelta(seconds=settings.provider_timeout) + _SPARE


class SendRight:
    """This process's right to send the requests of some submissions, from now on."""

    def __init__(self, submission_ids: Sequence[UUID], services: Services) -> None:
        self._submission_ids = submission_ids
        self._services = services
        self._stop_at = services.uptime() + (duration(services.settings) - _MARGIN).total_seconds()
        self._confirmed: frozenset[UUID] = frozenset()
        self._confirmed_until = -math.inf
        self._confirming = threading.Lock()
        self.until = services.shared_now() + duration(services.settings)

    def of(self, submission_id: UUID) -> Permit:
        """Return the permit of this submission's request, to be asked before each piece of it.

        The first time the database is asked, about all of them, unless it just was: once it has
        confirmed the right, nobody takes it away before it ends.
        """
        begun = False

        def check() -> None:
            nonlocal begun
            self._require_time()
            if not begun:
                self._require_confirmed(submission_id)
                self._require_time()
            begun = True

        return check

    def _require_confirmed(self, submission_id: UUID) -> None:
        with self._confirming:
            if self._services.uptime() > self._confirmed_until:
                self._confirmed = self._confirm()
                self._confirmed_until = self._services.uptime() + _FRESH_SECONDS
            if submission_id not in self._confirmed:
                raise NotPermittedError(
                    "somebody had decided about the call before it could be sent"
                )

    def _require_time(self) -> None:
        if self._services.uptime() > self._stop_at:
            raise NotPermittedError("obdtrack was stopped for too long before it could be sent")

    def _confirm(self) -> frozenset[UUID]:
        store = self._services.store
        try:
            return submissions.confirm_rights(self._submission_ids, store)
        except ObdtrackError as error:
            raise NotPermittedError("the database could not confirm that it may be sent") from error


def still_sendable_until(submission: models.Submission, services: Services) -> datetime | None:
    """Return until when this submission's request may still be sent; None if it cannot be."""
    until: datetime | None = submission.send_until
    return until if until is not None and services.shared_now() <= until else None


def require_over(submission: models.Submission, services: Services) -> None:
    """Raise ObdtrackError (conflict) while this submission's request may still be sent.

    Its call must be locked. Who then settles it withdraws the right for good.
    """
    if until := still_sendable_until(submission, services):
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "The request for this call may still be sent until %(until)s: the process "
                "that was placing it was stopped, and may go on. Decide after that.",
                until=to_text(until),
            ),
            retry_after=math.ceil((until - services.shared_now()).total_seconds()),
        )
