"""Sends destinations what happened, each by itself: at least once, and in order for each call.

What the feed has behind a destination's place becomes notifications, in a transaction of its own;
those that are due are sent, and what came of many of them is stored at once. Who dies in between
has sent some that nobody knows of: they are sent again.
"""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import chain, takewhile
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from peewee import fn
from requests import Session

from obdtrack.domain.destination import (
    DESTINATION,
    DISABLED_AFTER,
    DestinationState,
    NotificationStatus,
    next_try,
    probe_pause,
)
from obdtrack.domain.feed import EventType, FeedEvent, Numbers, matching
from obdtrack.domain.times import to_text
from obdtrack.notifications.destinations import find, found
from obdtrack.notifications.envelope import SOURCE, envelopes
from obdtrack.notifications.pace import Pace
from obdtrack.notifications.sender import GONE, Tried, post, secrets_of
from obdtrack.providers.http.exchange import open_session
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, feed, models, tasks, witness
from obdtrack.store.database_errors import repeated

log = structlog.get_logger()

TURN_SECONDS = 3.0
"""How long one turn begins to send something new; what is under way then is waited for."""

LEASE = timedelta(seconds=25)
"""Longer than a turn with a last try that takes as long as it may."""

CONNECTIONS = 4
"""Requests to one destination at once, about different calls."""

_FEW, _MANY = 16, 128
"""Notifications sent between two transactions: at first, and while nobody else is busy."""

_EXAMINED = 5000
_MOST_PENDING = 10_000
"""Whatever waits, so many are made of what is in the feed; the rest stays there."""

_OF_CALLS = "call."
_OTHER_KEY = "OBDTRACK_SECRET_KEY is not the one its secret was encrypted with."
_DELETED = "Its event was deleted before it could be sent."
_GONE = "It responded 410: nothing is to be sent there any more."
_DEAD = f"It took nothing for {DISABLED_AFTER.days} days."


def any_due(services: Services) -> bool:
    """Whether a destination whose turn it may be has anything to be sent."""
    row, note, task = models.Destination, models.Notification, models.Task
    late = (note.status == NotificationStatus.PENDING) & (note.due_at <= services.now())
    due = note.select().where((note.destination_id == row.id) & late)
    behind = (row.position < feed.settled()) | fn.EXISTS(due)
    active = (row.id == task.subject) & (row.state == DestinationState.ACTIVE)
    has_some = fn.EXISTS(row.select().where(active & behind))
    turn = (task.kind == DESTINATION) & (task.due_at <= services.shared_now())
    return bool(task.select().where(turn & has_some).exists())


def dispatch(destination_id: UUID, services: Services, pace: Pace | None = None) -> None:
    """Send a destination what is due, for some seconds. A kind of task."""
    row = models.Destination
    active = row.select().where(row.state == DestinationState.ACTIVE).count()
    pace = pace or Pace(active, feed.settled())
    with open_session() as session, ThreadPoolExecutor(CONNECTIONS) as pool:
        turn = SendingTurn(destination_id, session, pool, services)
        while turn.may_begin() and turn.take(_FEW if pace.is_busy else turn.at_once):
            time.sleep(pace.rest_after(turn.used, turn.took, feed.settled()))


def send_test(destination: models.Destination, services: Services) -> Tried:
    """Send an event of the type `destination.test`, which is in no feed and no log, now."""
    event = {
        "specversion": "1.0",
        "id": new_id(),
        "source": SOURCE,
        "type": "destination.test",
        "time": to_text(services.now()),
        "subject": destination.id,
        "datacontenttype": "application/json",
        "dataschema": "urn:obdtrack:destination:1",
        "data": {"message": "This is a test: nothing has happened."},
        "changed": {},
    }
    try:
        secrets = secrets_of(destination, services)
    except ValueError:
        return Tried(None, 0, None, _OTHER_KEY)
    with open_session() as session:
        return post(session, destination.url, secrets, event, services)


class PastTry(NamedTuple):
    """What came of a try, and when it ended; `tried` is None if its event had been deleted."""

    row: models.Notification
    tried: Tried | None
    at: datetime

    @property
    def is_taken(self) -> bool:
        """Whether the destination has it."""
        return self.tried is not None and self.tried.failure is None


