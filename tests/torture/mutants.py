"""obdtrack, broken on purpose: with each of these some check must fail, or it proves nothing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from typing import Any
from unittest.mock import patch
from wsgiref.simple_server import make_server

from granian.server.embed import Server

from obdtrack.calls import journal, provider_ids, queries
from obdtrack.calls.placing import idempotency, place, recover, submissions
from obdtrack.calls.placing.send_right import SendRight
from obdtrack.calls.placing.submissions import PendingSubmission
from obdtrack.calls.polling import check, poll
from obdtrack.calls.reports import record
from obdtrack.calls.reports.receive import ReceivedDelivery
from obdtrack.domain.status import Outcome, Status
from obdtrack.domain.submission import CallRequest, Failure, Placement, SendResponse
from obdtrack.providers.shared_secret import SharedSecret
from obdtrack.services import Services
from obdtrack.store import connections, group_commit, sqlite, tasks
from obdtrack.store.connections import connected
from obdtrack.store.database_errors import unavailable_if_locked
from obdtrack.store.group_commit import Inbox
from obdtrack.store.sqlite import SqliteStore
from obdtrack.store.tasks import Claim

Mutant = Callable[[], AbstractContextManager[Any]]


@contextmanager
def sound() -> Iterator[None]:
    """Break nothing."""
    yield


def acknowledge_before_commit() -> Any:
    """Say that a report is stored, and store it a moment later."""

    def hasty(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def store(batch: Any) -> None:
            with suppress(BaseException):  # nobody is left to be told
                work(batch)

        def acknowledge(batch: Any) -> list[ReceivedDelivery]:
            threading.Timer(0.2, store, (batch,)).start()
            return [ReceivedDelivery(Outcome.MATCHED) for _ in batch]

        return acknowledge

    original = Inbox.__init__
    return patch.object(Inbox, "__init__", lambda self, work: original(self, hasty(work)))


@contextmanager
def send_before_intention() -> Iterator[None]:
    """Ask the provider first, and store afterwards what was asked."""
    mine = threading.local()

    def place_chosen(
        choose: place.Chosen, services: Services, **more: Any
    ) -> list[PendingSubmission]:
        (intention,) = choose(journal.Journal(services, services.now()))
        mine.response = services.provider.send(intention.requests[0])
        return original(choose, services, **more)

    original = place.place_chosen
    with (
        patch.object(place, "place_chosen", place_chosen),
        patch.object(place, "_send_by", lambda *_: mine.response),
    ):
        yield


AT_ONCE = 4
"""Calls that a server has stored, and none of them sent, when it stands still."""


def stand_still_before_sending() -> Any:
    """Break nothing, but stop as from outside between the intentions and the requests."""
    all_stored = threading.Barrier(AT_ONCE, lambda: os.kill(os.getpid(), signal.SIGSTOP))

    def send(*arguments: Any) -> SendResponse:
        all_stored.wait()
        return original(*arguments)

    original = place._send_by
    return patch.object(place, "_send_by", send)


def send_whenever_it_goes_on() -> Any:
    """Do not ask whether a request may still be sent."""
    return patch.object(SendRight, "of", lambda *_: lambda: None)


def send_again_when_unsure() -> Any:
    """Ask once more for a call whose answer did not come."""

    def send(*arguments: Any) -> SendResponse:
        response = original(*arguments)
        return original(*arguments) if response.placement is Placement.UNKNOWN else response

    original = place._send_by
    return patch.object(place, "_send_by", send)


def deny_when_unsure() -> Any:
    """Say that no phone rings when no answer came."""

    def send(*arguments: Any) -> SendResponse:
        response = original(*arguments)
        unsure = response.placement is Placement.UNKNOWN
        return SendResponse(Failure.UNREACHABLE) if unsure else response

    original = place._send_by
    return patch.object(place, "_send_by", send)


def recover_by_sending() -> Any:
    """Place calls again whose process died."""

    def recover_interrupted(services: Services) -> int:
        now = services.shared_now()
        lost = [found for found in submissions.in_flight() if recover._is_lost(found, now)]
        for call_id, *_ in lost:
            call = queries.find(str(call_id))
            assert call is not None
            request = CallRequest(
                call.to_number, call.submission.bridge, flow_id="23", reference=call.reference
            )
            services.provider.send(request)
        return original(services)

    original = recover.recover_interrupted
    return patch.object(recover, "recover_interrupted", recover_interrupted)


@contextmanager
def leave_early_reports_alone() -> Iterator[None]:
    """Do not join the reports that came before the call's id was known."""

    def leave(*_: object) -> int:
        return 0

    with (
        patch.object(place, "reprocess_waiting", leave),
        patch.object(provider_ids, "reprocess_waiting", leave),
    ):
        yield


def take_every_report_for_news() -> Any:
    """Put a report on the timeline as often as it comes."""
    original = record.place_among
    return patch.object(record, "place_among", lambda *told: (original(*told)[0], None))


def believe_the_last_report() -> Any:
    """Let the report that came last decide, whatever its time."""

    def fold(events: Any, interval: int = 0) -> Any:
        events = list(events)
        reports = [event for event in events if event.kind == "report"]
        return original([e for e in events if e not in reports[:-1]], interval)

    original = journal.fold
    return patch.object(journal, "fold", fold)


@contextmanager
def commit_piecemeal() -> Iterator[None]:
    """Commit every statement by itself."""

    @contextmanager
    def write(self: SqliteStore, **_: bool) -> Iterator[None]:
        with unavailable_if_locked(), connected(self):
            yield

    with patch.object(SqliteStore, "write", write):
        yield


def forget_keys() -> Any:
    """Never find an idempotency key bound."""

    def claim(*arguments: Any) -> bool:
        original(*arguments)
        return True

    original = idempotency.claim
    return patch.object(idempotency, "claim", claim)


