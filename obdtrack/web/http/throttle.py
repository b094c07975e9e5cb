"""Slows down whoever keeps trying keys that are none.

Only failures are counted and only they are refused: a right key passes from whatever address, so
that nobody can lock others out who come through the same proxy.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from obdtrack.errors import Code, ObdtrackError

FAILURES = RateLimitItemPerMinute(30)
"""Wrong keys an address may try; a person mistypes less, a program with a wrong key learns soon."""


class Throttle:
    """Counts failures by address, in the memory of one process."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def failed(self, address: str | None) -> None:
        """Note a failure; raises ObdtrackError (rate limited) from the 31st in a minute on."""
        if not self._limiter.hit(FAILURES, _household(address)):
            raise ObdtrackError(
                Code.RATE_LIMITED,
                "Too many failed sign-ins from this address; wait a minute.",
                retry_after=FAILURES.get_expiry(),
            )


def _household(address: str | None) -> str:
    """Return the address, or the network that one household has of IPv6 (a /64, RFC 6177)."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found)
