"""Destinations are sent what happened: at least once, in order for each call, each by itself."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook

from obdtrack.access.audit import Itself
from obdtrack.domain.destination import DESTINATION, PAUSES, DestinationState, next_try
from obdtrack.domain.feed import EventType, FeedEvent
from obdtrack.jobs import KINDS, run_due
from obdtrack.notifications import destinations, dispatch, sender
from obdtrack.notifications.destinations import Wishes
from obdtrack.notifications.pace import LONGEST_REST, Pace
from obdtrack.privacy.retention import delete_expired
from obdtrack.services import Services, new_id
from obdtrack.store import feed, models, tasks
from tests.factories import NOON, Clock, time_passes, with_settings
from tests.notifications.receiver import Receiver, receiver

ON_SQLITE = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
"""For what is the same whichever the database is."""


@pytest.fixture
def services(services: Services) -> Services:
    """A receiver on loopback may be sent to, and signs are made by the clock of the test."""
    return with_settings(services, destinations_private=True)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


def added(services: Services, url: str, **wishes: Any) -> UUID:
    return destinations.create(Wishes(url, **wishes), Itself(), services)[0]


def happened(
    services: Services, *subjects: UUID | None, kind: EventType = EventType.DELIVERY_UNMATCHED
) -> list[str]:
    """Let something happen about each of these, one after the other; returns the events' ids."""
    events = [FeedEvent(new_id(), kind, services.now(), one, data={}) for one in subjects]
    with services.store.connection_context(), services.store.write():
        feed.append(events)
    return [str(event.id) for event in events]


def send(services: Services, destination: UUID) -> None:
    """Have a turn, as if nobody else needed the processor."""
    dispatch.dispatch(destination, services, Pace(place=feed.settled(), process_time=lambda: 0.0))
    services.store.close()


def notes(services: Services) -> list[models.Notification]:
    with services.store.connection_context():
        return list(models.Notification.select().order_by(models.Notification.position))


def stands(services: Services, destination: UUID) -> models.Destination:
    with services.store.connection_context():
        return destinations.found(destination)


def test_all_that_happens_is_sent_once_signed_and_noted(
    services: Services, server: Receiver, clock: Clock
) -> None:
    happened(services, new_id())
    made, secret = destinations.create(Wishes(server.url), Itself(), services)
    calls = [new_id(), new_id()]
    ids = happened(services, calls[0], calls[1], calls[0], None)
    send(services, made)
    send(services, made)
    assert sorted(server.received.ids) == sorted(ids)
    assert server.received.by_subject()[str(calls[0])] == [ids[0], ids[2]]
    headers, body = server.received[0]
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert headers["webhook-timestamp"] == str(int(clock.now.timestamp()))
    signed_by(secret, headers, body)
    assert {(one.status, one.tries, one.http_status, one.response) for one in notes(services)} == {
        ("delivered", 1, 200, "ok")
    }
    assert stands(services, made).delivered_at == clock.now


def signed_by(secret: str, headers: dict[str, str], body: bytes) -> None:
    """The reference package finds it signed with this secret; raises if not."""
    moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    with patch("standardwebhooks.webhooks.datetime") as there:
        there.now.return_value, there.fromtimestamp = moment, datetime.fromtimestamp
        assert Webhook(secret).verify(body, headers) == json.loads(body)


@ON_SQLITE
def test_after_a_rotation_both_secrets_sign_for_a_day(
    services: Services, server: Receiver, clock: Clock
) -> None:
    made, old = destinations.create(Wishes(server.url), Itself(), services)
    new = destinations.rotate(made, Itself(), services)
    for hours in (0, 23, 2):
        clock.forward(hours=hours)
        happened(services, None)
        send(services, made)
    for headers, body in server.received[:2]:
        signed_by(old, headers, body)
        signed_by(new, headers, body)
    last, body = server.received[2]
    signed_by(new, last, body)
    assert " " not in last["webhook-signature"]


