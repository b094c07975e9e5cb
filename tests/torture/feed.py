"""Many write events at once and commit in adverse order, while somebody reads them as they come."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.notifications.reading import read
from obdtrack.services import new_id
from obdtrack.store import feed, models
from obdtrack.store.database import Store
from tests.factories import NOON

WRITERS = 8
SUBJECTS = [new_id() for _ in range(20)]
PAGE = 100
HELD_FOR = 3 * PAGE
"""Events that the others commit while one writer keeps its transaction open."""

Rows = Sequence[models.FeedRow]
Reader = Callable[[Any], tuple[Rows, Any]]
"""Given what it returned last (None at first), returns some events and where it stands now."""


class Followed(NamedTuple):
    """How many events were committed, and how many of them a reader of all missed or got twice.

    `disordered` ones stood before an event of the same subject that had happened earlier.
    """

    events: int
    skipped: int
    twice: int
    disordered: int

    @property
    def wrong(self) -> int:
        return self.skipped + self.twice + self.disordered


def as_offered(place: int | None) -> tuple[Rows, int]:
    """Read as the API does."""
    found = read(place or 0, PAGE)
    return found.rows, found.place


def the_newest(known: set[UUID] | None) -> tuple[Rows, set[UUID]]:
    """Read the newest, and leave out what is known already."""
    known = known or set()
    row = models.FeedRow
    newest = list(row.select().order_by(row.position.desc()).limit(PAGE))
    fresh = [one for one in reversed(newest) if one.id not in known]
    return fresh, known | {one.id for one in fresh}


def by_id(after: UUID | None) -> tuple[Rows, UUID | None]:
    """Read on behind the last id."""
    row = models.FeedRow
    query = row.select().order_by(row.id).limit(PAGE)
    rows = list(query if after is None else query.where(row.id > after))
    return rows, rows[-1].id if rows else after


def by_sequence(place: int | None) -> tuple[Rows, int]:
    """Read on behind the last place, whoever may still commit before it."""
    rows = feed.page(place or 0, feed.taken(), PAGE)
    return rows, rows[-1].position if rows else place or 0


class _Writers:
    """Those who write; each event says how many of its subject had happened before."""

    def __init__(self, store: Store, events: int) -> None:
        self._store = store
        self._left = events
        self._lock = threading.Condition()
        self._counts: defaultdict[UUID, int] = defaultdict(int)
        self.committed: list[UUID] = []
        self.done = False

    def write(self, number: int) -> None:
        dice = random.Random(number)  # no secret
        holds = number == 0 and self._store.for_update  # on SQLite nobody else could write
        while self._take():
            with suppress(_Undone):
                self._one_transaction(dice, holds=holds)
        self._store.close()

    def _take(self) -> bool:
        with self._lock:
            return self._left > len(self.committed)

    def _one_transaction(self, dice: random.Random, *, holds: bool) -> None:
        subjects = sorted(dice.sample(SUBJECTS, dice.randint(1, 3)))
        if holds:  # of a subject of its own: nobody else waits for it
            subjects = [new_id()]
        with self._store.write():
            self._store.lock_names([str(subject) for subject in subjects])
            events = [self._event(subject, place) for place, subject in enumerate(subjects)]
            feed.append(events)
            if holds:
                self._hold()
            elif dice.random() < 0.1:
                raise _Undone
        with self._lock:
            self.committed += [event.id for event in events]
            self._lock.notify_all()

    def _event(self, subject: UUID, place: int) -> FeedEvent:
        before = models.FeedRow.select().where(models.FeedRow.subject == subject).count()
        data = {"before": before}
        return FeedEvent(new_id(), EventType.CALL_REPORTED, NOON, subject, None, data)

    def _hold(self) -> None:
        """Wait until the others have committed many more, or have come to their end."""
        with self._lock:
            until = min(len(self.committed) + HELD_FOR, self._left)
            self._lock.wait_for(lambda: len(self.committed) >= until, 60)


class _Undone(Exception):  # noqa: N818  # nothing went wrong
    pass


def follow_feed(store: Store, events: int, reader: Reader = as_offered) -> Followed:
    """Have so many events written and committed in adverse order, and read them meanwhile."""
    writers = _Writers(store, events)
    seen: list[models.FeedRow] = []
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(writers.write, number) for number in range(WRITERS)]
        place = None
        while True:
            over = all(one.done() for one in writing)
            rows, place = reader(place)
            seen += rows
            if over and not rows:
                break
        for one in writing:
            one.result()
    store.close()
    times = Counter(row.id for row in seen)
    return Followed(
        len(writers.committed),
        skipped=len(set(writers.committed) - times.keys()),
        twice=sum(count - 1 for count in times.values()),
        disordered=_disordered(seen),
    )


def _disordered(seen: Rows) -> int:
    newest: dict[UUID, int] = {}
    wrong = 0
    for row in seen:
        before = row.data["before"]
        wrong += newest.get(row.subject, -1) >= before
        newest[row.subject] = before
    return wrong
