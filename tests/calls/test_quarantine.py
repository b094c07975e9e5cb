"""What was refused for its secret is kept and counted, whatever happens while it is being kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import pytest

from obdtrack.calls.reports import deliveries, room
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.quarantine import COUNTER, ROWS_KEPT, Quarantine
from obdtrack.calls.reports.replay import replay
from obdtrack.calls.reports.room import Held, Room, surplus
from obdtrack.errors import ObdtrackError
from obdtrack.services import Services, new_id
from obdtrack.store import leases
from obdtrack.store.database_errors import unavailable
from tests.conftest import Caller
from tests.factories import PROVIDER, SECRET, raw_delivery, reject


def refused(services: Services, query: str = "") -> InboundRequest:
    return InboundRequest(new_id(), services.now(), raw_delivery()._replace(query=query), PROVIDER)


def kept(services: Services) -> list[str]:
    with services.store.connection_context():
        return [row.outcome for row in deliveries.newest(10)]


def counted(services: Services) -> int:
    with services.store.connection_context():
        return leases.counters([COUNTER]).get(COUNTER, 0)


@pytest.fixture
def quarantine(services: Services) -> Quarantine:
    still = Quarantine(services)
    still._thread = still  # nothing is flushed but by the test
    return still


def test_one_that_is_still_being_read_while_others_are_stored_is_kept(
    quarantine: Quarantine, services: Services
) -> None:
    def read_slowly() -> InboundRequest:
        quarantine.flush()
        return refused(services)

    reject(quarantine, b"wrong", read_slowly)
    quarantine.flush()
    assert (kept(services), counted(services)) == (["rejected"], 1)


def test_what_the_database_did_not_take_is_stored_when_it_does(
    quarantine: Quarantine, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(quarantine, b"wrong", lambda: refused(services))
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "add_rejected", lambda *_: raise_(unavailable()))
        with pytest.raises(ObdtrackError):
            quarantine.flush()
    assert (kept(services), counted(services)) == ([], 0)
    quarantine.flush()
    assert (kept(services), counted(services)) == (["rejected"], 1)


def test_our_own_secrets_are_not_kept_with_it(quarantine: Quarantine, services: Services) -> None:
    token = services.settings.webhook_token
    assert token
    reject(quarantine, b"wrong", lambda: refused(services, query=f"token={token}"))
    quarantine.flush()
    with services.store.connection_context():
        assert deliveries.newest(1)[0].query == "token=removed"


def of_secrets(*secrets: str | None, size: int = 1) -> list[Held]:
    return [Held(new_id(), secret, size) for secret in secrets]


def left(held: list[Held], room: Room) -> Counter[str | None]:
    gone = surplus(held, room)
    assert len(set(gone)) == len(gone)
    return Counter(one.secret for one in held if one.id not in gone)


ROOM = Room(10, 1000)
MADE_UP = [f"made-up-{number}" for number in range(650)]


def test_a_slip_that_is_repeated_is_kept_from_whoever_makes_secrets_up() -> None:
    assert left(of_secrets(*["slip"] * 4, *MADE_UP), ROOM)["slip"] == 4
    assert left(of_secrets(*MADE_UP[:20], *["slip"] * 4, *MADE_UP[20:]), ROOM)["slip"] == 4


def test_one_that_came_before_all_of_them_is_kept() -> None:
    assert left(of_secrets("slip", *MADE_UP), ROOM)["slip"] == 1


def test_the_most_numerous_secret_gives_way_and_its_oldest_goes_first() -> None:
    held = of_secrets(*["slip"] * 4, *["flood"] * 30, *["other"] * 3)
    assert left(held, ROOM) == {"slip": 4, "flood": 3, "other": 3}
    gone = surplus(held, ROOM)
    assert gone == [one.id for one in held[4:31]]


def test_secrets_that_are_made_up_a_few_times_each_take_no_more_than_their_share() -> None:
    flood = [secret for secret in MADE_UP[:100] for _ in range(3)]
    assert left(of_secrets(*["slip"] * 6, *flood), ROOM)["slip"] >= 3


def test_large_ones_give_way_to_many_small_ones() -> None:
    held = of_secrets(*["slip"] * 5) + of_secrets(*MADE_UP[:5], size=300)
    assert left(held, ROOM)["slip"] == 5
    assert sum(left(held, ROOM).values()) == 8


def test_of_one_secret_a_bounded_number_is_kept() -> None:
    held = of_secrets(*["slip"] * 150)
    assert left(held, Room(500, 1000)) == {"slip": room.MOST_OF_ONE_SECRET}


def flood(quarantine: Quarantine, services: Services) -> None:
    """Seventy-five seconds of made-up secrets, two a second after a burst."""
    for number in range(ROWS_KEPT + 150):
        reject(quarantine, b"made-up-%d" % number, lambda: refused(services))
        if number % 250 == 249:
            quarantine.flush()
    quarantine.flush()


def secrets_kept(services: Services) -> Counter[str | None]:
    with services.store.connection_context():
        return Counter(row.secret_fingerprint for row in deliveries.newest(ROWS_KEPT * 2))


@pytest.fixture
def slips(quarantine: Quarantine, services: Services) -> list[str]:
    """The fingerprints of a secret that came once, one that came often, and ours, misplaced."""
    for secret in (b"once", *[b"often"] * 5, SECRET.encode()):
        reject(quarantine, secret, lambda: refused(services))
    quarantine.flush()
    return [services.encryption.fingerprint(s) for s in (b"once", b"often", SECRET.encode())]


@pytest.fixture
def unhurried(quarantine: Quarantine) -> Quarantine:
    """It admits whatever comes."""
    quarantine._strangers.admitted._tokens = 10_000.0
    quarantine._strangers.admitted._burst = 10_000
    return quarantine


def test_seventy_five_seconds_of_made_up_secrets_push_out_no_slip(
    unhurried: Quarantine, services: Services, slips: list[str]
) -> None:
    flood(unhurried, services)
    found = secrets_kept(services)
    assert [found[slip] for slip in slips] == [1, 5, 1]
    assert sum(found.values()) == ROWS_KEPT + 1


def test_letting_the_oldest_go_would_be_noticed(
    unhurried: Quarantine, services: Services, slips: list[str]
) -> None:
    def oldest(held: Iterable[Any], bounds: Room) -> list[object]:
        return [one.id for one in list(held)[: -bounds.rows]]

    with patch.object(deliveries, "surplus", oldest):
        flood(unhurried, services)
    once, often, ours = (secrets_kept(services)[slip] for slip in slips)
    assert (once, often, ours) == (0, 0, 1)


MISPLACED = {
    "in the query": {"query_string": {"secret": SECRET}},
    "in the query, escaped": {"query_string": "auth=Bearer%20" + SECRET},
    "in a header of its own": {"headers": {"X-Webhook-Secret": SECRET}},
    "quoted in a header": {"headers": {"X-Auth": f'Token "{SECRET}" '}},
    "beside another": {
        "headers": {"Authorization": "Bearer of-a-proxy-in-front", "X-Secret": SECRET}
    },
    "behind many words": {"headers": {"Authorization": "x " * 1_000 + SECRET}},
}


@pytest.mark.parametrize("carried", MISPLACED.values(), ids=MISPLACED)
def test_our_secret_elsewhere_is_kept_said_and_can_be_replayed(
    caller: Caller, services: Services, carried: dict[str, object]
) -> None:
    caller.place()
    body = raw_delivery().body
    assert caller.deliver(body, **{"headers": {}, **carried}).status_code == 401
    caller.client.application.quarantine.flush()
    delivery = caller.only_delivery()
    assert delivery["outcome"] == "rejected"
    assert "not in the header Authorization" in delivery["reason"]
    assert SECRET not in delivery["query"]
    with services.store.connection_context():
        assert replay(deliveries.newest(1)[0].id, services) == "matched"


def test_keeping_only_what_authorization_carries_would_be_noticed(caller: Caller) -> None:
    with patch("obdtrack.providers.base.CallbackAuth.misplaced", lambda *_: None):
        caller.deliver("{}", headers={}, query_string={"secret": SECRET})
    caller.client.application.quarantine.flush()
    assert caller.get("/deliveries").json["data"] == []


def raise_(error: Exception) -> None:
    raise error