def never_poll() -> Any:
    """Wait for reports alone; whoever is due is put off for ever."""
    return patch.object(check, "check_call", lambda *_: None)


def plan_no_task() -> Any:
    """Show when a call is polled next, and forget to do it."""
    return patch.object(tasks, "plan", lambda *_: None)


def take_without_lease() -> Any:
    """Take tasks, and leave them to everybody else as well."""
    return patch.object(tasks.bulk_sql, "update", lambda *_: None)


def take_for_good() -> Any:
    """Remove tasks when they are taken, and not when they are done."""

    def claim(kind: str, *arguments: Any, **how: Any) -> list[Claim]:
        claims = original(kind, *arguments, **how)
        tasks.plan(kind, {claim.subject: None for claim in claims})
        return claims

    original = tasks.claim
    return patch.object(tasks, "claim", claim)


def poll_at_once() -> Any:
    """Ask whenever somebody is due, however many have been asked about."""
    return patch.object(poll.leases, "acquire_slot", lambda _name, _spacing, now: now)


def give_up_at_once() -> Any:
    """Wait for a locked database no longer than the blink of an eye."""
    return patch.object(connections, "BUSY_SECONDS", 0.05)


def stand_still_holding_figures() -> Any:
    """Break nothing, but stop when a new call's figures are written, uncommitted."""

    def write(self: journal.Journal) -> None:
        original(self)
        if any(before is None for _, before, _ in self._changes):
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # at once, not soon

    original = journal.Journal._write
    return patch.object(journal.Journal, "_write", write)


@contextmanager
def wait_five_seconds() -> Iterator[None]:
    """Wait for a turn to write for longer than the provider waits."""
    with (
        patch.object(connections, "BUSY_SECONDS", 5.0),
        patch.object(sqlite, "_ONCE_MORE", 5.0),
        patch.object(group_commit, "ANSWER_SECONDS", 60),
    ):
        yield


def wait_for_ever() -> Any:
    """Serve with sessions that wait for PostgreSQL, and keep others waiting, as commands do."""
    sessions = import_module("obdtrack.store.sessions")  # only where its driver is installed
    return patch.object(sessions, "SERVING", sessions.COMMAND)


def believe_anybody() -> Any:
    """Ask nobody for the secret."""
    return patch.object(SharedSecret, "accepts", lambda *_: True)


def serve_one_by_one() -> Any:
    """Serve from one thread, which reads slow clients itself."""

    async def serve(self: Server) -> None:
        make_server(self.bind_addr, self.bind_port, self.target._app).serve_forever()

    return patch.object(Server, "serve", serve)


@contextmanager
def claim_after_sending() -> Iterator[None]:
    """Call a campaign's recipients first, and note afterwards that they were called."""
    dispatch = import_module("obdtrack.campaigns.dispatch")  # after what others break

    def note_later(self: Any, chosen: Any) -> None:
        self.chosen = chosen

    def follow_up(self: Any) -> None:
        if chosen := getattr(self, "chosen", None):
            with self.services.store.write():
                note(self, chosen)
        then(self)

    turn = dispatch.Turn
    note, then = turn._note_sent, turn.follow_up
    with patch.object(turn, "_note_sent", note_later), patch.object(turn, "follow_up", follow_up):
        yield


@contextmanager
def call_again_when_unsure() -> Iterator[None]:
    """Call a campaign's recipient again of whose call nobody knows whether it was one."""
    module = import_module("obdtrack.campaigns.follow")

    def follow(changes: Iterable[Any], services: Services) -> None:
        for change in changes:
            if change.campaign_id and change.state.status == Status.UNKNOWN:
                module._make_again(change, services)
            else:
                original([change], services)

    original = module.follow
    application = import_module("obdtrack.application")
    listeners = tuple(follow if one is original else one for one in application.LISTENERS)
    with patch.object(application, "LISTENERS", listeners):
        yield


def tell_of_no_recipient() -> Any:
    """Say nothing of who is to be called and who is not."""
    return patch.object(import_module("obdtrack.campaigns.recipients"), "tell", lambda *_: None)


def forget_what_failed() -> Any:
    """Note that a destination has all it was sent, whatever it responded."""
    sending = import_module("obdtrack.notifications.dispatch")

    def noted(past: Any) -> Any:
        taken = past.tried and past.tried._replace(failure=None)
        return original(past._replace(tried=taken))

    original = sending._noted
    return patch.object(sending, "_noted", noted)


def send_the_newest_first() -> Any:
    """Send a destination what happened to a call in the wrong order."""
    turn = import_module("obdtrack.notifications.dispatch").SendingTurn

    def in_order(self: Any, due: Any) -> Any:
        ready, blocked = original(self, due)
        return [some[::-1] for some in ready], blocked

    original = turn._in_order
    return patch.object(turn, "_in_order", in_order)


@contextmanager
def short_leases() -> Iterator[None]:
    """Find the dead sooner, which breaks nothing; named last, as it imports what others break."""
    jobs = import_module("obdtrack.jobs")
    lease = timedelta(seconds=2)
    recovery = jobs.KINDS["recovery"]._replace(lease=lease)
    again = timedelta(seconds=0.2)
    campaign = jobs.KINDS["campaign"]._replace(lease=again, again=again)
    destination = jobs.KINDS["destination"]._replace(lease=lease)
    kinds = patch.dict(jobs.KINDS, recovery=recovery, campaign=campaign, destination=destination)
    turns = patch.object(import_module("obdtrack.notifications.dispatch"), "TURN_SECONDS", 1.0)
    with patch.object(recover, "LEASE", lease), turns, kinds:
        yield
