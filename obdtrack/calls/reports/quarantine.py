"""Keeps some of the reports that came with a wrong secret, so that a slip can be mended.

What a stranger can cause is bounded: how many are admitted, how many wait, how many are kept, and
whom they push out. They are written by a thread of their own, many in one transaction, so that they
cost honest reports nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog

from obdtrack.calls.reports import deliveries
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.erased import without_erased
from obdtrack.calls.reports.process import read, without_secrets
from obdtrack.errors import ObdtrackError
from obdtrack.limits import TokenBucket
from obdtrack.services import Services
from obdtrack.store import leases

log = structlog.get_logger()

ROWS_KEPT = 500
BYTES_KEPT = 5 * 1024 * 1024
COUNTER = "deliveries-rejected"

_BURST = ROWS_KEPT
_PER_SECOND = 2.0
_PER_SECOND_OF_OURS = 20.0
_READERS = 4
_PAUSE_SECONDS = 0.25


class _Intake:
    """How many of one kind are admitted and read at once, and which wait to be stored."""

    def __init__(self, per_second: float, monotonic: Callable[[], float]) -> None:
        self.admitted = TokenBucket(_BURST, per_second, monotonic)
        self.reading = threading.BoundedSemaphore(_READERS)
        self.waiting: deque[tuple[InboundRequest, str]] = deque(maxlen=ROWS_KEPT)


class Quarantine:
    """Admits, gathers and stores rejected deliveries; threads share it."""

    def __init__(self, services: Services, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._strangers = _Intake(_PER_SECOND, monotonic)
        self._ours = _Intake(_PER_SECOND_OF_OURS, monotonic)
        self._our_fingerprints = frozenset(
            services.encryption.fingerprint(secret)
            for provider in services.providers.values()
            for secret in provider.callback_auth.secrets
        )
        self._lock = threading.Lock()
        self._uncounted = 0
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def admit(self, secret: bytes) -> Callable[[InboundRequest | None], None] | None:
        """Count a rejected request; returns what takes it when it was read, if there is room.

        That must be called, with None if there was nothing whole to read. Nothing is read of what
        is not kept. What carries a secret of ours, though not where it belongs, has places of its
        own.
        """
        fingerprint = self._services.encryption.fingerprint(secret)
        intake = self._ours if fingerprint in self._our_fingerprints else self._strangers
        if not self._admit(intake) or not intake.reading.acquire(blocking=False):
            return None
        return partial(self._take, intake, fingerprint)

    def _take(self, intake: _Intake, fingerprint: str, stored: InboundRequest | None) -> None:
        intake.reading.release()
        if stored is not None:
            kept = without_secrets(stored, self._services)
            with self._lock:
                intake.waiting.append((kept, fingerprint))

    def flush(self) -> None:
        """Store what waits, and let the oldest go beyond the bounds; what is not stored waits on.

        Raises ObdtrackError (unavailable) if the database is out of use.
        """
        with self._lock:
            found = {intake: list(intake.waiting) for intake in (self._strangers, self._ours)}
            counted, self._uncounted = self._uncounted, 0
            for intake in found:
                intake.waiting.clear()
        if not counted and not any(found.values()):
            return
        try:
            with self._services.store.write():
                for some in found.values():
                    requests = [stored for stored, _ in some]
                    readings = [read(stored, self._services) for stored in requests]
                    kept = without_erased(requests, readings, self._services)
                    carried = (fingerprint for _, fingerprint in some)
                    rows = list(zip(kept, carried, strict=True))
                    deliveries.add_rejected(rows, self._our_fingerprints)
                deliveries.prune_rejected(ROWS_KEPT, BYTES_KEPT, self._our_fingerprints)
                leases.count(COUNTER, counted)
        except ObdtrackError:
            with self._lock:
                for intake, some in found.items():
                    intake.waiting = deque([*some, *intake.waiting], maxlen=ROWS_KEPT)
                self._uncounted += counted
            raise

    def close(self) -> None:
        """Store what waits and end the thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _admit(self, intake: _Intake) -> bool:
        with self._lock:
            self._uncounted += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="quarantine", daemon=True)
                self._thread.start()
            return intake.admitted.take()

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE_SECONDS):
            try:
                self.flush()
            except ObdtrackError as error:
                log.warning("quarantine_not_written", reason=error.message)
            except Exception:  # what strangers send must not end the thread
                log.exception("quarantine_failed")
