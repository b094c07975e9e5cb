"""Threads that serve settle on one core, where the system lets them."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from obdtrack.cli.one_core import on_one_core, start_on_one_core

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")


def where_it_runs(_environ: Any, _start_response: Any) -> list[bytes]:
    return [f"{len(os.sched_getaffinity(0))} {os.sched_getscheduler(0)}".encode()]


def served(app: Any) -> list[bytes]:
    """Serve in a thread of its own: where a thread may run stays with it."""
    with ThreadPoolExecutor(1) as pool:
        return list(pool.submit(on_one_core(app), {}, None).result())


def test_a_thread_that_serves_stays_on_one_core_as_batch_work() -> None:
    assert served(where_it_runs) == [f"1 {os.SCHED_BATCH}".encode()]


def test_the_thread_that_makes_the_application_stays_where_it_was() -> None:
    before = os.sched_getaffinity(0)
    served(where_it_runs)
    assert os.sched_getaffinity(0) == before


def test_where_that_is_forbidden_requests_are_served_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    assert served(lambda *_: [b"served"]) == [b"served"]


def test_threads_that_are_started_in_the_background_stay_there_too() -> None:
    found = list[str]()

    def note() -> None:
        found.append(f"{len(os.sched_getaffinity(0))} {os.sched_getscheduler(0)}")

    def start() -> None:
        working = threading.Thread(target=note)
        working.start()
        working.join()

    start_on_one_core(start)
    assert found == [f"1 {os.SCHED_BATCH}"]
