"""What a destination was not sent, whatever the reason, it is sent when somebody recovers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

import pytest

from obdtrack.access.audit import operator
from obdtrack.domain.destination import PAUSES
from obdtrack.domain.feed import EventType
from obdtrack.notifications import destinations
from obdtrack.notifications.destinations import Wishes
from obdtrack.services import Services, new_id
from tests.factories import NOON, Clock, with_settings
from tests.notifications.receiver import Receiver, receiver
from tests.notifications.test_dispatch import happened, notes, send

PAUSED, STARTED = EventType.CAMPAIGN_PAUSED, EventType.CAMPAIGN_STARTED
Recover = Callable[[UUID, datetime], int]


@pytest.fixture
def services(services: Services) -> Services:
    return with_settings(services, destinations_private=True)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as told:
        yield told


@pytest.fixture
def recover(services: Services) -> Recover:
    def recovered(destination: UUID, since: datetime) -> int:
        with services.store.connection_context():
            return destinations.recover(destination, since, operator(), services)

    return recovered


def received(server: Receiver, services: Services, destination: UUID) -> list[str]:
    """Have all sent that is due; returns the ids of what came."""
    server.received.clear()
    send(services, destination)
    return sorted(server.received.ids)


def test_what_happened_before_it_was_created_or_while_it_had_other_wishes(
    services: Services, server: Receiver, clock: Clock, recover: Recover
) -> None:
    too_old = happened(services, new_id())
    clock.forward(hours=1)
    since = clock.now
    before = happened(services, new_id())
    wishes = Wishes(server.url, ("campaign.*",))
    made, _ = destinations.create(wishes, operator(), services)
    unwanted = happened(services, new_id())
    taken = happened(services, new_id(), kind=PAUSED)
    assert received(server, services, made) == taken
    destinations.edit(made, {"types": []}, operator(), services)
    clock.forward(seconds=1)
    assert received(server, services, made) == []
    assert recover(made, since) == 0
    assert received(server, services, made) == sorted([*before, *unwanted])
    recover(made, since)
    assert received(server, services, made) == []
    recover(made, NOON)
    assert received(server, services, made) == too_old


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
def test_what_failed_until_all_tries_were_used_up(
    services: Services, server: Receiver, clock: Clock, recover: Recover
) -> None:
    made, _ = destinations.create(Wishes(server.url, ("campaign.*",)), operator(), services)
    (bad,) = happened(services, new_id(), kind=STARTED)
    server.respond = lambda event: 500 if event["id"] == bad else 200
    for pause in (*PAUSES, PAUSES[-1]):
        good = happened(services, new_id(), kind=PAUSED)
        assert set(received(server, services, made)) >= set(good)
        clock.now += pause * 1.2
    assert notes(services)[0].status == "failed"
    assert recover(made, clock.now) == 0
    assert received(server, services, made) == []
    server.respond = lambda _: 200
    assert recover(made, NOON) == 1
    assert received(server, services, made) == [bad]
    with services.store.connection_context():
        assert destinations.replay_failed(made, operator(), services) == 0
