"""Takes the server's disk away, or its turn to write, and asks for things meanwhile."""

from __future__ import annotations

from typing import NamedTuple

import requests

from tests.torture.served import Served, at_once, served, silent_number

FULL = 4096
"""No file may grow beyond its first page: whatever is written next does not fit."""

UNLIMITED = -1


class Answered(NamedTuple):
    """What a report and a request for a call were answered, and what came of them."""

    codes: tuple[int, int]
    retry_after: bool
    stored: int
    dialled: int


def fill_the_disk(mutant: str = "sound") -> tuple[Answered, Answered]:
    """Ask while the disk is full, and again once there is room; the server is not restarted."""
    with served(mutant) as server:
        server.limit_files(FULL)
        full = _ask_for_both(server, "while-full", 1)
        server.limit_files(UNLIMITED)
        return full, _ask_for_both(server, "with-room", 2)


def lock_the_database(seconds: float, mutant: str = "sound") -> Answered:
    """Ask while another process holds the database for so long."""
    with served(mutant) as server:
        server.place(silent_number(9))  # a key's first use in an hour is noted, which waits as well
        with server.locked(seconds):
            return _ask_for_both(server, "while-locked", 1)


def _ask_for_both(server: Served, mid: str, number: int) -> Answered:
    responses: dict[str, requests.Response] = {}
    at_once(
        [
            lambda: responses.update(report=server.report(mid)),
            lambda: responses.update(call=server.ask_to_place(silent_number(number))),
        ]
    )
    return Answered(
        codes=(responses["report"].status_code, responses["call"].status_code),
        retry_after=all("Retry-After" in response.headers for response in responses.values()),
        stored=_stored(server, mid),
        dialled=server.dialled().count(silent_number(number)),
    )


def _stored(server: Served, mid: str) -> int:
    sql = "SELECT count(*) FROM deliveries WHERE instr(CAST(body AS TEXT), ?)"
    return int(server.ask(sql, mid)[0][0])
