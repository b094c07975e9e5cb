"""Two servers on one PostgreSQL do not stand in each other's way, whichever of them stops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.torture.mixed import freeze_one, mix_everything, stop_the_database
from tests.torture.pair import BUSY_ANSWER_SECONDS, POLLING, Pair, pair

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with pair(**POLLING) as made:
        yield made


def test_nothing_is_refused_while_two_servers_place_receive_poll_and_rebuild(servers: Pair) -> None:
    seen = mix_everything(servers, 3)
    assert (seen.refused, seen.rebuilds_failed, seen.left_unmatched) == (0, 0, 0)
    assert seen.codes[200] > 100
    assert seen.codes[201] > 20


def test_everything_is_answered_in_time_while_the_database_hangs(servers: Pair) -> None:
    seen = stop_the_database(servers, 5.5)
    assert {what: took for what, took in seen.slowest.items() if took >= BUSY_ANSWER_SECONDS} == {}
    assert seen.slowest["/livez"] < BUSY_ANSWER_SECONDS / 2
    assert (seen.codes[500], seen.codes[0], seen.lost) == (0, 0, 0)
    assert seen.codes[503] > 10


def test_a_server_frozen_in_a_transaction_keeps_nobody_waiting_at_the_other(servers: Pair) -> None:
    seen = freeze_one(servers, 1, 5.5)
    assert {what: took for what, took in seen.slowest.items() if took >= BUSY_ANSWER_SECONDS} == {}
    assert seen.lost == 0
    # None where nothing runs beside it; a machine that is late itself lets a few wait too long.
    assert seen.refused < seen.codes.total() / 50


def test_waiting_for_as_long_as_it_takes_would_be_noticed() -> None:
    with pair("wait_for_ever") as broken:
        seen = stop_the_database(broken, 5.5)
        assert max(seen.slowest.values()) >= BUSY_ANSWER_SECONDS
