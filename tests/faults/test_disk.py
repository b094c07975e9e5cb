"""A disk that is full or locked is admitted: nothing is lost, nothing dialled, and it passes."""

from __future__ import annotations

from tests.torture.disks import fill_the_disk, lock_the_database

DONE = (200, 201)
LATER = (503, 503)


def test_a_full_disk_is_admitted_dials_nobody_and_passes_without_a_restart() -> None:
    full, with_room = fill_the_disk()
    assert (full.codes, full.retry_after) == (LATER, True)
    assert (full.stored, full.dialled) == (0, 0)
    assert (with_room.codes, with_room.stored, with_room.dialled) == (DONE, 1, 1)


def test_acknowledging_on_a_full_disk_would_be_noticed() -> None:
    full, _ = fill_the_disk(mutant="acknowledge_before_commit,send_before_intention")
    assert full.codes[0] == 200
    assert full.stored == 0
    assert full.dialled == 1


def test_a_lock_of_a_second_is_waited_for() -> None:
    seen = lock_the_database(1)
    assert (seen.codes, seen.stored, seen.dialled) == (DONE, 1, 1)


def test_not_waiting_for_a_lock_would_be_noticed() -> None:
    assert lock_the_database(1, mutant="give_up_at_once").codes != DONE


def test_a_lock_of_four_seconds_is_admitted_and_dials_nobody() -> None:
    seen = lock_the_database(4)
    assert (seen.codes, seen.retry_after) == (LATER, True)
    assert (seen.stored, seen.dialled) == (0, 0)


def test_dialling_behind_a_lock_would_be_noticed() -> None:
    seen = lock_the_database(1, mutant="send_before_intention,give_up_at_once")
    assert seen.codes == LATER
    assert seen.dialled == 1
