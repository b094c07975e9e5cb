"""What the operations' routes share: this process's figures, and results remembered for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from obdtrack.errors import ConfigError, ObdtrackError
from obdtrack.operations.health import look
from obdtrack.operations.probe import prove_reportable, prove_writable
from obdtrack.operations.system_status import current_status
from obdtrack.services import Services
from obdtrack.store.migrate import check_schema
from obdtrack.web.http.request_metrics import Meter

log = structlog.get_logger()

Result = TypeVar("Result")

READY_SECONDS = 1.0
STOCK_SECONDS = 10.0
TRIAL_SECONDS = 60.0
"""What a report does is tried less often: on PostgreSQL what is undone has to be cleaned up."""


class Remembered(Generic[Result]):
    """A result found out at most every so many seconds, by one thread at a time.

    Whoever comes meanwhile gets the last one: while the database hangs, health checks must not
    take the threads that reports need.
    """

    def __init__(
        self,
        find: Callable[[], Result],
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._seconds = seconds
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._known: tuple[float, Result] | None = None

    def known(self) -> Result | None:
        """Return the last result, however old, without asking; None if nobody asked yet."""
        return self._known[1] if self._known else None

    def get(self) -> Result:
        """Return the result, found again if it is too old; raises what finding it raised."""
        known = self._known
        if known is not None and self._monotonic() < known[0]:
            return known[1]
        if not self._asking.acquire(blocking=known is None):
            assert known is not None
            return known[1]
        try:
            if self._known is known:  # else another thread found it while we waited
                response = self._find()
                self._known = self._monotonic() + self._seconds, response
            assert self._known is not None
            return self._known[1]
        finally:
            self._asking.release()


class Watch:
    """The figures of one application: `meter` of this process, `stock` of the database.

    `ready` names each thing a report needs, with None or a sentence that says what is wrong.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.meter = Meter()
        self.ready = Remembered(self._ready, READY_SECONDS)
        self.stock = Remembered(lambda: current_status(services), STOCK_SECONDS)
        self.health = Remembered(lambda: look(services), STOCK_SECONDS)
        self._tried = Remembered(lambda: prove_reportable(services), TRIAL_SECONDS)

    def _ready(self) -> dict[str, str | None]:
        checks = {**_CHECKS, "reports": lambda _: self._tried.get()}
        return {name: _complaint(check, self._services) for name, check in checks.items()}


_CHECKS: dict[str, Callable[[Services], None]] = {
    "database": prove_writable,
    "migrations": lambda services: check_schema(services.store),
}


def _complaint(check: Callable[[Services], None], services: Services) -> str | None:
    try:
        check(services)
    except (ConfigError, ObdtrackError) as error:
        cause = str(error.__cause__ or error)
        log.warning("not_ready", error=cause)
        return cause
    except Exception as error:  # whatever it is, the result is no
        log.warning("not_ready", error=type(error).__name__)
        return type(error).__name__
    return None