class SendingTurn:
    """What one process sends to one destination in a row, some notifications at a time.

    `used` are the seconds of a processor that the last of them took, `took` those on the clock.
    """

    destination: models.Destination

    def __init__(
        self, destination_id: UUID, session: Session, pool: ThreadPoolExecutor, services: Services
    ) -> None:
        self._id, self._session, self._pool = destination_id, session, pool
        self._services = services
        self._until = services.uptime() + TURN_SECONDS
        self._used_by_pool: list[float] = []
        self.at_once = _FEW
        self.used = self.took = 0.0

    def may_begin(self) -> bool:
        """Whether there is time to send anything more."""
        return self._services.uptime() < self._until

    def take(self, limit: int) -> bool:
        """Send some that are due; False if there are none, or it is to be left alone for now."""
        began, used_before = time.monotonic(), time.thread_time()
        self._used_by_pool.clear()
        try:
            return self._take(limit)
        finally:
            self.at_once = _MANY
            self.used = time.thread_time() - used_before + sum(self._used_by_pool)
            self.took = time.monotonic() - began

    def _take(self, limit: int) -> bool:
        there = find(self._id)
        if there is None or there.state != DestinationState.ACTIVE:
            return False
        self.destination = there
        try:
            secrets = secrets_of(there, self._services)
        except ValueError:
            self._give_up(_OTHER_KEY)
            return False
        failing = there.failing_since is not None
        due = self._due(1 if failing else limit)
        has_more = (
            len(due) < limit and not (failing and due) and self._make_notifications(4 * limit)
        )
        if not due:
            return has_more
        ready, blocked = self._in_order(due)
        if failing:
            ready = [ready[0][:1]] if ready else []
        return self._store(self._send(ready, secrets), blocked)

    def _due(self, limit: int) -> list[models.Notification]:
        row, now = models.Notification, self._services.now()
        mine = (row.destination_id == self._id) & (row.status == NotificationStatus.PENDING)
        query = row.select().where(mine & (row.due_at <= now)).order_by(row.due_at, row.id)
        return list(query.limit(limit))

    # From the feed

    def _make_notifications(self, limit: int) -> bool:
        """Make notifications of so many of the next events; False if there are none."""
        place, through, row = self.destination.position, feed.settled(), models.Notification
        if place >= through:
            return False
        waiting = (row.destination_id == self._id) & (row.status == NotificationStatus.PENDING)
        if row.select(row.id).where(waiting).limit(_MOST_PENDING).count() == _MOST_PENDING:
            return False
        end, wanted = min(place + _EXAMINED, through), matching(self.destination.types)
        types = None if len(wanted) == len(EventType) else wanted
        rows = feed.page(place, end, limit, types=types)
        if len(rows) == limit:
            end = rows[-1].position
        return self._advance(end, self._fitting(rows))

    def _fitting(self, rows: list[models.FeedRow]) -> list[models.FeedRow]:
        """Leave out what its filter does not want."""
        wanted = self.destination.filter
        if campaign := wanted.get("campaign_id"):
            rows = [row for row in rows if str(row.campaign_id) == campaign]
        prefix, statuses = wanted.get("reference_prefix"), wanted.get("status")
        if not prefix and not statuses:
            return rows
        rows = [row for row in rows if row.type.startswith(_OF_CALLS)]
        told = [event["data"] or {} for event in envelopes(rows, Numbers.NONE)]
        return [
            row
            for row, data in zip(rows, told, strict=True)
            if (data.get("reference") or "").startswith(prefix or "")
            and (not statuses or data.get("status") in statuses)
        ]

    @repeated
    def _advance(self, place: int, rows: Sequence[models.FeedRow]) -> bool:
        """Store what is to be sent of the events up to a place, unless somebody changed it."""
        row, before, now = models.Destination, self.destination, self._services.now()
        columns = ("id", "destination_id", "position", "event_id", "type", "subject", "status",
                   "tries", "created_at", "due_at")  # fmt: skip
        with self._services.store.write():
            same = (row.id == self._id) & (row.position == before.position)
            same &= row.changed_at == before.changed_at
            if not row.update(position=place).where(same).execute():
                return False
            pending = str(NotificationStatus.PENDING)
            notes = [
                (new_id(), self._id, one.position, one.id, one.type, one.subject, pending, 0,
                 now, now)
                for one in rows
            ]  # fmt: skip
            bulk_sql.insert(models.Notification, columns, notes, unless_there=True)
        return True

    # To the destination

    def _in_order(
        self, due: Sequence[models.Notification]
    ) -> tuple[list[list[models.Notification]], list[tuple[datetime, UUID]]]:
        """Return what may be sent, those about the same in order; and what waits, for which time.

        One that is due waits for those before it that are about the same and not due yet.
        """
        row, now = models.Notification, self._services.now()
        ready = [[one] for one in due if one.subject is None]
        subjects = list({one.subject for one in due} - {None})
        mine = (row.destination_id == self._id) & (row.status == NotificationStatus.PENDING)
        pending = defaultdict(list)
        if subjects:
            query = row.select().where(mine & row.subject.in_(subjects)).order_by(row.position)
            for one in query:
                pending[one.subject].append(one)
        blocked = []
        for some in pending.values():
            first = list(takewhile(lambda one: one.due_at <= now, some))
            if first:
                ready.append(first)
            blocked += [
                (some[len(first)].due_at, one.id) for one in some[len(first) :] if one.due_at <= now
            ]
        return sorted(ready, key=lambda some: some[0].position), blocked

    def _send(
        self, ready: Sequence[Sequence[models.Notification]], secrets: Sequence[str]
    ) -> list[PastTry]:
        """Send these, those about the same one by one, until one fails; returns what came of it."""
        places = [one.position for one in chain.from_iterable(ready)]
        rows = bulk_sql.load(models.FeedRow, "position", places, order="position")
        told = envelopes(rows, Numbers(self.destination.numbers))
        events = {row.position: event for row, event in zip(rows, told, strict=True)}
        self._services.store.close()  # nobody waits for a response with a connection in hand
        stopped = threading.Event()

        def send(some: Sequence[models.Notification]) -> list[PastTry]:
            began, outcomes = time.thread_time(), []
            for row in some:
                if stopped.is_set() or not self.may_begin():
                    break
                event, tried = events.get(row.position), None
                if event:
                    url = self.destination.url
                    tried = post(self._session, url, secrets, event, self._services)
                outcomes.append(PastTry(row, tried, self._services.now()))
                if tried and tried.failure:
                    stopped.set()
            self._used_by_pool.append(time.thread_time() - began)
            return outcomes

        return sorted(
            chain.from_iterable(self._pool.map(send, ready)), key=lambda outcome: outcome.at
        )

    # What came of it

    @repeated
    def _store(self, outcomes: Sequence[PastTry], blocked: Sequence[tuple[datetime, UUID]]) -> bool:
        """Store what came of some tries; False if it is to be left alone for now."""
        columns = ("status", "tries", "due_at", "tried_at", "duration_ms", "http_status",
                   "failure", "response")  # fmt: skip
        with self._services.store.write():
            if find(self._id) is None:
                return False
            before = found(self._id, lock=True)
            # Unless somebody had it sent anew meanwhile.
            bulk_sql.update(
                models.Notification, columns, ("id", "tries"), map(_noted, outcomes)
            )  # fmt: skip
            bulk_sql.update(models.Notification, ("due_at",), ("id",), blocked)
            return self._judge(before, [one for one in outcomes if one.tried])

    @repeated
    def _give_up(self, why: str) -> None:
        with self._services.store.write():
            self._disable(found(self._id, lock=True), why)

    def _judge(self, before: models.Destination, outcomes: Sequence[PastTry]) -> bool:
        """Note how the destination does, and when to look again if it is not to be at once."""
        if not outcomes:
            return True
        row, last, now = models.Destination, outcomes[-1], self._services.now()
        taken = [one.at for one in outcomes if one.is_taken]
        since = None if last.is_taken else (not taken and before.failing_since) or last.at
        delivered_at = taken[-1] if taken else before.delivered_at
        row.update(failing_since=since, delivered_at=delivered_at).where(
            row.id == self._id
        ).execute()
        if before.state != DestinationState.ACTIVE:
            return False
        if any(one.tried and one.tried.http_status == GONE for one in outcomes):
            return self._disable(before, _GONE)
        if since is None:
            return True
        failing_for = witness.beyond_doubt(self._services.shared_now()) - since
        if failing_for >= DISABLED_AFTER:
            return self._disable(before, _DEAD)
        if failing_for >= DISABLED_AFTER / 2:
            self._tell_once(before, since)
        wait = last.tried.wait if last.tried else None
        if before.failing_since is None and not wait:
            return True
        pause = max(probe_pause(since, now), wait or timedelta())
        tasks.plan(DESTINATION, {self._id: self._services.shared_now() + pause})
        return False

    def _disable(self, before: models.Destination, why: str) -> bool:
        row, now = models.Destination, self._services.now()
        disabled = {"state": DestinationState.DISABLED, "reason": why}
        row.update(**disabled, changed_at=now).where(row.id == self._id).execute()
        tasks.plan(DESTINATION, {self._id: None})
        self._tell(EventType.DESTINATION_DISABLED, before, before.failing_since, disabled)
        log.warning("destination_disabled", id=str(self._id), reason=why)
        return False

    def _tell_once(self, before: models.Destination, since: datetime) -> None:
        row = models.FeedRow
        told = (row.subject == self._id) & (row.type == EventType.DESTINATION_FAILING)
        if not row.select().where(told & (row.recorded_at >= since)).exists():
            self._tell(EventType.DESTINATION_FAILING, before, since, {"state": before.state})
            log.warning("destination_failing", id=str(self._id), since=to_text(since))

    def _tell(
        self,
        kind: EventType,
        about: models.Destination,
        since: datetime | None,
        stands: Mapping[str, Any],
    ) -> None:
        """Put it into the feed; of its address, which may hold a secret, only the host."""
        data = {
            "id": str(self._id),
            "host": urlsplit(about.url).hostname,
            "failing_since": since and to_text(since),
            "reason": None,
            **stands,
        }
        self._services.tell([FeedEvent(new_id(), kind, self._services.now(), self._id, data=data)])


def _noted(outcome: PastTry) -> tuple[Any, ...]:
    """Return the columns of a notification after a try, and by what its row is known."""
    row, tried, at = outcome
    if tried is None:
        failed = str(NotificationStatus.FAILED)
        return failed, row.tries, at, at, None, None, _DELETED, None, row.id, row.tries
    tries, due_at = row.tries + 1, row.due_at
    status = NotificationStatus.DELIVERED
    if tried.failure:
        again = next_try(tries, at, tried.wait, random.random())  # noqa: S311  # no secret
        status = NotificationStatus.PENDING if again else NotificationStatus.FAILED
        due_at = again or due_at
    return (
        str(status), tries, due_at, at, tried.duration_ms, tried.http_status, tried.failure,
        tried.response, row.id, row.tries,
    )  # fmt: skip
