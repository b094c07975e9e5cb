"""However many reports are lost, asking finds every outcome, and never asks too fast."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.torture import mutants, polling
from tests.torture.databases import quiet
from tests.torture.polling import PER_MINUTE, lose_reports

CALLS = 200


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@pytest.mark.parametrize("percent", [0, 10, 50, 100])
def test_all_outcomes_become_known_at_the_agreed_pace(percent: int) -> None:
    seen = lose_reports(CALLS, percent)
    assert seen.not_known == 0
    assert seen.asked == CALLS * percent // 100
    assert seen.most_in_a_minute <= PER_MINUTE


def test_asking_too_fast_would_be_noticed() -> None:
    with mutants.poll_at_once():
        assert lose_reports(100, 100).most_in_a_minute > PER_MINUTE


def test_not_asking_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PATIENCE", timedelta(hours=2))
    with mutants.never_poll():
        assert lose_reports(20, 100).not_known == 20
