"""The journal: the only way to change a call.

One unit of work over some calls. It opens the transaction, takes the locks, reads each call once,
and on leaving writes what was appended, where each call stands now and when it is polled next.
Whoever places, receives, polls, decides or recovers says what happened, and nothing else.

Locks are taken in one order, so that no two units wait for each other: the provider's names, then
the rows of calls, and last, all at once, the figures that everybody shares; each kind sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from obdtrack.calls import queries, writes
from obdtrack.calls.placing.submissions import PendingSubmission
from obdtrack.calls.queries import CallRow
from obdtrack.calls.states import NewState, rest_of, states_of
from obdtrack.calls.writes import NewCall
from obdtrack.domain.events import Event
from obdtrack.domain.fold import NOT_TAKEN, CallState, ended_at_once, fold
from obdtrack.domain.naming import ProviderName
from obdtrack.domain.poll_schedule import Plan, plan
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.trial import is_trial
from obdtrack.providers.base import CallLog
from obdtrack.services import CallChange, Services, Standing
from obdtrack.statistics import counters
from obdtrack.statistics.counters import Change, slot_of
from obdtrack.store import bulk_sql, leases, models


class _OpenCall:
    """A call in this unit: its row and events as they were read, and what was appended since."""

    __slots__ = (
        "again", "check", "events", "path", "reports", "row", "state", "stored", "whole",
    )  # fmt: skip

    def __init__(self, row: CallRow, events: list[Event], *, whole: bool) -> None:
        self.row = row
        self.events = events
        self.stored = len(events)
        self.whole = whole
        self.reports = 0
        self.state: CallState | None = None
        self.path: list[CallState] = []
        self.again: set[UUID] = set()
        self.check: datetime | None = None

    def fold(self) -> CallState:
        if self.state is None:
            self.state = fold(self.events, self.row.interval)
        return self.state

    def append(self, event: Event) -> None:
        events = [*self.events, event]
        self.state = fold(events, self.row.interval)  # raises before anything has changed
        self.events = events
        self.path.append(self.state)
        self.reports += event.kind is Kind.REPORT

    def change(self, rest: Mapping[str, Any]) -> CallChange:
        row = self.row
        before = Standing(row.status, row.conflict, row.report_count, row.attempt_count)
        return CallChange(row.id, before, tuple(self.path), rest, row.campaign_id)


class Journal:
    """One unit of work; see `open_journal`."""

    def __init__(self, services: Services, now: datetime) -> None:
        self.services = services
        self.now = now
        self._calls: dict[UUID, _OpenCall] = {}
        self._put_off: dict[UUID, datetime] = {}
        self._silenced: set[str] = set()
        self._names: set[str] = set()
        self._changes: list[Change] = []
        self._heard: list[CallChange] = []
        self._newest: dict[str, int] = {}
        self._counted: Counter[str] = Counter()
        self.stored: Mapping[UUID, NewState] = {}
        """Where the calls that events were added to stand; known once the unit has ended."""

    def lock(self, names: Collection[str]) -> None:
        """Lock what the provider calls calls and submissions, until the unit ends.

        All at once and before any call. A name that only shows up later is not waited for: if
        somebody else has it, the unit is undone (AbortedError), to be done again.
        """
        if missing := set(names) - self._names:
            late = bool(self._names or self._calls)
            self.services.store.lock_names(missing, wait=not late)
            self._names |= missing

    def calls(self, call_ids: Collection[UUID]) -> list[CallRow]:
        """Return those of these calls that are there, locked until the unit ends."""
        return self._opened(queries.lock_calls(call_ids)) if call_ids else []

    def call(self, call_id: UUID) -> CallRow | None:
        """Return the call, locked until the unit ends, or None if it is not there."""
        return next(iter(self.calls([call_id])), None)

    def reported(self, provider_ids: Collection[str], mids: Collection[str]) -> list[CallRow]:
        """Return the calls with any of these ids or submission uuids, locked until the unit ends.

        So two processes do not fold one call at once.
        """
        return self._opened(queries.lock_reported_calls(provider_ids, mids))

    def read(self, call_ids: Iterable[UUID]) -> None:
        """Read the events of these calls, all at once; the row is enough where it says it all.

        Most reports are a call's first, and then it does.
        """
        missing = [c for i in dict.fromkeys(call_ids) if not (c := self._calls[i]).events]
        past = queries.history([call.row.id for call in missing if not _stands_for_all(call.row)])
        for call in missing:
            known = past.get(call.row.id)
            call.events = known or [_standing(call.row)]
            call.whole = bool(known)
            call.stored = len(call.events)

    def events(self, call_id: UUID) -> list[Event]:
        """Return all events of a call, those of this unit among them."""
        call = self._calls[call_id]
        if not call.whole:
            # Reports may have been appended to what the row stands for.
            past = queries.history([call_id])[call_id]
            appended = call.events[call.stored :]
            call.events, call.stored = [*past, *appended], len(past)
            call.whole, call.state = True, None
        return list(call.events)

    def known(self, call_id: UUID) -> Sequence[Event]:
        """Return what was read of a call's events, all its reports among them."""
        return self._calls[call_id].events

    def report_count(self, call_id: UUID) -> int:
        """Return how many reports a call has on its timeline, those of this unit among them."""
        call = self._calls[call_id]
        return call.row.report_count + call.reports

    def status(self, call_id: UUID) -> str:
        """Return the status of a call, with what this unit appended; its events are not read."""
        call = self._calls[call_id]
        return call.state.status if call.state else call.row.status

    def state(self, call_id: UUID) -> CallState:
        """Return where a call stands, with what this unit appended."""
        self.events(call_id)
        return self._calls[call_id].fold()

    def plan(self, call_id: UUID) -> Plan:
        """Return when a call that stands so is polled next, by the schedule of the settings."""
        return self._plan(self._calls[call_id].row, self.state(call_id))

    def newly(self, call_id: UUID, statuses: Collection[Status]) -> bool:
        """Whether this unit brought the call to one of these statuses."""
        before, after = self._calls[call_id].row.status, self.state(call_id).status
        return after in statuses and before != after

    def create(self, begun: Sequence[tuple[PendingSubmission, Sequence[Event]]]) -> None:
        """Store submissions with their calls, each beginning with its event; nothing has left."""
        created = [
            (NewCall(submission, pending, state, rest_of(state)), event)
            for submission, events in begun
            for pending, event in zip(submission.calls, events, strict=True)
            for state in (fold([event], pending.request.interval),)
        ]
        rows = writes.create_calls([new for new, _ in created])
        writes.add_events((new.pending.id, event) for new, event in created)
        for row, (new, event) in zip(rows, created, strict=True):
            self._changes += writes.changes(row, new.state, new=True)
            if row.name and not is_trial(row.name, row.to_number):
                self._newest[row.name] = slot_of(row.created_at)
            call = self._calls[row.id] = _OpenCall(row, [event], whole=True)
            call.state = new.state
            self._heard.append(CallChange(row.id, None, (new.state,), new.rest, row.campaign_id))

    def append(self, call_id: UUID, event: Event) -> None:
        """Add an event to a call. Raises what folding it raises; then nothing was added."""
        if event.kind is not Kind.REPORT:  # a claim is weighed against the claims before it
            if self._calls[call_id].row.status == Status.SUBMITTING:
                self.read([call_id])  # the row says it all: there is no other claim yet
            else:
                self.events(call_id)
        self._calls[call_id].append(event)

    def is_fresh(self, row: CallRow) -> bool:
        """Whether the row says all of a call (open here): nothing but its first claim is known."""
        return _stands_for_all(row) and not self._calls[row.id].events

    def end(self, row: CallRow, report: Event, facts: Mapping[str, Any]) -> None:
        """Add the first report of a fresh call, which says how it ended, and its facts."""
        call = self._calls[row.id]
        call.state = ended_at_once(report, facts, row.charges)
        call.events, call.stored = [_standing(row), report], 1
        call.path, call.reports = [call.state], 1

    def seen_again(self, call_id: UUID, event: Event) -> None:
        """Note that the fact of this event of the call has arrived once more."""
        call = self._calls[call_id]
        call.events[call.events.index(event)] = event._replace(times_seen=event.times_seen + 1)
        call.again.add(event.id)

    def assign_provider_ids(self, names: Sequence[ProviderName]) -> dict[UUID, UUID]:
        """Note how their providers call calls; returns by call the other one that has its id.

        Of those nothing is noted. All ids must be locked: nobody may take one between this look
        and this change.
        """
        return writes.set_provider_ids(names)

    def assign_mids(self, mids: Mapping[UUID, str]) -> None:
        """Note the submission's id (canonical, locked) of calls whose own id is not known."""
        writes.set_mids(mids)

    def replace(
        self, call_id: UUID, kinds: Collection[Kind], events: Sequence[Event], state: CallState,
        check_at: datetime | None, *, rewrite: bool,
    ) -> None:  # fmt: skip
        """Put `events` in the place of all that a call has of these kinds, with its new state.

        Without `rewrite` its events are right as they are, and the state alone is written.
        """
        call = self._calls[call_id]
        before = states_of(bulk_sql.load(models.Call, "id", [call_id]))[call_id]
        if rewrite:
            writes.replace_events(call_id, kinds, events)
            writes.set_submitted_at(call_id, events)
        rest = rest_of(state)
        writes.save_states([NewState(call.row, state, rest, check_at)])
        self._changes += writes.changes(call.row, state)
        call.state = state
        if state != before:
            change = call.change(rest)
            self._heard.append(change._replace(path=(state,), rebuilt=True))

    def poll_at(self, call_id: UUID, when: datetime) -> None:
        """Have the provider polled at this time if the call still waits when its schedule ended."""
        self._calls[call_id].check = when

    def put_off(self, call_id: UUID, until: datetime) -> None:
        """Have the call polled again then: what the provider responded is of no use."""
        self._put_off[call_id] = until

    def stop_polling(self, to_number: str) -> None:
        """Have nobody poll about calls to this number any more."""
        self._silenced.add(to_number)

    def count(self, name: str) -> None:
        """Add one to a counter when the unit ends."""
        self._counted[name] += 1

    def _opened(self, rows: Iterable[CallRow]) -> list[CallRow]:
        found = list(rows)
        for row in found:
            if known := self._calls.get(row.id):
                known.row = row
            else:
                self._calls[row.id] = _OpenCall(row, [], whole=False)
        return found

    def _plan(self, row: CallRow, state: CallState) -> Plan:
        return plan(
            state,
            created_at=row.created_at,
            interval=row.interval,
            now=self.now,
            schedule=self.services.settings.poll_schedule,
            has_log=isinstance(self.services.providers.get(row.provider), CallLog),
        )

    def _write(self) -> None:
        """Write all at once: events, how often they came, states, next checks; last the figures."""
        calls = self._calls.values()
        added = [(call, call.events[call.stored :]) for call in calls if call.path]
        writes.add_events((call.row.id, event) for call, events in added for event in events)
        seen = (
            (call, event) for call in calls if call.again for event in call.events[: call.stored]
        )
        writes.count_again((call.row.id, e) for call, e in seen if e.id in call.again)
        states = [self._new_state(call) for call, _ in added]
        writes.save_states(states)
        self.stored = {new.row.id: new for new in states}
        for row, state, *_ in states:
            self._changes += writes.changes(row, state)
        if self._put_off:
            writes.plan_polls(self._put_off)
        for number in self._silenced:
            writes.stop_polling(number)
        if listeners := self.services.listeners:
            told = zip(added, states, strict=True)
            changes = [*self._heard, *(call.change(new.rest) for (call, _), new in told)]
            for listener in listeners if changes else ():
                listener(changes, self.services)
        if self._changes or self._counted:
            self.services.store.take_hot_rows()
        counters.count(self._changes)
        counters.note_campaigns(self._newest)
        for name, by in sorted(self._counted.items()):
            leases.count(name, by)

    def _new_state(self, call: _OpenCall) -> NewState:
        state = call.fold()
        planned = self._plan(call.row, state)
        check = call.check if planned.given_up else planned.next_check_at
        return NewState(call.row, state, rest_of(state), check)


