"""Two servers on one PostgreSQL, both loaded, do not stand in each other's way."""

from __future__ import annotations

import pytest

from tests.torture.mixed import mix_everything


@pytest.mark.timeout(120)
def test_nothing_is_refused_while_two_servers_place_receive_poll_and_rebuild() -> None:
    seen = mix_everything(3)
    assert (seen.refused, seen.rebuilds_failed, seen.left_unmatched) == (0, 0, 0)
    assert seen.codes[200] > 100
    assert seen.codes[201] > 20
