"""Tables that are downloaded: the same columns as CSV or as a workbook, made while they are read.

A download that breaks must not look whole. Over HTTP/1.1 CSV is sent as it is made, as what is sent
in chunks is seen to end early. Over HTTP/1.0, where the end of the connection is the end of the
file, it is made in a file first and sent with its length; so is a workbook, which no part makes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Response, request, send_file

from obdtrack.errors import Code, ObdtrackError, of_extra
from obdtrack.web.http.auth import streamed

MIMETYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The forms a table is downloaded in."""

MOST_ROWS = 50_000
"""Rows that a workbook may have: it takes some seconds, and nothing is sent before it is made."""

_IN_MEMORY = 1 << 20
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NOT_PLAIN = re.compile(f"^[=#]|{_NOT_IN_XML.pattern}")
"""Text that would be a formula, an error or refused: it takes a cell of its own, and longer."""

_NOT_IN_NAMES = re.compile(r"[\s!-,/:-@\[-^`{-~•]+")
_WIDTH, _WIDEST = 14, 40

Cell = str | int | Decimal | datetime | None


class TableColumn(NamedTuple):
    """One column: its heading in words, and its cell of a row.

    Text stays text, numbers are such that a spreadsheet adds up. Times are aware; the heading of a
    column `of_times` says in which zone they are shown.
    """

    heading: str
    cell: Callable[[Any], Cell]
    of_times: bool = False


class TableFile(NamedTuple):
    """What is downloaded: a file's name without its ending, columns, and the zone of its times."""

    name: str
    columns: Sequence[TableColumn]
    zone: ZoneInfo

    def headings(self) -> list[str]:
        """Return the first line."""
        of_times = f" ({self.zone.key})"
        return [column.heading + of_times * column.of_times for column in self.columns]

    def cells(self, row: Any) -> list[Cell]:
        """Return the line of a row, with times as clocks of the zone show them."""
        cells = (column.cell(row) for column in self.columns)
        return [
            cell.astimezone(self.zone).replace(tzinfo=None, microsecond=0)
            if isinstance(cell, datetime)
            else cell
            for cell in cells
        ]


def table_response(
    table: TableFile,
    rows: Iterable[Any],
    form: str,
    ended: Callable[[int], object] = lambda _: None,
) -> Response:
    """Return these rows to be downloaded as `csv` or `xlsx`, in memory that does not grow.

    `ended` is told how many rows left the house, also if the reader broke off before all had.
    Raises ObdtrackError (invalid) for more rows than a workbook takes.
    """
    name = f"{table.name}.{form}"
    if form == "csv" and request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
        response = Response(
            streamed(_lines(table, rows, ended)), content_type="text/csv; charset=utf-8"
        )
        given = {"filename": name} if name.isascii() else {"filename*": f"UTF-8''{quote(name)}"}
        response.headers.set("Content-Disposition", "attachment", **given)
        return response
    file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed when it has been sent
    if form == "csv":
        file.writelines(line.encode() for line in _lines(table, rows, ended))
    else:
        ended(_write_workbook(table, rows, file))
    length = file.tell()
    file.seek(0)
    response = send_file(
        file, MIMETYPES[form], as_attachment=True, download_name=name, conditional=False
    )
    response.content_length = length
    return response


def file_name(*parts: str | None) -> str:
    """Return what a file is called, of the words that tell it from others."""
    words = (_NOT_IN_NAMES.sub("-", part).strip("-.") for part in parts if part)
    return "-".join(filter(None, words))[:120]


def csv_table(table: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Return a table whose lines all have the same names as CSV, with a heading."""
    heading: list[str] = []
    for line in table:
        if not heading:
            heading = list(line)
            yield "\ufeff" + _line(heading)
        yield _line(line.values())
    if not heading:
        yield "\ufeff"


def defused(cell: object) -> str:
    """Return a cell as text; what a spreadsheet would calculate gets an apostrophe in front."""
    text = "" if cell is None else str(cell)
    calculated = text.startswith(_FORMULA) and not isinstance(cell, int | Decimal)
    return f"'{text}" if calculated else text


def _lines(table: TableFile, rows: Iterable[Any], ended: Callable[[int], object]) -> Iterator[str]:
    count = 0
    try:
        yield "\ufeff" + _line(table.headings())  # the mark has spreadsheets read UTF-8
        for row in rows:
            count += 1
            yield _line(table.cells(row))
    finally:
        ended(count)


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([defused(cell) for cell in cells])
    return text.getvalue()


def _write_workbook(table: TableFile, rows: Iterable[Any], file: IO[bytes]) -> int:
    """Write rows as a workbook and return how many they are."""
    with of_extra("xlsx"):
        from openpyxl import Workbook  # takes a tenth of a start, which few downloads need
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Font
        from openpyxl.utils import get_column_letter

    book, count = Workbook(write_only=True), 0
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    headings = table.headings()

    def text(value: str) -> Any:
        cell = WriteOnlyCell(sheet, _NOT_IN_XML.sub("\ufffd", value))
        cell.data_type = "s"
        return cell

    def bold(value: str) -> Any:
        cell = text(value)
        cell.font = Font(bold=True)
        return cell

    try:
        for place, heading in enumerate(headings, start=1):
            width = min(max(len(heading) + 2, _WIDTH), _WIDEST)
            sheet.column_dimensions[get_column_letter(place)].width = width
        sheet.append([bold(heading) for heading in headings])
        for count, row in enumerate(rows, start=1):
            if count > MOST_ROWS:
                raise ObdtrackError(
                    Code.INVALID,
                    f"A workbook takes at most {MOST_ROWS:,} rows. Choose fewer, or download CSV.",
                )
            sheet.append(
                text(value) if isinstance(value, str) and _NOT_PLAIN.search(value) else value
                for value in table.cells(row)
            )
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(headings))}{count + 1}"
        book.save(file)
    except BaseException:
        sheet.close()
        sheet._writer.cleanup()  # the file that it was being written to
        raise
    return count
