"""A new version takes the port over: who asks meanwhile waits, and nobody is refused."""

from __future__ import annotations

from pathlib import Path

from tests.torture.upgrades import upgrade_again_and_again


def test_beside_restarts_and_a_migration_all_are_answered(tmp_path: Path) -> None:
    """Three seconds are what the provider may wait; the long run states them, this one counts."""
    answers = upgrade_again_and_again(tmp_path, restarts=2, clients=8)
    assert answers.other == []
    assert len(answers.seconds) > 100
