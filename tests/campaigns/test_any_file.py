"""Whatever a list is written in, the same recipients are read; whatever is no list is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st

from obdtrack.campaigns.mapping import ReadRecipient, RowReader, resolved
from obdtrack.campaigns.recipient_files import KINDS, FileOptions, read_file
from obdtrack.errors import ObdtrackError

CSV, LINES, WORKBOOK = KINDS
HEADER = ["to", "variables.name", "reference"]
TEXTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="_\ufeff"), max_size=12
).map(str.strip)
NUMBERS = st.sampled_from(["+918867135001", "0091 8867135001", "8867135001", "9.18867E+11", "x"])
ROWS = st.lists(st.tuples(NUMBERS, TEXTS, TEXTS).map(list), min_size=1, max_size=4)


def separated(sign: str, encoding: str) -> Callable[[list[list[str]]], bytes]:
    def written(rows: list[list[str]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=sign, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])
        return text.getvalue().encode(encoding)

    return written


def lines(rows: list[list[str]]) -> bytes:
    return "\n".join(
        json.dumps({"to": to, "variables": {"name": name}, "reference": reference})
        for to, name, reference in rows
    ).encode()


def workbook(rows: list[list[str]]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in (HEADER, *rows):
        book.active.append(row)
    for cells in book.active.iter_rows():
        for cell in cells:
            if cell.value is not None:
                cell.data_type = "s"  # also what looks like a formula
    book.save(file)
    return file.getvalue()


WAYS = [
    (CSV, separated(",", "utf-8")),
    (CSV, separated(";", "utf-8-sig")),
    (CSV, separated("\t", "utf-16")),
    (LINES, lines),
    (WORKBOOK, workbook),
]


def read(kind: str, content: bytes) -> list[ReadRecipient]:
    table = read_file(io.BytesIO(content), kind, FileOptions(has_header=True))
    places = resolved({name: name for name in HEADER}, table.columns)
    reader = RowReader(table.columns, places, defaults=(), country=None, is_wide=table.is_wide)
    return [reader.read(row)._replace(row=0) for row in table.rows()]


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_a_list_is_the_same_in_every_form(rows: list[list[str]]) -> None:
    first, *others = (read(kind, written(rows)) for kind, written in WAYS)
    assert len(first) == len(rows)
    for other in others:
        assert other == first


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(list(KINDS)), st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(kind: str, content: bytes) -> None:
    with suppress(ObdtrackError):
        table = read_file(io.BytesIO(content), kind, FileOptions())
        columns, places = table.columns or ["to"], {"to": 0, "reference": 0, "variables.x": 0}
        reader = RowReader(columns, places, defaults=(), country="IN", is_wide=table.is_wide)
        assert len([reader.read(row) for row in table.rows()]) == table.count


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(WAYS), ROWS, st.integers(0, 9999), st.integers(0, 255))
def test_a_list_that_was_damaged_is_read_or_refused(
    way: tuple[str, Callable[[list[list[str]]], bytes]],
    rows: list[list[str]],
    place: int,
    wrong: int,
) -> None:
    kind, written = way
    content = bytearray(written(rows))
    content[place % len(content)] = wrong  # a workbook holds the time: its length varies
    with suppress(ObdtrackError):
        read(kind, bytes(content))