@ON_SQLITE
def test_only_what_is_wanted_is_sent(services: Services, server: Receiver) -> None:
    campaign = new_id()
    wanted = {"campaign_id": str(campaign)}
    made = added(services, server.url, types=("opt_out.*",), filter=wanted)
    event = FeedEvent(new_id(), EventType.OPT_OUT_ADDED, NOON, None, data={})
    other_type = event._replace(id=new_id(), type=EventType.DELIVERY_UNMATCHED)
    right = event._replace(id=new_id(), campaign_id=campaign)
    with services.store.connection_context(), services.store.write():
        feed.append([event, other_type._replace(campaign_id=campaign), right])
    send(services, made)
    assert server.received.ids == [str(right.id)]
    assert stands(services, made).position == feed.settled()


def test_what_fails_is_tried_again_on_the_schedule_with_the_same_id(
    services: Services, server: Receiver, clock: Clock
) -> None:
    server.respond = lambda _: 500
    made = added(services, server.url)
    (event,) = happened(services, new_id())
    began, seen = clock.now, []
    for _ in range(60):
        if len(server.received) > len(seen):
            seen.append(clock.now - began)
        (note,) = notes(services) or [None]
        if note and note.status == "failed":
            break
        if note:
            clock.now = max(clock.now, note.due_at)
        send(services, made)
    assert (note.status, note.tries, note.failure) == ("failed", 10, "The response is 500.")
    assert server.received.ids == [event] * 10
    steps = [later - earlier for earlier, later in zip([timedelta(), *seen], seen, strict=False)]
    for step, pause in zip(steps[1:], PAUSES, strict=False):
        assert pause * 0.9 <= step <= pause * 1.1


@pytest.mark.parametrize("tries", range(1, len(PAUSES) + 1))
def test_no_pause_is_shorter_than_the_receiver_asks_for(tries: int) -> None:
    for wait in (None, timedelta(seconds=1), timedelta(hours=23)):
        for chance in (0.0, 0.5, 1.0):
            due = next_try(tries, NOON, wait, chance)
            assert due
            pause = PAUSES[tries - 1]
            assert due >= NOON + (wait or timedelta())
            assert pause * 0.9 <= due - NOON <= max(pause * 1.1, wait or timedelta())
    assert next_try(len(PAUSES) + 1, NOON, None, 0.5) is None


@ON_SQLITE
@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("Mon, 23 Nov 2026 12:10:00 GMT", 600), ("9999999999", 86_400), ("soon", 0)],
)
def test_who_is_to_be_left_alone_is(
    services: Services, server: Receiver, clock: Clock, said: str, seconds: int
) -> None:
    server.respond = lambda _: (503, {"Retry-After": said})
    made = added(services, server.url)
    happened(services, new_id(), new_id())
    send(services, made)
    (first, *_) = [one for one in notes(services) if one.tries]
    assert first.due_at - clock.now >= timedelta(seconds=seconds)
    if seconds:
        assert len(server.received) <= dispatch.CONNECTIONS
        clock.forward(seconds=seconds - 1)
        assert run_due(DESTINATION, services) == 0
        clock.forward(seconds=2)
        assert run_due(DESTINATION, services) == 1


def story(services: Services, server: Receiver, clock: Clock, seed: int) -> list[str]:
    """Let things happen to some calls while a third of what is sent is refused; returns what is
    wrong in the end: events that were lost, calls whose events came out of order."""
    chance = random.Random(seed)
    calls, expected = [new_id() for _ in range(5)], defaultdict(list)
    server.respond = lambda _: chance.choice([200, 200, 500])
    made = added(services, server.url)
    for step in range(60):
        if step < 20:
            subjects = [chance.choice(calls) for _ in range(chance.randrange(6))]
            for call, event in zip(subjects, happened(services, *subjects), strict=True):
                expected[str(call)].append(event)
        elif step == 20:
            server.respond = lambda _: 200
        elif step == 25:
            destinations.recover(made, NOON, Itself(), services)
        send(services, made)
        clock.forward(minutes=chance.choice([0, 1, 6, 40]))
    found = server.taken.by_subject()
    lost = {one for some in expected.values() for one in some} - set(server.taken.ids)
    return [*lost, *(call for call, events in expected.items() if found.get(call) != events)]


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_and_what_happened_to_a_call_arrives_in_order(
    services: Services, server: Receiver, clock: Clock, seed: int
) -> None:
    assert story(services, server, clock, seed) == []


