"""Tasks: taken by one at a time, put off as they are taken, and due again if that one dies."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from obdtrack.services import new_id
from obdtrack.store import models, tasks
from obdtrack.store.database import Store
from obdtrack.store.tasks import Claim
from tests.factories import NOON
from tests.store import stored

MINUTE = timedelta(minutes=1)
SEND = "send"


def minute(count: float) -> datetime:
    return NOON + count * MINUTE


def planned(store: Store, *due: datetime) -> list[UUID]:
    subjects = [new_id() for _ in due]
    with store.write():
        tasks.plan(SEND, dict(zip(subjects, due, strict=True)))
    return subjects


def take(
    store: Store, now: datetime, limit: int = 10, due_by: datetime | None = None
) -> list[UUID]:
    return [claim.subject for claim in claims(store, now, limit, due_by)]


def claims(
    store: Store, now: datetime, limit: int = 10, due_by: datetime | None = None
) -> list[Claim]:
    with store.write():
        return tasks.claim(SEND, now, limit, lease=5 * MINUTE, again=MINUTE, due_by=due_by)


def sweep(store: Store, now: datetime) -> list[Claim]:
    with store.write():
        return tasks.claim("tidy", now, 1, lease=5 * MINUTE, again=MINUTE, sweep=True)


def give_back(store: Store, claim: Claim, **changes: object) -> None:
    with store.write():
        tasks.give_back(claim, **changes)


def test_what_is_due_is_taken_the_first_due_first(each_store: Store) -> None:
    later, late, _ = planned(each_store, minute(2), minute(1), minute(9))
    assert not tasks.is_due(SEND, minute(0))
    assert tasks.is_due(SEND, minute(2))
    assert take(each_store, minute(2)) == [late, later]


def test_what_was_due_by_then_is_taken_and_nothing_that_came_due_since(each_store: Store) -> None:
    early, _ = planned(each_store, minute(1), minute(2))
    assert take(each_store, minute(3), due_by=minute(1)) == [early]


def test_of_many_the_limit_is_taken(each_store: Store) -> None:
    first, second, _ = planned(each_store, minute(1), minute(2), minute(3))
    assert take(each_store, minute(9), limit=2) == [first, second]


def test_other_kinds_are_left_alone(each_store: Store) -> None:
    planned(each_store, NOON)
    with each_store.write():
        assert tasks.claim("notify", NOON, 9, lease=MINUTE, again=MINUTE) == []


def test_no_two_take_the_same_task(each_store: Store) -> None:
    waiting = planned(each_store, *[NOON] * 20)
    found = stored.together(each_store, [lambda: take(each_store, NOON, 5)] * 8)
    taken = [subject for some in found for subject in some]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(waiting)


def test_a_task_of_a_process_that_died_is_taken_once_its_lease_is_over(each_store: Store) -> None:
    waiting = planned(each_store, NOON)
    assert take(each_store, NOON) == waiting
    assert take(each_store, minute(4.9)) == []
    assert take(each_store, minute(5.1)) == waiting


def test_a_lease_that_ends_in_days_was_written_by_a_wrong_clock(each_store: Store) -> None:
    waiting = planned(each_store, NOON)
    take(each_store, NOON + timedelta(days=3))
    models.Task.update(due_at=NOON).execute()
    assert take(each_store, NOON) == waiting


def test_each_failure_doubles_the_time_until_the_next_attempt(each_store: Store) -> None:
    planned(each_store, NOON)
    now, waited = NOON, []
    for _ in range(9):
        (claim,) = claims(each_store, now)
        give_back(each_store, claim)
        due: datetime = models.Task.get().due_at
        waited.append((due - now) / MINUTE)
        now = due
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_what_went_well_starts_with_the_shortest_time_again(each_store: Store) -> None:
    planned(each_store, NOON)
    give_back(each_store, *claims(each_store, NOON))
    (claim,) = claims(each_store, minute(1))
    assert claim.tries == 1
    give_back(each_store, claim, tries=0)
    (claim,) = claims(each_store, minute(3))
    assert claim.tries == 0


def test_who_comes_back_late_cannot_end_the_lease_of_the_next(each_store: Store) -> None:
    planned(each_store, NOON)
    (late,), (_,) = claims(each_store, NOON), claims(each_store, minute(6))
    give_back(each_store, late, due_at=NOON)
    assert take(each_store, minute(10.9)) == []


def test_a_plan_moves_a_task_that_somebody_works_on_and_leaves_it_to_them(
    each_store: Store,
) -> None:
    (subject,) = planned(each_store, NOON)
    (claim,) = claims(each_store, NOON)
    with each_store.write():
        tasks.plan(SEND, {subject: minute(2)})
    assert take(each_store, minute(3)) == []
    give_back(each_store, claim, tries=0)
    assert take(each_store, minute(1.9)) == []
    assert take(each_store, minute(2)) == [subject]


def test_a_task_that_is_planned_for_never_is_gone(each_store: Store) -> None:
    gone, stays, last = planned(each_store, NOON, NOON, NOON)
    with each_store.write():
        tasks.plan(SEND, {gone: None, last: None, new_id(): None})
    assert (tasks.planned(SEND, gone), tasks.planned(SEND, stays)) == (False, True)
    assert take(each_store, NOON) == [stays]


def test_a_sweep_is_done_once_in_its_time_whoever_does_it(each_store: Store) -> None:
    assert tasks.is_due("tidy", NOON, sweep=True)
    (claim,) = sweep(each_store, NOON)
    assert sweep(each_store, minute(2)) == []
    give_back(each_store, claim)
    assert not tasks.is_due("tidy", minute(0.9), sweep=True)
    assert tasks.is_due("tidy", minute(1), sweep=True)


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=400)])
def test_a_sweep_does_not_wait_for_the_time_of_a_clock_that_was_ahead(
    each_store: Store, ahead: timedelta
) -> None:
    (claim,) = sweep(each_store, NOON + ahead)
    give_back(each_store, claim)
    assert tasks.is_due("tidy", NOON, sweep=True)
    assert len(sweep(each_store, NOON)) == 1
