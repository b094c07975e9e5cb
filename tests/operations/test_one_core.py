"""Threads that serve settle on one core, where the system lets them."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from obdtrack.cli.one_core import settle

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")


def where_it_runs() -> tuple[int, int]:
    return len(os.sched_getaffinity(0)), os.sched_getscheduler(0)


def test_a_thread_that_serves_stays_on_one_core_as_batch_work() -> None:
    with ThreadPoolExecutor(1, initializer=settle) as pool:
        assert pool.submit(where_it_runs).result() == (1, os.SCHED_BATCH)


def test_whoever_has_a_thread_settle_stays_where_it_was() -> None:
    before = os.sched_getaffinity(0)
    with ThreadPoolExecutor(1, initializer=settle) as pool:
        pool.submit(where_it_runs).result()
    assert os.sched_getaffinity(0) == before


def test_where_that_is_forbidden_it_serves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    with ThreadPoolExecutor(1, initializer=settle) as pool:
        assert pool.submit(lambda: "served").result() == "served"


def test_threads_that_a_settled_one_starts_stay_there_too() -> None:
    found = list[tuple[int, int]]()

    def start() -> None:
        working = threading.Thread(target=lambda: found.append(where_it_runs()))
        working.start()
        working.join()

    with ThreadPoolExecutor(1, initializer=settle) as pool:
        pool.submit(start).result()
    assert found == [(1, os.SCHED_BATCH)]
