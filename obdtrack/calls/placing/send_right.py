"""The right to send one request: held for a time, checked before each byte, withdrawn to decide.

A process may be stopped between the intention it stored and the request, and go on when others
have long decided about the call. So it asks the database once more before the first byte, and
sends nothing when its time is over; and who decides waits until it is.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from uuid import UUID

from obdtrack.calls.placing import submissions
from obdtrack.domain.submission import NotPermittedError
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.settings import Settings
from obdtrack.store import models

_SPARE = timedelta(seconds=5)
"""What a right lasts beyond the time of a whole exchange: for the turns to write before it."""

_MARGIN = timedelta(seconds=2)
"""How much earlier its holder stops: two clocks differ a little, and a byte takes its time."""


def duration(settings: Settings) -> timedelta:
    """Return how long a right to send lasts, by the clock that all processes share."""
    return timedelta(seconds=settings.provider_timeout) + _SPARE


class SendRight:
    """This process's right to send the request of one submission, from now on."""

    def __init__(self, submission_id: UUID, services: Services) -> None:
        self._submission_id = submission_id
        self._services = services
        self._stop_at = services.uptime() + (duration(services.settings) - _MARGIN).total_seconds()
        self._confirmed = False
        self.until = services.shared_now() + duration(services.settings)

    def check(self) -> None:
        """Do nothing if the next byte may leave now; else raise NotPermittedError.

        The first time the database is asked: once it has confirmed the right, nobody takes it away
        before it ends.
        """
        if not self._confirmed:
            self._require_time()
            self._confirm()
        self._require_time()

    def _require_time(self) -> None:
        if self._services.uptime() > self._stop_at:
            raise NotPermittedError("obdtrack was stopped for too long before it could be sent")

    def _confirm(self) -> None:
        store = self._services.store
        try:
            self._confirmed = submissions.confirm_right(self._submission_id, self.until, store)
        except ObdtrackError as error:
            raise NotPermittedError("the database could not confirm that it may be sent") from error
        if not self._confirmed:
            raise NotPermittedError("somebody had decided about the call before it could be sent")


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
            f"The request for this call may still be sent until {to_text(until)}: the process that "
            "was placing it was stopped, and may go on. Decide after that.",
            retry_after=math.ceil((until - services.shared_now()).total_seconds()),
        )
