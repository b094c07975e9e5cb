"""Sends a running campaign's calls: who is due is claimed where the intention is stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from obdtrack.calls.journal import Journal
from obdtrack.calls.placing.calling_rules import (
    CALLED_RECENTLY,
    OPTED_OUT,
    opted_out,
    recent_twins,
)
from obdtrack.calls.placing.place import pend, place_chosen
from obdtrack.calls.placing.submissions import PendingSubmission
from obdtrack.campaigns import campaigns, control, recipients, totals
from obdtrack.campaigns.control import CAMPAIGN
from obdtrack.campaigns.figures import CampaignFigures, figures_of
from obdtrack.campaigns.follow import line_of, slow_down
from obdtrack.campaigns.halts import Situation, affordable, closed_until, halt
from obdtrack.domain.campaign import (
    ENDED,
    CampaignAction,
    CampaignPlan,
    CampaignState,
    RecipientStatus,
)
from obdtrack.domain.feed import EventType
from obdtrack.domain.phone import is_erased
from obdtrack.domain.status import Status
from obdtrack.domain.submission import CallRequest, Failure, NotPermittedError, SendResponse
from obdtrack.domain.times import from_text
from obdtrack.errors import ObdtrackError
from obdtrack.providers.base import TakesLists
from obdtrack.services import Services
from obdtrack.store import bulk_sql, leases, models, tasks
from obdtrack.store.columns import dumps
from obdtrack.store.connections import connected
from obdtrack.store.database_errors import unavailable_if_locked

TURN_SECONDS = 3.0
"""How long one campaign is attended to before others have their turn."""

MOST_AT_ONCE = 100
"""Calls about to be sent, at most; if requests are long those of a few of them."""

FEW_REQUESTS = 8
REQUESTS_AT_ONCE = 16
TURNS_AT_ONCE = 8

SLOW_SECONDS = 0.5
"""So long a response is waited for; then the next calls are sent meanwhile."""

SLACK = 1.02
"""Calls are so much further apart than the pace says, so that what catches up stays below it."""

CATCH_UP = timedelta(seconds=5)
"""So much of what a busy machine or a slow provider made us miss is made good at once."""

_NOW = timedelta(0)
_A_MOMENT = timedelta(seconds=0.1)
_SOON = timedelta(seconds=0.5)
_LOOK_AGAIN = timedelta(seconds=5)
_SELDOM = timedelta(minutes=10)
_SWEPT_AT_ONCE = 500

STATE_KNOWN_SECONDS = 0.2
"""So long a look at the campaign's state counts when the next request is about to leave."""


def dispatch(campaign_id: UUID, services: Services) -> None:
    """Take a campaign's next steps, for some seconds; its task comes due when it needs more.

    A kind of task. Several processes may do it at once: the campaign's row is locked where its
    recipients are claimed, and what a process has claimed only that one sends, while it may.
    """
    until = services.uptime() + TURN_SECONDS
    turns = ThreadPoolExecutor(TURNS_AT_ONCE)
    try:
        while services.uptime() <= until:
            turn = Turn(campaign_id, services)
            taken = turns.submit(copy_context().run, turn.take)
            wait([taken], SLOW_SECONDS)
            if taken.done():
                taken.result()
                if turn.pause != _NOW:
                    return
    finally:
        turns.shutdown(wait=False)  # nobody else waits for a slow response


class Claimed(NamedTuple):
    """A recipient whose row is locked: the columns that its call is made of."""

    id: UUID
    to_number: str
    reference: str | None
    metadata: Mapping[str, Any] | None
    variables_encrypted: bytes | None
    tries: int
    call_id: UUID | None


def request_of(
    one: Claimed, campaign: models.Campaign, plan: CampaignPlan, services: Services
) -> CallRequest:
    """Return the request that calls a recipient.

    Raises ValueError if the values of its variables were sealed with another key.
    """
    sealed = one.variables_encrypted
    own = services.encryption.open(sealed) if sealed else {}
    return CallRequest(
        to=one.to_number,
        bridge=plan.bridge,
        flow_id=plan.flow_id,
        audio=plan.audio,
        name=campaign.name,
        interval=plan.interval,
        variables={**plan.variables, **own},
        reference=one.reference,
        metadata=one.metadata,
        call_type=plan.call_type or services.settings.call_type,
        campaign_id=campaign.id,
        retry_of=one.call_id,
    )


