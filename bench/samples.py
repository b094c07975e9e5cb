"""Lets the product make calls of each kind in a scratch database, and takes them as patterns."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bench import product, reports
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain.reports import RawDelivery
from obdtrack.domain.submission import AcceptedNumber, CallRequest, SendResponse
from obdtrack.providers.base import Provider
from obdtrack.services import new_id
from obdtrack.store.database import open_database
from obdtrack.store.migrate import migrate

TABLES = {
    "submissions": "id = (SELECT submission_id FROM calls WHERE id = :call)",
    "calls": "id = :call",
    "answers": "call_id = :call",
    "events": "call_id = :call",
    "deliveries": "call_id = :call",
}
"""The tables to copy, and which rows in them belong to one call."""

WORDS = ("ANSWER",) * 7 + ("NOANSWER",) * 2 + ("BUSY",)
"""How the calls end, in turn: so many of ten by each word."""

_LAST = 99_999_999


class Row(NamedTuple):
    """One row as a pattern: where its ids and its texts with names in them stand."""

    table: str
    columns: tuple[str, ...]
    values: tuple[Any, ...]
    ids: tuple[tuple[int, int], ...]
    texts: tuple[int, ...]
    mid: str
    to: str

    def copy(self, ids: list[bytes], names: tuple[str, str]) -> tuple[Any, ...]:
        """Return the row with other ids and with another submission's id and number."""
        values = list(self.values)
        for position, place in self.ids:
            values[position] = ids[place]
        for position in self.texts:
            old = values[position]
            if isinstance(old, str):
                values[position] = old.replace(self.mid, names[0]).replace(self.to, names[1])
            else:
                new = old.decode().replace(self.mid, names[0]).replace(self.to, names[1])
                values[position] = new.encode()
        return tuple(values)


class Sample(NamedTuple):
    """All rows of one call, and how many ids they hold."""

    rows: list[Row]
    ids: int


class Sampler:
    """Makes samples in a database of its own; the models stay bound to that."""

    def __init__(self, report_count: int) -> None:
        self._reports = report_count
        self._number = _LAST
        self._now = datetime.now(UTC)

    def __enter__(self) -> Sampler:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name, "samples.db")
        url = f"sqlite:///{self._path}"
        migrate(open_database(url))
        real = product.services(url)
        self._services = replace(real, provider=_Accepting(real.provider), now=lambda: self._now)
        # Scratch need not outlive a power cut.
        self._services.store.pragma("synchronous", "off", permanent=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._services.store.close_all()
        self._folder.cleanup()

    def samples(self, moment: datetime) -> list[Sample]:
        """Make one call of each kind at this moment, in the order in which they take turns."""
        made = {word: self._sample(word, moment) for word in dict.fromkeys(WORDS)}
        return [made[word] for word in WORDS]

    def _sample(self, word: str, moment: datetime) -> Sample:
        self._number -= 1
        call = self._place(moment)
        for attempt in range(self._reports):
            last = attempt + 1 == self._reports
            self._report(word if last else "NOANSWER", moment + timedelta(minutes=5 * attempt))
        with closing(sqlite3.connect(self._path)) as connection:
            found = [(name, *row) for name in TABLES for row in _rows(connection, name, call)]
        places = sorted({value for *_, values in found for value in values if _is_id(value)})
        return Sample([_pattern(*row, places, self._number) for row in found], len(places))

    def _place(self, moment: datetime) -> bytes:
        self._now = moment
        request = CallRequest(
            to=reports.number(self._number),
            bridge=product.BRIDGE,
            flow_id="23",
            name="benchmark",
            interval=5 if self._reports > 1 else 0,
        )
        return place_call(request, None, self._services).bytes

    def _report(self, word: str, start: datetime) -> None:
        self._now = start + timedelta(seconds=30)
        times = {"start_at": f"{start:%F %T}", "end_at": f"{start + timedelta(seconds=16):%F %T}"}
        content = reports.filled(reports.body(**times, status=word), self._number).encode()
        raw = RawDelivery("POST", "", _HEADERS, "application/json", content)
        receive_deliveries([InboundRequest(new_id(), self._now, raw)], self._services)


_HEADERS = {"user-agent": "Go-http-client/1.1", "host": "obdtrack.example.org"}


class _Accepting:
    """A provider that takes every call, and whose reports are read for real."""

    def __init__(self, real: Provider) -> None:
        self.read_delivery = real.read_delivery
        self.find = real.find
        self.read_found = real.read_found
        self.completed = real.completed
        self.send_request = real.send_request

    def send(self, request: CallRequest) -> SendResponse:
        provider_id = f"{reports.mid(int(request.to[-8:]))}:1"
        number = AcceptedNumber(provider_id, request.to, "0.5000", None)
        entry = {"id": provider_id, "mobile": request.to[1:], "charges": "0.5000"}
        content = json.dumps({"status": "200", "data": [entry], "message": "OK"})
        return SendResponse(None, "OK", (number,), 200, content.encode())


def _rows(
    connection: sqlite3.Connection, table: str, call: bytes
) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    cursor = connection.execute(f"SELECT * FROM {table} WHERE {TABLES[table]}", {"call": call})
    columns = tuple(column[0] for column in cursor.description)
    return ((columns, values) for values in cursor)


def _is_id(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 16


def _pattern(
    table: str, columns: tuple[str, ...], values: tuple[Any, ...], places: list[bytes], n: int
) -> Row:
    mid, to = reports.mid(n), reports.number(n)[1:]
    ids = tuple((i, places.index(value)) for i, value in enumerate(values) if _is_id(value))
    texts = tuple(i for i, value in enumerate(values) if _names(value, mid, to))
    return Row(table, columns, values, ids, texts, mid, to)


def _names(value: object, mid: str, to: str) -> bool:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return isinstance(text, str) and (mid in text or to in text)
