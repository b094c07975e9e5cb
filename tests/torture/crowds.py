"""The same thing asked of the real server by many at once."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any, NamedTuple

from tests.torture.served import Served, at_once, served, silent_number

THREADS = 8


class Crowd(NamedTuple):
    """What came of it: requests, the answers' codes, and how often it happened to each."""

    posts: int
    codes: Counter[int]
    times: Counter[int]


def report_the_same(reports: int, mutant: str = "sound") -> Crowd:
    """Post every report from eight threads at once; `times` is how many events a call got."""
    with served(mutant) as server:
        calls = [server.place(silent_number(count)) for count in range(reports)]
        codes: list[int] = []
        at_once(partial(_report_each, server, calls, codes) for _ in range(THREADS))
        events = dict(server.ask(_EVENTS))
        return Crowd(len(codes), Counter(codes), Counter(events.values()))


_EVENTS = "SELECT call_id, count(*) FROM events WHERE kind = 'report' GROUP BY call_id"


def _report_each(server: Served, calls: list[dict[str, Any]], codes: list[int]) -> None:
    for call in calls:
        mid = call["provider_id"].rpartition(":")[0]
        codes.append(server.report(mid, to=int(call["to"][1:])).status_code)


def place_under_keys(keys: int, threads: int = THREADS, mutant: str = "sound") -> Crowd:
    """Place each call from so many threads at once; `times` is how often a number was dialled."""
    with served(mutant) as server:
        codes: list[int] = []
        at_once(partial(_place_each, server, keys, codes) for _ in range(threads))
        dials = Counter(server.dialled())
        return Crowd(len(codes), Counter(codes), Counter(dials.values()))


def _place_each(server: Served, keys: int, codes: list[int]) -> None:
    for count in range(keys):
        number = silent_number(count)
        codes.append(server.ask_to_place(number, key=f"order-{count}").status_code)
