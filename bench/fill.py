"""Makes many calls, fast: the product places one of a kind and takes its reports, and it is copied.

A server of the checkout to be measured does that in a scratch database. The rows that come of it,
as SQL, are repeated with other ids, numbers and times, so that any commit's schema can be filled.
"""

import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from bench.load import CALL, PLACE, filled, report
from bench.product import CALLBACK, MAKE_KEY, PROMPT, SECRET, SERVE, run, serving

SAMPLE, REDIAL_MINUTES = 99_999_999, 5
MOMENTS = 200  # at which the calls of a database were placed
Histories = Sequence[tuple[str, ...]]  # the provider's words about calls, which take them in turn
ID, BYTES = re.compile(r"X'([0-9A-F]{32})'"), re.compile(r"X'([0-9A-F]{34,})'")
MOMENT = re.compile(r"\b1\d{15}\b|\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d")  # µs since 1970, or text


def scripts(
    count: int, histories: Histories, days: float, checkout: Path, part: slice
) -> Iterator[str]:
    """Yield the SQL that inserts a part of so many calls, placed over the last `days`.

    One script for each moment; `part` says which of the moment's calls.
    """
    size, now = -(-count // MOMENTS), datetime.now(UTC)
    for start in range(0, count, size):
        ago = timedelta(seconds=int(days * 86_400 * (1 - start / count)))
        kinds = [_template(*_sample(words, checkout), now, -ago) for words in histories]
        numbers = range(start, min(start + size, count))[part]
        yield "\n".join(_copy(kinds[n % len(kinds)], n) for n in numbers)


@cache
def _sample(history: tuple[str, ...], checkout: Path) -> tuple[str, list[str]]:
    """Have the product make a call with this history; returns its SQL and its ids."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/scratch.db"
        run(url, "migrate", checkout=checkout)
        key = run(url, *MAKE_KEY, checkout=checkout)
        with serving("", command=PROMPT) as stub, serving(url, checkout, SERVE, stub.port) as ours:
            begun = time.time_ns() // 1_000_000
            interval = f', "interval": {REDIAL_MINUTES}}}' if history else "}"
            ours.post(PLACE, key, filled(CALL, SAMPLE)[:-1] + interval)
            for attempt, word in enumerate(history):
                start = datetime.now(UTC) + timedelta(minutes=REDIAL_MINUTES * attempt)
                ours.post(CALLBACK, SECRET, filled(report(start, word), SAMPLE))
        with closing(sqlite3.connect(f"{folder}/scratch.db")) as connection:
            rows = [row for row in connection.iterdump() if row.startswith("INSERT")]
    # Ids begin with the millisecond they were made in.
    own = {row: [i for i in ID.findall(row) if int(i[:12], 16) >= begun] for row in rows}
    ids = {i for found in own.values() for i in found}
    return "\n".join(row for row, found in own.items() if found), sorted(ids)


def _template(sql: str, ids: list[str], now: datetime, by: timedelta) -> str:
    """Return a sample at another time, with marks for what is another call's.

    An id is as the product's: its millisecond, the version and variant of a UUID, the call, and
    its place among the call's ids.
    """
    sql, millisecond = _shifted(sql, by), int((now + by).timestamp() * 1000)
    for place, old in enumerate(ids):
        sql = sql.replace(old, f"{millisecond:012X}70008<id>{place:02X}")
    for mark, name in _names(SAMPLE).items():
        sql = sql.replace(name, mark)
    return sql


def _copy(template: str, n: int) -> str:
    for mark, name in _names(n).items():
        template = template.replace(mark, name)
    return template


def _names(n: int) -> dict[str, str]:
    """Return a call's number by mark: in an id, and in bytes and texts, the longest first."""
    texts = f"{n:012}", f"{n % 10**8:08}"
    as_bytes = [text.encode().hex().upper() for text in texts]
    marks = ("<id>", "<x12>", "<x8>", "<12>", "<8>")
    return dict(zip(marks, (f"{n:013X}", *as_bytes, *texts), strict=True))


def _shifted(sql: str, by: timedelta) -> str:
    def moved(match: re.Match[str]) -> str:
        if match[0].isdigit():
            return str(int(match[0]) + by // timedelta(microseconds=1))
        return (datetime.fromisoformat(match[0]) + by).isoformat(match[0][10])

    def in_bytes(match: re.Match[str]) -> str:
        return f"X'{_shifted(bytes.fromhex(match[1]).decode(), by).encode().hex().upper()}'"

    return MOMENT.sub(moved, BYTES.sub(in_bytes, sql))
