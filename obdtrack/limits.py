"""What keeps a few from taking what all need: places for waiting, failures, admissions.

These count in the memory of one process. What processes share is in `store.leases`.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from limits import RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from obdtrack.errors import Code, ObdtrackError


class Bulkhead:
    """So many `places` for one kind of waiting, of which one holder (`key`) has at most `each`.

    Whoever finds none is refused with `message`, in which `{places}` is their number, and told to
    try again after `retry_after` seconds.
    """

    def __init__(
        self, places: int, message: str, *, each: int | None = None, retry_after: int = 2
    ) -> None:
        self._places = places
        self._each = places if each is None else each
        self._message = message.format(places=places)
        self._retry_after = retry_after
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, key: str = "") -> Iterator[None]:
        """Hold a place for the block; raises ObdtrackError (unavailable) if all are taken."""
        with self._lock:
            if self._held.total() >= self._places or self._held[key] >= self._each:
                raise ObdtrackError(Code.UNAVAILABLE, self._message, retry_after=self._retry_after)
            self._held[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[key] -= 1
                if not self._held[key]:
                    del self._held[key]

    def held(self, key: str = "") -> int:
        """Return how many places this holder has."""
        return self._held[key]


class TokenBucket:
    """Admits `burst` at once and `per_second` in the long run. Callers see to it that one asks."""

    def __init__(
        self, burst: int, per_second: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._monotonic = monotonic
        self._tokens = float(burst)
        self._refilled_at = monotonic()

    def take(self) -> bool:
        """Whether one more is admitted now."""
        now = self._monotonic()
        gained = (now - self._refilled_at) * self._per_second
        self._tokens, self._refilled_at = min(self._burst, self._tokens + gained), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


FAILURES = RateLimitItemPerMinute(30)
"""Wrong keys an address may try; a person mistypes less, a program with a wrong key learns soon."""


class FailedSignIns:
    """Slows down whoever keeps trying keys that are none.

    Only failures are counted and only they are refused: a right key passes from whatever address,
    so that nobody can lock others out who come through the same proxy.
    """

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def add(self, address: str | None) -> None:
        """Count a failure; raises ObdtrackError (rate limited) from the 31st in a minute on."""
        if not self._limiter.hit(FAILURES, household(address)):
            raise ObdtrackError(
                Code.RATE_LIMITED,
                "Too many failed sign-ins from this address; wait a minute.",
                retry_after=FAILURES.get_expiry(),
            )


GUESSES = (RateLimitItemPerMinute(30), RateLimitItemPerDay(300))
"""Searches for numbers that nobody was called at, for a key that does not see numbers. A person
mistypes less; of the 10,000 numbers that look like a masked one and end in the same four digits a
program tries a thirtieth a day."""


class Guesses:
    """Slows down who looks for numbers without being allowed to see them, and finds none.

    Counted for each caller in this process: two servers allow twice as many.
    """

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def admit(self, caller: UUID) -> None:
        """Raise ObdtrackError (rate limited) if this caller has missed too often."""
        for limit in GUESSES:
            if not self._limiter.test(limit, str(caller)):
                ends = self._limiter.get_window_stats(limit, str(caller)).reset_time
                raise ObdtrackError(
                    Code.RATE_LIMITED,
                    "Too many searches for numbers that were never called. Search again later, or "
                    "use a key with the scope pii.",
                    retry_after=max(1, math.ceil(ends - time.time())),
                )

    def add(self, caller: UUID) -> None:
        """Count a search that found nothing."""
        for limit in GUESSES:
            self._limiter.hit(limit, str(caller))


def household(address: str | None) -> str:
    """Return the address, or the network that one household has of IPv6 (a /64, RFC 6177)."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found)


FORMS_OF_ONE_ADDRESS = 4


@dataclass(slots=True)
class ProcessLimits:
    """The limits of one process. Each holder of a place keeps a thread that reports need too.

    `polling` is for what people and programs ask about single calls; the worker has its own bound.
    `forms` are those of visitors who have not signed in, by address.
    """

    placing: Bulkhead = field(
        default_factory=lambda: Bulkhead(
            200, "{places} calls are being placed; the provider is slow. Nothing was sent."
        )
    )
    polling: Bulkhead = field(
        default_factory=lambda: Bulkhead(
            32, "{places} look-ups are waiting for the provider, which is slow. Try again soon."
        )
    )
    forms: Bulkhead = field(
        default_factory=lambda: Bulkhead(
            32, "Too many sign-ins at once; try again.", each=FORMS_OF_ONE_ADDRESS, retry_after=5
        )
    )
    imports: Bulkhead = field(
        default_factory=lambda: Bulkhead(
            2, "{places} files are being imported; try again soon.", retry_after=10
        )
    )
    failed_sign_ins: FailedSignIns = field(default_factory=FailedSignIns)
    guesses: Guesses = field(default_factory=Guesses)
