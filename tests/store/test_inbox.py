"""One thread writes what threads and event loops bring, and each gets its own result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from obdtrack.errors import ObdtrackError
from obdtrack.store import group_commit
from obdtrack.store.group_commit import Inbox
from tests.store.background import PATIENCE, begin, together


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it in a loop of a thread's own: a browser's may be open in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@dataclass
class Gate:
    """Work that stands still until it is let go, and remembers its batches."""

    batches: list[list[int]] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def __call__(self, batch: Sequence[int]) -> list[int]:
        self.batches.append(list(batch))
        self.reached.set()
        assert self.opened.wait(PATIENCE)
        return doubled(batch)


def doubled(batch: Sequence[int]) -> list[int]:
    if -1 in batch:
        raise ValueError("no item may be -1")
    return [item * 2 for item in batch]


def crowd(
    gate: Gate, items: Sequence[int], group: Inbox[int, int] | None = None
) -> list[Future[int]]:
    """Bring these items while an item 0 is being written; all of them queue when it is done."""
    group = group or Inbox(gate)
    first = begin(group.write, 0)
    assert gate.reached.wait(PATIENCE)
    others = [begin(group.write, item) for item in items]
    while group._queue.qsize() < len(items):
        threading.Event().wait(0.001)
    gate.opened.set()
    return [first, *others]


def crowded(gate: Gate, size: int) -> Inbox[int, int]:
    """A writer whose last batch had this size."""
    group: Inbox[int, int] = Inbox(gate)
    for future in crowd(gate, range(1, size + 1), group):
        future.result(PATIENCE)
    return group


def written(group: Inbox[int, int], items: Iterable[int]) -> list[int]:
    """The results of items that a thread each brings."""
    return together([partial(group.write, item) for item in items])


async def give(group: Inbox[int, int], item: int) -> int:
    """Bring an item from an event loop."""
    return await group.written(item, asyncio.get_running_loop())


def test_a_lone_item_is_written_at_once() -> None:
    batches: list[Sequence[int]] = []
    group: Inbox[int, int] = Inbox(lambda batch: batches.append(batch) or [7])
    assert group.write(3) == 7
    assert batches == [[3]]


def test_each_of_many_threads_gets_the_result_of_its_own_item() -> None:
    results = written(Inbox(doubled), range(300))
    assert results == [item * 2 for item in range(300)]


def test_what_comes_while_one_batch_is_written_is_the_next_batch() -> None:
    gate = Gate()
    results = [future.result(PATIENCE) for future in crowd(gate, [1, 2, 3, 4])]
    assert results == [0, 2, 4, 6, 8]
    assert [sorted(batch) for batch in gate.batches] == [[0], [1, 2, 3, 4]]


def test_a_crowd_that_comes_again_one_by_one_is_one_batch_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE", PATIENCE)
    gate = Gate()
    group = crowded(gate, 4)
    again = []
    for item in (5, 6, 7, 8):
        again.append(begin(group.write, item))
        threading.Event().wait(0.01)
    assert [future.result(PATIENCE) for future in again] == [10, 12, 14, 16]
    assert [len(batch) for batch in gate.batches] == [1, 4, 4]


def test_whoever_comes_alone_after_a_crowd_does_not_wait_for_it_for_ever() -> None:
    assert begin(crowded(Gate(), 4).write, 5).result(PATIENCE) == 10


def test_a_batch_is_never_larger_than_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_BATCH", 4)
    gate = Gate()
    for future in crowd(gate, range(1, 11)):
        future.result(PATIENCE)
    assert [len(batch) for batch in gate.batches] == [1, 4, 4, 2]


def test_what_goes_wrong_with_a_batch_reaches_all_of_it_and_nobody_else() -> None:
    first, *others = crowd(Gate(), [1, -1, 2])
    assert first.result(PATIENCE) == 0
    for future in others:
        with pytest.raises(ValueError, match="may be -1"):
            future.result(PATIENCE)


def test_after_something_went_wrong_the_next_item_is_written() -> None:
    group: Inbox[int, int] = Inbox(doubled)
    with pytest.raises(ValueError, match="may be -1"):
        written(group, [-1])
    assert written(group, [3]) == [6]


@pytest.mark.parametrize("results", [[], [1, 2]])
def test_work_that_gives_too_few_or_too_many_results_is_an_error(results: list[int]) -> None:
    group: Inbox[int, int] = Inbox(lambda _batch: results)
    with pytest.raises(ValueError, match="zip"):
        group.write(1)


def test_a_result_may_be_nothing() -> None:
    assert Inbox(lambda batch: [None for _ in batch]).write(1) is None


def test_however_many_threads_begin_there_is_one_that_writes() -> None:
    writers: set[int] = set()

    def work(batch: Sequence[int]) -> list[int]:
        writers.add(threading.get_ident())
        return list(batch)

    group: Inbox[int, int] = Inbox(work)
    written(group, range(50))
    assert len(writers) == 1


def test_in_an_event_loop_each_gets_the_result_of_its_own_item_while_threads_get_theirs() -> None:
    group: Inbox[int, int] = Inbox(doubled)

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*[give(group, item) for item in range(300)])

    threads = [begin(group.write, item) for item in range(300, 310)]
    assert _run(all_at_once()) == [item * 2 for item in range(300)]
    assert [future.result(PATIENCE) for future in threads] == [item * 2 for item in range(300, 310)]


def test_in_an_event_loop_what_goes_wrong_reaches_all_of_its_batch() -> None:
    group: Inbox[int, int] = Inbox(doubled)
    with pytest.raises(ValueError, match="may be -1"):
        _run(give(group, -1))
    assert _run(give(group, 3)) == 6


def test_who_stops_waiting_is_written_all_the_same_and_the_others_hear_of_theirs() -> None:
    gate = Gate()
    group: Inbox[int, int] = Inbox(gate)

    async def leave() -> list[int]:
        first = asyncio.ensure_future(give(group, 0))
        while not gate.reached.is_set():
            await asyncio.sleep(0)
        leaving, staying = (asyncio.ensure_future(give(group, item)) for item in (1, 2))
        await asyncio.sleep(0)
        leaving.cancel()
        gate.opened.set()
        assert isinstance(
            (await asyncio.gather(leaving, return_exceptions=True))[0], asyncio.CancelledError
        )
        return [await first, await staying]

    assert _run(leave()) == [0, 4]
    assert gate.batches == [[0], [1, 2]]


@pytest.mark.parametrize("in_loop", [False, True])
def test_what_takes_too_long_is_told_so_and_may_be_written_later(
    monkeypatch: pytest.MonkeyPatch, in_loop: bool
) -> None:
    monkeypatch.setattr(group_commit, "ANSWER_SECONDS", 0.01)
    gate = Gate()
    group: Inbox[int, int] = Inbox(gate)
    with pytest.raises(ObdtrackError, match="database"):
        _run(give(group, 1)) if in_loop else group.write(1)
    gate.opened.set()
    monkeypatch.setattr(group_commit, "ANSWER_SECONDS", PATIENCE)
    assert group.write(2) == 4
    assert gate.batches == [[1], [2]]


def test_no_thread_is_started_before_there_is_something_to_write() -> None:
    before = threading.active_count()
    Inbox(doubled)
    assert threading.active_count() == before