def all_due_at_once(
    _: Any, due: Sequence[models.Notification]
) -> tuple[list[list[models.Notification]], list[Any]]:
    return [[one] for one in due], []


def newest_first(
    turn: dispatch.SendingTurn, due: Sequence[models.Notification]
) -> tuple[list[list[models.Notification]], list[Any]]:
    ready, blocked = in_order(turn, due)
    return [some[::-1] for some in ready], blocked


in_order = dispatch.SendingTurn._in_order


def no_matter_what_came_of_it(outcome: dispatch.PastTry) -> tuple[Any, ...]:
    tried = outcome.tried and outcome.tried._replace(failure=None)
    return noted(outcome._replace(tried=tried))


noted = dispatch._noted


@ON_SQLITE
@pytest.mark.parametrize(
    ("where", "name", "mutant"),
    [
        (dispatch.SendingTurn, "_in_order", all_due_at_once),
        (dispatch.SendingTurn, "_in_order", newest_first),
        (dispatch, "_noted", no_matter_what_came_of_it),
    ],
)
def test_one_who_drops_or_reorders_would_be_found_out(
    services: Services,
    server: Receiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    mutant: Any,
) -> None:
    monkeypatch.setattr(where, name, mutant)
    assert story(services, server, clock, 0) != []


@ON_SQLITE
def test_gone_disables_at_once_and_resuming_sends_what_was_missed(
    services: Services, server: Receiver, clock: Clock
) -> None:
    server.respond = lambda _: 410
    made = added(services, server.url)
    (event,) = happened(services, new_id())
    send(services, made)
    row = stands(services, made)
    assert (row.state, row.reason) == (
        DestinationState.DISABLED,
        "It responded 410: nothing is to be sent there any more.",
    )
    assert told_of(services) == ["destination.disabled"]
    assert not tasks.planned(DESTINATION, made)
    send(services, made)
    assert len(server.received) == 1
    server.respond = lambda _: 200
    destinations.resume(made, Itself(), services)
    send(services, made)
    assert server.received.ids[:2] == [event, event]
    assert {one.status for one in notes(services)} == {"delivered"}


def told_of(services: Services) -> list[str]:
    with services.store.connection_context():
        rows = models.FeedRow.select().order_by(models.FeedRow.position)
        return [row.type for row in rows if row.type.startswith("destination.")]


def test_five_days_of_failures_only_disable_it_and_half_of_that_is_told_once(
    services: Services, server: Receiver, clock: Clock
) -> None:
    server.respond = lambda _: 500
    made = added(services, server.url)
    seen = {}
    for hour in range(0, 124, 4):
        happened(services, new_id())
        send(services, made)
        for name in told_of(services):
            seen.setdefault(name, hour)
        clock.forward(hours=4)
    assert seen == {"destination.failing": 60, "destination.disabled": 120}
    assert told_of(services) == ["destination.failing", "destination.disabled"]
    assert stands(services, made).reason == "It took nothing for 5 days."


@ON_SQLITE
def test_a_clock_that_is_set_ahead_disables_nobody(
    services: Services, server: Receiver, clock: Clock
) -> None:
    server.respond = lambda _: 500
    made = added(services, server.url)
    with services.store.connection_context():
        time_passes(clock, services, minutes=1)
    for _ in range(2):
        happened(services, new_id())
        send(services, made)
        clock.forward(days=6)
    assert stands(services, made).state == DestinationState.ACTIVE
    assert told_of(services) == []


@ON_SQLITE
def test_one_that_takes_something_in_between_is_not_disabled(
    services: Services, server: Receiver, clock: Clock
) -> None:
    made = added(services, server.url)
    for hour in range(0, 24 * 12, 12):
        server.respond = lambda _, fine=hour % 48 == 0: 200 if fine else 500
        happened(services, new_id())
        send(services, made)
        clock.forward(hours=12)
    assert stands(services, made).state == DestinationState.ACTIVE
    assert told_of(services) == []


