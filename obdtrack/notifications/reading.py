"""Reads the feed for whoever asks: from a cursor on, at once or as soon as something happens."""

from __future__ import annotations

import base64
import hmac
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import structlog

from obdtrack.domain.feed import EventType
from obdtrack.domain.texts import Said
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services
from obdtrack.store import feed, models
from obdtrack.store.encryption import Encryption

log = structlog.get_logger()

LATEST = "latest"
"""What stands for the place behind all that has happened."""

WAITERS = 64
"""How many may wait at once in one process; each keeps a thread. Others are told at once that
nothing has happened, and when to ask again."""

_LOOK_SECONDS = 0.1
_READS_A_SECOND = 80
"""Each who waits reads when something has happened: the more they are the less often, or reports
would have to wait for them."""

_EXAMINED = 10_000
"""Events that are gone through at a time for those that somebody wants."""

_LONGEST_SEARCH = 1.0
_MAC_BYTES = 8
_PLACE_BYTES = 8


class WantedEvents(NamedTuple):
    """Which events somebody wants; None: any."""

    types: Collection[EventType] | None = None
    call_id: UUID | None = None
    campaign_id: UUID | None = None


ANYTHING = WantedEvents()


class FeedPage(NamedTuple):
    """Some events, oldest first, and the place from which to go on.

    `full`: nobody could wait for more, since too many do.
    """

    rows: list[models.FeedRow]
    place: int
    full: bool = False


def cursor_of(place: int, encryption: Encryption) -> str:
    """Return a cursor that stands for a place in the feed, and that nobody else can make."""
    raw = place.to_bytes(_PLACE_BYTES)
    return base64.urlsafe_b64encode(raw + _mac(raw, encryption)).decode().rstrip("=")


def place_of(cursor: str | None, services: Services) -> int:
    """Return the place that a cursor stands for; None: before the oldest event that is kept.

    Raises ObdtrackError: invalid if it is none of ours, gone if events behind it were deleted.
    """
    kept_from = feed.forgotten()
    if cursor is None:
        return kept_from
    if cursor == LATEST:
        return feed.settled()
    raw = b""
    with suppress(ValueError):
        raw = base64.b64decode(f"{cursor}==", "-_", validate=True)
    place, mac = raw[:_PLACE_BYTES], raw[_PLACE_BYTES:]
    if not hmac.compare_digest(mac, _mac(place, services.encryption)):
        sentence = "Pass `next_cursor` from a previous response unchanged."
        raise ObdtrackError(Code.INVALID, "Some fields are invalid.", fields={"after": [sentence]})
    number = int.from_bytes(place)
    if kept_from <= number <= feed.taken():
        return number
    oldest = feed.page(kept_from, feed.settled(), 1)
    times = {"oldest_time": to_text(oldest[0].recorded_at)} if oldest else {}
    raise ObdtrackError(
        Code.GONE,
        Said(
            "Events behind this cursor have been deleted: they are kept for "
            "%(events_days)s days. The oldest one is behind the cursor `oldest`; what "
            "happened between is to be looked up call by call.",
            events_days=services.settings.events_days,
        ),
        more={"oldest": cursor_of(kept_from, services.encryption), **times},
    )


def _mac(raw: bytes, encryption: Encryption) -> bytes:
    return hmac.digest(encryption.key_for("cursor"), raw, "sha256")[:_MAC_BYTES]


def read(place: int, limit: int, wanted: WantedEvents = ANYTHING) -> FeedPage:
    """Return the events behind a place, at most `limit`.

    There may be more of them also if there are fewer than that, or none: who goes on from the place
    that is returned finds them.
    """
    through, deadline = feed.settled(), time.monotonic() + _LONGEST_SEARCH
    by_index = wanted.call_id or wanted.campaign_id
    while True:
        end = through if by_index else min(place + _EXAMINED, through)
        rows = feed.page(
            place, end, limit,
            types=wanted.types, subject=wanted.call_id, campaign_id=wanted.campaign_id,
        )  # fmt: skip
        if len(rows) == limit:
            return FeedPage(rows, rows[-1].position)
        place = max(place, end)
        if rows or place >= through or time.monotonic() > deadline:
            return FeedPage(rows, place)


class Waiters:
    """Those who wait for something to happen: as many as are `waiting`, `places` at most.

    One thread looks for all of them, while there are some.
    """

    def __init__(self, services: Services, places: int = WAITERS) -> None:
        self._services = services
        self.places = places
        self.waiting = 0
        self._changed = threading.Condition()
        self._looking = False
        self._place = 0
        self._stopped = False

    def read(self, place: int, limit: int, wanted: WantedEvents, seconds: float) -> FeedPage:
        """Return what `read` does, as soon as there is something or the time is over.

        If too many wait already nobody else does: what is returned has nothing and `full`.
        """
        deadline = time.monotonic() + seconds
        found = read(place, limit, wanted)
        if found.rows or seconds <= 0:
            return found
        if self.waiting >= self.places:
            return found._replace(full=True)
        while not found.rows and self._wait(found.place, deadline):
            found = read(found.place, limit, wanted)
        return found

    def stop(self) -> None:
        """Have everybody go who waits or would wait: the process ends."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _wait(self, place: int, deadline: float) -> bool:
        """Wait until something stands behind this place; False if the time was over before."""
        self._services.store.close()  # a connection is for those who ask something
        with self._changed:
            self.waiting += 1
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._look, name="feed", daemon=True).start()
            try:
                self._changed.wait_for(
                    lambda: self._stopped or self._place > place, deadline - time.monotonic()
                )
            finally:
                self.waiting -= 1
            return self._place > place and not self._stopped

    def _look(self) -> None:
        while True:
            with self._changed:
                if not self.waiting or self._stopped:
                    self._looking = False
                    return
            self._pass_on(feed.settled)
            time.sleep(max(_LOOK_SECONDS, self.waiting / _READS_A_SECOND))

    def _pass_on(self, settled: Callable[[], int]) -> None:
        try:
            place = settled()
        except Exception as error:  # the database is away: those who wait are told when they ask
            log.warning("feed_not_read", error=str(error))
            return
        finally:
            self._services.store.close()
        with self._changed:
            if place > self._place:
                self._place = place
                self._changed.notify_all()
