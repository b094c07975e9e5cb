"""Wherever the connection to the provider ends, we say what we know and dial at most once."""

from __future__ import annotations

import pytest

from tests.torture.cuts import cut_everywhere


def test_each_cut_is_told_by_the_right_word_and_dials_at_most_once() -> None:
    assert cut_everywhere(rounds=2) == []


@pytest.mark.parametrize("mutant", ["send_again_when_unsure", "deny_when_unsure"])
def test_asking_again_or_denying_what_was_not_answered_would_be_noticed(mutant: str) -> None:
    assert cut_everywhere(rounds=1, mutant=mutant)