@ON_SQLITE
def test_a_destination_that_fails_is_probed_and_not_sent_its_whole_backlog(
    services: Services, server: Receiver, clock: Clock
) -> None:
    server.respond = lambda _: 500
    made = added(services, server.url)
    happened(services, *[new_id() for _ in range(300)])
    for _ in range(600):  # ten minutes, second by second
        run_due(DESTINATION, services)
        clock.forward(seconds=1)
    assert len(server.received) < 60
    server.respond = lambda _: 200
    clock.forward(minutes=10)
    send(services, made)
    clock.forward(hours=1)
    send(services, made)
    assert {one.status for one in notes(services)} == {"delivered"}


@ON_SQLITE
def test_one_whose_key_was_changed_is_disabled_and_says_so(
    services: Services, server: Receiver
) -> None:
    made = added(services, server.url)
    happened(services, new_id())
    with services.store.connection_context(), services.store.write():
        models.Destination.update(secret_encrypted=b"sealed with another").execute()
    send(services, made)
    assert "OBDTRACK_SECRET_KEY" in (stands(services, made).reason or "")
    assert server.received == []


@ON_SQLITE
def test_what_was_deleted_before_it_could_be_sent_holds_nobody_up(
    services: Services, server: Receiver, clock: Clock
) -> None:
    server.respond = lambda _: 500
    made, call = added(services, server.url), new_id()
    happened(services, call)
    send(services, made)
    with services.store.connection_context(), services.store.write():
        models.FeedRow.delete().execute()
    server.respond = lambda _: 200
    (last,) = happened(services, call)
    clock.forward(hours=1)
    send(services, made)
    assert server.received.ids[-1] == last
    assert [(one.status, one.failure) for one in notes(services)] == [
        ("failed", "Its event was deleted before it could be sent."),
        ("delivered", None),
    ]


def test_the_log_is_kept_as_long_as_events_are(
    services: Services, server: Receiver, clock: Clock
) -> None:
    made = added(services, server.url)
    happened(services, new_id())
    send(services, made)
    time_passes(clock, services, days=services.settings.events_days - 1)
    happened(services, new_id())
    send(services, made)
    delete_expired(services, sleep=lambda _: None)
    assert len(notes(services)) == 2
    time_passes(clock, services, days=1, hours=1)
    delete_expired(services, sleep=lambda _: None)
    (left,) = notes(services)
    assert left.event_id == UUID(server.received.ids[1])


@ON_SQLITE
def test_a_test_is_sent_at_once_and_is_in_no_feed_and_no_log(
    services: Services, server: Receiver
) -> None:
    server.respond = lambda _: 204
    made = added(services, server.url)
    tried = dispatch.send_test(stands(services, made), services)
    assert (tried.http_status, tried.failure) == (204, None)
    assert [one["type"] for one in server.received.events] == ["destination.test"]
    assert notes(services) == []


@ON_SQLITE
def test_recovering_sends_what_was_before_and_nothing_twice(
    services: Services, server: Receiver, clock: Clock
) -> None:
    (old,) = happened(services, new_id())
    clock.forward(minutes=1)
    made = added(services, server.url)
    (new,) = happened(services, new_id())
    send(services, made)
    destinations.recover(made, NOON, Itself(), services)
    send(services, made)
    assert server.received.ids == [new, old]


@ON_SQLITE
def test_who_is_paused_is_sent_nothing_and_misses_nothing(
    services: Services, server: Receiver
) -> None:
    made = added(services, server.url)
    destinations.pause(made, Itself(), services)
    ids = happened(services, new_id(), new_id())
    send(services, made)
    assert server.received == []
    destinations.resume(made, Itself(), services)
    send(services, made)
    assert sorted(server.received.ids) == sorted(ids)


def test_a_turn_is_taken_only_if_there_is_something_to_send(
    services: Services, server: Receiver, clock: Clock
) -> None:
    made = added(services, server.url)
    assert run_due(DESTINATION, services) == 0
    happened(services, new_id())
    assert run_due(DESTINATION, services) == 1
    assert len(server.received) == 1
    clock.forward(seconds=5)
    assert run_due(DESTINATION, services) == 0
    assert stands(services, made).failing_since is None


