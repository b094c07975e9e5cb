"""The checks of slow clients and floods, in `tests/end_to_end/test_hostile.py`, can fail."""

from __future__ import annotations

import pytest

from tests.torture import clients
from tests.torture.served import served


def test_reading_a_slow_client_with_the_only_thread_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "PATIENCE", 1)
    with (
        served("serve_one_by_one") as server,
        clients.slow_sockets(server, clients.STARTS["header"], 1),
    ):
        assert clients.honest_reports(server, 1) == [0]


def test_storing_what_nobody_vouches_for_would_be_noticed() -> None:
    assert clients.stand_a_flood(0.5, mutant="believe_anybody").rows > 0