Step = tuple[timedelta | None, list[PendingSubmission]]
"""How long a campaign needs no attention (None: until somebody changes it), and what is sent."""


class Turn:
    """One transaction about a campaign: what it changes, whom it calls, when to look again."""

    campaign: models.Campaign
    plan: CampaignPlan
    figures: CampaignFigures

    def __init__(self, campaign_id: UUID, services: Services) -> None:
        self._campaign_id = campaign_id
        self.services = services
        self.now = services.now()
        self.pause: timedelta | None = None
        self._sent: list[UUID] = []
        self._is_too_fast = False
        self._seen_running_at = services.uptime()

    def take(self) -> None:
        """Do what is to be done now, and store what came of it."""
        try:
            with ThreadPoolExecutor(REQUESTS_AT_ONCE) as executor:
                place_chosen(self.choose, self.services, executor, self.may_leave, self.hear)
            self.follow_up()
        finally:
            self.services.store.close()

    def choose(self, journal: Journal) -> list[PendingSubmission]:
        """Claim the recipients that are called now, and return the requests that call them."""
        self.campaign, self.now = campaigns.locked(self._campaign_id), journal.now
        self._sent, self._seen_running_at = [], self.services.uptime()
        steps: Mapping[str, Callable[[], Step]] = {
            CampaignState.SCHEDULED: self._begin,
            CampaignState.RUNNING: self._go_on,
            CampaignState.PAUSING: self._settle,
            CampaignState.STOPPING: self._wind_up,
            **dict.fromkeys(ENDED, self._forget),
        }
        step = steps.get(self.campaign.state)
        self.pause, chosen = step() if step else (None, [])
        due = None if self.pause is None else self.services.shared_now() + self.pause
        tasks.plan(CAMPAIGN, {self._campaign_id: due})
        return chosen

    def may_leave(self) -> None:
        """Raise NotPermittedError if the campaign does not run any more, or asks too often."""
        if self._is_too_fast:
            raise NotPermittedError("the provider wants fewer requests")
        if self.services.uptime() - self._seen_running_at < STATE_KNOWN_SECONDS:
            return
        row = models.Campaign
        running = (row.id == self._campaign_id) & (row.state == CampaignState.RUNNING)
        asked_at, store = self.services.uptime(), self.services.store
        try:
            with unavailable_if_locked(), connected(store):
                runs = row.select().where(running).exists()
        except ObdtrackError as error:
            raise NotPermittedError("the database could not say whether it may be sent") from error
        if not runs:
            raise NotPermittedError("its campaign was paused or stopped before it could be sent")
        self._seen_running_at = asked_at

    def hear(self, response: SendResponse) -> None:
        """Leave the provider alone for as long as it wants, from now on."""
        if response.failure is Failure.RATE_LIMITED and not self._is_too_fast:
            self._is_too_fast = True
            with suppress(ObdtrackError), self.services.store.write():
                slow_down(self._campaign_id, response.retry_after, self.services)

    def follow_up(self) -> None:
        """Delete the values that were sent, unless they may be needed for another call."""
        if self._sent and not self.plan.retries:
            row = models.Recipient
            sent = row.id.in_(self._sent) & (row.status == RecipientStatus.SENT)
            sent &= row.variables_encrypted.is_null(False)
            with self.services.store.write():
                row.update(variables_encrypted=None).where(sent).execute()

    def _begin(self) -> Step:
        control.begin_if_due(self.campaign, self.services)
        if self.campaign.state == CampaignState.RUNNING:
            return _NOW, []
        return min(from_text(self.campaign.plan["start_at"]) - self.now, _SELDOM), []

    def _settle(self) -> Step:
        control.settle(self.campaign, self.services)
        return (_SOON if self.campaign.state == CampaignState.PAUSING else None), []

    def _wind_up(self) -> Step:
        """Skip some of those who were not called, and settle once there are none."""
        if found := self._some(RecipientStatus.SCHEDULED):
            self._skip(found, dict.fromkeys(found, self.campaign.reason or "stopped"))
            return _NOW, []
        control.settle(self.campaign, self.services)
        return (_SOON if self.campaign.state == CampaignState.STOPPING else _NOW), []

    def _forget(self) -> Step:
        """Delete values of variables that are not needed any more, some at a time."""
        row = models.Recipient
        found = self._some(RecipientStatus.SENT, row.variables_encrypted.is_null(False))
        row.update(variables_encrypted=None).where(row.id.in_(list(found))).execute()
        return (_NOW if found else None), []

    def _some(self, status: RecipientStatus, *conditions: Any) -> dict[UUID, int]:
        """Return some recipients that stand so, with how often each was called."""
        row = models.Recipient
        query = row.select(row.id, row.tries).where(row.campaign_id == self._campaign_id)
        query = query.where(row.status == status, *conditions)
        return {one.id: one.tries for one in query.limit(_SWEPT_AT_ONCE)}

    def _go_on(self) -> Step:
        """Do what a running campaign does next: halt, tell, complete, wait or send."""
        try:
            self.plan = campaigns.plan_of(self.campaign, self.services.encryption)
        except ValueError:
            return self._fail()
        self.figures = figures_of(self.campaign.name)
        here = Situation(self.campaign, self.plan, self.figures, self.now, self.services)
        if found := halt(here):
            control.move(self.campaign, found.action, self.services, found.reason)
            return _NOW, []
        if self.campaign.told_at is None:
            self._tell_scheduled()
            return _NOW, []
        if not totals.stored(self._campaign_id)[RecipientStatus.SCHEDULED]:
            if self.figures.waiting:
                return _LOOK_AGAIN, []
            control.move(self.campaign, CampaignAction.COMPLETE, self.services)
            return _NOW, []
        if opens_at := closed_until(self.plan, self.now, self.services):
            return min(opens_at - self.now, _SELDOM), []
        return self._claim()

    def _tell_scheduled(self) -> None:
        """Tell of some recipients that they are to be called, file by file."""
        imports = models.RecipientImport
        for one in imports.select().where(imports.campaign_id == self._campaign_id):
            if found := [row.id for row in self._untold(one).limit(_SWEPT_AT_ONCE)]:
                recipients.tell(EventType.CALL_SCHEDULED, found, self.services)
                imports.update(told_through=found[-1]).where(imports.id == one.id).execute()
                return
        told = models.Campaign.update(told_at=self.now)
        told.where(models.Campaign.id == self._campaign_id).execute()

    def _untold(self, one: models.RecipientImport) -> Any:
        """Return who is to be called of a file and was not told of yet, as they stand in it."""
        row = models.Recipient
        waiting = (row.campaign_id == self._campaign_id) & (row.import_id == one.id)
        # Who is to be called again is due later than their file came.
        waiting &= (row.status == RecipientStatus.SCHEDULED) & (row.due_at == one.created_at)
        if one.told_through:
            waiting &= row.id > one.told_through
        return row.select(row.id).where(waiting).order_by(row.id)

    def _fail(self) -> Step:
        control.move(self.campaign, CampaignAction.FAIL, self.services, "secret-key-changed")
        return None, []

    def _claim(self) -> Step:
        """Claim as many as the pace, the calls in flight and the budget allow."""
        room = min(
            max(MOST_AT_ONCE, FEW_REQUESTS * self._numbers_per_request())
            - self.figures.calls[Status.SUBMITTING],
            self.plan.max_in_flight - self.figures.waiting,
            affordable(self.plan, self.figures),
        )
        if room <= 0:
            return _SOON, []
        line, now = line_of(self._campaign_id), self.services.shared_now()
        spacing = timedelta(minutes=1) * SLACK / self.plan.per_minute
        first, due = leases.due_places(line, spacing, now, CATCH_UP)
        together = min(self._numbers_per_request(), CATCH_UP // spacing + 1, room)
        found = self._due(min(due, room)) if due >= together else []
        if not found:
            return self._wait(first + spacing * (together - 1) - now), []
        refused = self._refused(found)
        wanted = [one for one in found if one.id not in refused]
        try:
            chosen = self._pend(wanted)
            if twins := self._twins(wanted, chosen):
                refused |= dict.fromkeys(twins, CALLED_RECENTLY)
                wanted = [one for one in wanted if one.id not in refused]
                chosen = self._pend(wanted)
        except ValueError:  # their values were sealed with another key
            return self._fail()
        self._skip({one.id: one.tries for one in found}, refused)
        self._note_sent(chosen)
        leases.plan_place(line, first + spacing * len(wanted))
        return _NOW, [submission for submission, _ in chosen]

    def _numbers_per_request(self) -> int:
        provider = self.services.provider
        most = provider.most_numbers if isinstance(provider, TakesLists) else 1
        return min(self.plan.numbers_per_request, most)

    def _wait(self, place_in: timedelta) -> timedelta:
        """Return how long until a place in the line is due, and somebody to take it."""
        row = models.Recipient
        unsent = (row.campaign_id == self._campaign_id) & (row.status == RecipientStatus.SCHEDULED)
        first = row.select(row.due_at).where(unsent).order_by(row.due_at).first()
        somebody_in = first.due_at - self.now if first else _NOW
        return min(max(place_in, somebody_in, _A_MOMENT), _SELDOM)

    def _due(self, limit: int) -> list[Claimed]:
        row = models.Recipient
        query = (
            row.select(*(getattr(row, name) for name in Claimed._fields))
            .where(row.campaign_id == self._campaign_id)
            .where((row.status == RecipientStatus.SCHEDULED) & (row.due_at <= self.now))
            .order_by(row.due_at, row.id)
            .limit(limit)
        )
        if row._meta.database.for_update:
            query = query.for_update(skip_locked=True)
        rows: Any = query.tuples()
        return [Claimed(*found) for found in rows]

    def _refused(self, found: Sequence[Claimed]) -> dict[UUID, str]:
        """Return why those of these are not called whose owners do not want it."""
        refused = {one.id: "erased" for one in found if is_erased(one.to_number)}
        if self.services.settings.suppression:
            numbers = {one.to_number: one.id for one in found if one.id not in refused}
            listed = opted_out(numbers.keys(), self.services)
            refused |= {numbers[number]: OPTED_OUT for number in listed}
        return refused

    def _twins(
        self, wanted: Sequence[Claimed], chosen: Sequence[tuple[PendingSubmission, list[Claimed]]]
    ) -> list[UUID]:
        """Return those who were called moments ago by the same; a retry of ours is no such call."""
        first = {
            call.id: one.id
            for submission, claimed in chosen
            for call, one in zip(submission.calls, claimed, strict=True)
            if one.call_id is None
        }
        calls = [call for one, _ in chosen for call in one.calls if call.id in first]
        return [first[call] for call in recent_twins(calls, self.now, self.services)]

    def _pend(self, wanted: Sequence[Claimed]) -> list[tuple[PendingSubmission, list[Claimed]]]:
        """Return the requests that call these, and whom each calls.

        Rows that share the values of all variables share a request, as many as are wanted in one.
        """
        alike: defaultdict[str, list[tuple[Claimed, CallRequest]]] = defaultdict(list)
        for one in wanted:
            request = request_of(one, self.campaign, self.plan, self.services)
            alike[dumps(request.variables)].append((one, request))
        size, chosen = self._numbers_per_request(), []
        for rows in alike.values():
            for some in (rows[start : start + size] for start in range(0, len(rows), size)):
                made = pend([request for _, request in some], self.campaign.key_id, self.services)
                chosen.append((made._replace(created_at=self.now), [one for one, _ in some]))
        return chosen

    def _note_sent(self, chosen: Sequence[tuple[PendingSubmission, list[Claimed]]]) -> None:
        changes = [
            (RecipientStatus.SENT, call.id, one.tries + 1, one.id)
            for submission, claimed in chosen
            for call, one in zip(submission.calls, claimed, strict=True)
        ]
        columns = ("status", "call_id", "tries")
        bulk_sql.update(models.Recipient, columns, ("id",), changes)
        self._count(RecipientStatus.SENT, len(changes))
        self._sent = [recipient for *_, recipient in changes]

    def _skip(self, tries: Mapping[UUID, int], reasons: Mapping[UUID, str]) -> None:
        """Note that these are not called, or not again; an import may need their values."""
        changes = [
            (RecipientStatus.SENT if tries[one] else RecipientStatus.SKIPPED, why, one)
            for one, why in reasons.items()
        ]
        bulk_sql.update(models.Recipient, ("status", "reason"), ("id",), changes)
        skipped = [one for status, _, one in changes if status is RecipientStatus.SKIPPED]
        recipients.tell(EventType.CALL_SKIPPED, skipped, self.services)
        for key, number in Counter(totals.key_of(*change[:2]) for change in changes).items():
            self._count(key, number)

    def _count(self, key: str, number: int) -> None:
        totals.count(self._campaign_id, {RecipientStatus.SCHEDULED: -number, key: number})