def test_a_destination_that_hangs_delays_no_other_and_is_left_to_who_sends_to_it(
    services: Services, server: Receiver, clock: Clock
) -> None:
    let_go = threading.Event()
    with receiver() as hanging:
        hanging.respond = lambda _: 200 if let_go.wait(30) else 500
        added(services, hanging.url)
        added(services, server.url)
        ids = happened(services, *[new_id() for _ in range(5)])
        threads = []

        def begin(work: Any) -> None:
            threads.append(threading.Thread(target=work))
            threads[-1].start()

        began = time.monotonic()
        assert run_due(DESTINATION, services, begin) == 2
        while time.monotonic() < began + 20 and (
            all(one.is_alive() for one in threads) or len(hanging.received) < dispatch.CONNECTIONS
        ):
            time.sleep(0.02)
        assert sorted(server.received.ids) == sorted(ids)
        clock.forward(seconds=10)  # both may have a turn again, but for the lease
        happened(services, new_id())
        run_due(DESTINATION, services)
        assert (len(server.received), len(hanging.received)) == (len(ids) + 1, dispatch.CONNECTIONS)
        let_go.set()
        for thread in threads:
            thread.join()


def test_what_was_sent_by_one_who_died_before_he_noted_it_is_sent_again(
    services: Services, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = added(services, server.url)
    ids = happened(services, new_id(), new_id())
    with monkeypatch.context() as patched:
        patched.setattr(dispatch.SendingTurn, "_store", died)
        with pytest.raises(MemoryError):
            send(services, made)
    assert sorted(server.received.ids) == sorted(ids)
    send(services, made)
    assert sorted(server.received.ids) == sorted(2 * ids)
    assert {one.status for one in notes(services)} == {"delivered"}


def died(*_: object) -> bool:
    raise MemoryError


@ON_SQLITE
def test_a_turn_and_its_last_try_are_over_before_the_lease_is(services: Services) -> None:
    longest = dispatch.TURN_SECONDS + sender.LONGEST_SECONDS + LONGEST_REST
    assert longest < dispatch.LEASE.total_seconds()
    assert KINDS[DESTINATION].lease == dispatch.LEASE


@ON_SQLITE
def test_nothing_new_is_sent_once_a_turn_is_over(services: Services, server: Receiver) -> None:
    """A process that was frozen meanwhile sends nothing that another one is sending by then."""
    uptime = iter([0.0, 1.0, 1.0, 1.0, *[9.0] * 20])
    frozen = replace(services, uptime=lambda: next(uptime))
    made = added(services, server.url)
    call = new_id()
    ids = happened(services, call, call, call)
    dispatch.dispatch(made, frozen, Pace(place=feed.settled(), process_time=lambda: 0.0))
    services.store.close()
    assert server.received.ids == ids[:1]
    send(services, made)
    assert server.received.ids == ids


class Processor:
    """What a clock and the processor time of a process show, as told."""

    def __init__(self) -> None:
        self.seconds = self.all_threads = 0.0

    def passes(self, seconds: float, all_threads: float) -> None:
        self.seconds += seconds
        self.all_threads += all_threads


@pytest.mark.parametrize(("among", "rest"), [(1, 0.9), (2, 1.9)])
def test_while_others_are_busy_sending_takes_a_small_share(among: int, rest: float) -> None:
    here = Processor()
    pace = Pace(among, 7, lambda: here.seconds, lambda: here.all_threads)
    here.passes(0.1, 0.08)
    assert pace.rest_after(used=0.03, took=0.1, place=7) == pytest.approx(rest)
    assert pace.is_busy
    here.passes(1.0, 0.03)  # the others have nothing to do any more
    assert pace.rest_after(used=0.03, took=0.1, place=7) == 0
    assert not pace.is_busy
    here.passes(1.0, 0.03)  # or get nothing of the processor, as others need it outside
    assert pace.rest_after(used=0.03, took=0.1, place=300) == pytest.approx(rest)


def test_no_rest_is_longer_than_a_lease_allows() -> None:
    here = Processor()
    pace = Pace(20, 7, lambda: here.seconds, lambda: here.all_threads)
    here.passes(5, 5)
    assert pace.rest_after(used=1, took=2, place=7) == LONGEST_REST