@contextmanager
def open_journal(
    services: Services, *, first: bool = False, now: datetime | None = None
) -> Iterator[Journal]:
    """Open a unit of work; all of it is on disk when the block ends, or nothing if it raises.

    Reports come `first`: they do not wait for a crowd that places calls. `now` is the time by which
    next checks are planned. Raises ObdtrackError (unavailable) if the database is out of use.
    """
    with services.store.write(first=first):
        journal = Journal(services, now or services.now())
        yield journal
        journal._write()


def _stands_for_all(row: CallRow) -> bool:
    """Whether folding a report after the row gives what folding it after its events would.

    Of a call that was not taken they also hold what the provider's response said, and of an
    unresolved one whether somebody has looked at it.
    """
    return not row.report_count and row.status not in _TOLD_MORE and not row.conflict


_TOLD_MORE = NOT_TAKEN | {Status.UNRESOLVED}


def _standing(row: CallRow) -> Event:
    """Return what a call without any report is known to be, as the one claim that its row holds."""
    return Event(
        id=row.id,
        kind=Kind.SUBMISSION if row.status == Status.SUBMITTING else Kind.RESPONSE,
        source=Source(row.status_source),
        recorded_at=row.status_as_of,
        status=Status(row.status),
        reason=row.reason,
        detail={"charges": row.charges},
    )
