"""Reads lists of recipients: CSV, JSON lines and workbooks, all into the same rows of cells.

Nothing is guessed that is not certain: a file that can be read in two ways is refused.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import orjson

from obdtrack.domain.phone import whole
from obdtrack.domain.strict_json import load_json
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError, of_extra

MOST_BYTES = 60 * 2**20
MOST_ROWS = 500_000
MOST_COLUMNS = 200
_MOST_UNPACKED = 600 * 2**20
_LONGEST_NAME = 200
_LONGEST_LINE = 256 * 1024
_SNIFFED = 64 * 1024

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Cell = Any
"""A text, or what is no text in JSON or a workbook: a number, a truth, nothing, `{"date": …}`."""


class RowOfCells(NamedTuple):
    """A row with its number as a person sees it; `problem` if it could not be cut into cells."""

    number: int
    cells: list[Cell]
    problem: str | None = None


@dataclass(slots=True)
class RecipientTable:
    """A file that was read: its columns, and its rows in a temporary file.

    `empty_rows` were left out; `sheets_not_read` are a workbook's others. With `is_wide` every row
    must have as many cells as there are columns.
    """

    columns: list[str]
    spool: IO[bytes]
    count: int = 0
    empty_rows: int = 0
    sheets_not_read: Sequence[str] = ()
    is_wide: bool = False

    def rows(self, skipped: int = 0) -> Iterator[RowOfCells]:
        """Return the rows in order, but for so many at the beginning."""
        self.spool.seek(0)
        for line in islice(self.spool, skipped, None):
            yield RowOfCells(*orjson.loads(line))


class FileOptions(NamedTuple):
    """What is said about a file: its delimiter by name, whether it has a header; None: guess."""

    delimiter: str | None = None
    has_header: bool | None = None


def read_file(file: IO[bytes], kind: str, options: FileOptions) -> RecipientTable:
    """Read a whole file of this kind (of KINDS) into a table.

    Raises ObdtrackError (invalid) for one that is not of this kind, can be read in two ways, or has
    more than MOST_ROWS rows.
    """
    file.seek(0)
    table = RecipientTable([], TemporaryFile())  # noqa: SIM115  # it goes with the table
    for row in KINDS[kind](file, options, table):
        table.count += 1
        if table.count > MOST_ROWS:
            raise _refused(f"More than {MOST_ROWS:,} rows: cut the file in two.")
        table.spool.write(orjson.dumps((*row,)) + b"\n")
    if any(len(name) > _LONGEST_NAME for name in table.columns):
        raise _refused(f"The name of a column has more than {_LONGEST_NAME} characters.")
    if not table.count:
        raise _refused("There is no row of recipients in it.")
    return table


def _csv(file: IO[bytes], options: FileOptions, table: RecipientTable) -> Iterator[RowOfCells]:
    text, number = io.TextIOWrapper(file, _encoding(file), newline=""), 0
    try:
        head = text.read(_SNIFFED)
        first_line, separator = head.partition("\n")[0].strip(), None
        if first_line.lower().startswith("sep=") and len(first_line) == 5:
            separator = first_line[4]  # a line for Excel, which does not show it
        delimiter = separator or DELIMITERS.get(options.delimiter or "") or _delimiter(head)
        text.seek(0)
        if separator:
            text.readline()
        table.is_wide = True
        rows = (
            RowOfCells(number := number + 1, cells)
            for cells in csv.reader(text, delimiter=delimiter, strict=True)
        )
        yield from _below_header(rows, options, table)
    except UnicodeDecodeError:
        raise _refused("It is neither UTF-8 nor UTF-16. Save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise _refused(
            f"Row {number + 1} has a quote that is not closed, or text after one: {error}."
        ) from None
    finally:
        with suppress(ValueError):
            text.detach()


def _encoding(file: IO[bytes]) -> str:
    """Return how a text is encoded, by its mark or by the zeros beside its first character."""
    begin = file.read(4)
    file.seek(0)
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if begin[1:2] == b"\0" and begin[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if begin[:1] == b"\0" else "utf-8-sig"


def _delimiter(head: str) -> str:
    """Return the one sign that can separate the cells; refuses if there are two."""
    whole_lines = head if len(head) < _SNIFFED else head.rpartition("\n")[0]
    found = {sign: _widths(whole_lines, sign) for sign in DELIMITERS.values()}
    several = [sign for sign, widths in found.items() if widths and widths[0] > 1]
    even = [sign for sign in several if len(set(found[sign])) == 1]
    likely = even or several
    if len(likely) > 1:
        names = " or ".join(name for name, sign in DELIMITERS.items() if sign in likely)
        raise _refused(f"Its cells may be separated by {names}.", "delimiter")
    return likely[0] if likely else ","


def _widths(text: str, sign: str) -> list[int]:
    widths = []
    with suppress(csv.Error):
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True):
            if cells:
                widths.append(len(cells))
    return widths


def _json_lines(
    file: IO[bytes], options: FileOptions, table: RecipientTable
) -> Iterator[RowOfCells]:
    """Return one row a line; what is nested in `variables` and `metadata` are columns as well."""
    places: dict[str, int] = {}
    file.seek(3 if file.read(3) == b"\xef\xbb\xbf" else 0)
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE + 1), b""), start=1):
        if len(line) > _LONGEST_LINE:
            raise _refused(f"Row {number} is longer than {_LONGEST_LINE:,} bytes.")
        if not line.strip():
            table.empty_rows += 1
            continue
        try:
            found = load_json(line)
            if not isinstance(found, Mapping):
                raise ValueError("it is no object")
        except ValueError as error:
            yield RowOfCells(number, [], f"not JSON: {error}")
            continue
        cells: list[Cell] = [None] * len(places)
        for name, cell in _flat(found):
            if name not in places:
                places[name] = len(places)
                table.columns.append(name)
                cells.append(None)
            cells[places[name]] = cell
        if len(places) > MOST_COLUMNS:
            raise _refused(f"More than {MOST_COLUMNS} names in its objects.")
        yield RowOfCells(number, cells)


def _flat(found: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    for name, value in found.items():
        if name in ("variables", "metadata") and isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", cell) for inner, cell in value.items())
        else:
            yield name, value


def _workbook(file: IO[bytes], options: FileOptions, table: RecipientTable) -> Iterator[RowOfCells]:
    """Return the rows of the first sheet.

    Row by row: another reader makes the rectangle of all cells at once, of which a file of a
    kilobyte can have 17 billion.
    """
    with of_extra("xlsx"):
        from openpyxl import load_workbook  # takes a tenth of a start, which few lists need

    try:
        with zipfile.ZipFile(file) as parts:
            if sum(part.file_size for part in parts.infolist()) > _MOST_UNPACKED:
                raise _refused(f"Unpacked it is larger than {_MOST_UNPACKED // 2**20} MiB.")
        book = load_workbook(file, read_only=True, data_only=True)
        first, *others = book.worksheets
        table.sheets_not_read = [sheet.title for sheet in others]
        first.reset_dimensions()  # where they are stated wrongly, cells would be left out
        rows = (
            RowOfCells(number, _cells(values))
            for number, values in enumerate(first.iter_rows(values_only=True), start=1)
        )
        yield from _below_header(rows, options, table)
    except ObdtrackError:
        raise
    except Exception as error:  # whatever its reader says about a broken one
        raise _refused(f"It is no .xlsx workbook that can be read: {error}.") from None


def _cells(values: Sequence[object]) -> list[Cell]:
    width = next((n for n in range(len(values), 0, -1) if values[n - 1] is not None), 0)
    if width > MOST_COLUMNS:
        raise _refused(f"It has more than {MOST_COLUMNS} columns.")
    return [_cell(value) for value in values[:width]]


def _cell(value: object) -> Cell:
    """Return a workbook's cell: whole numbers as their digits, a date as one, no float if possible.

    A float has 15 digits that are certain, which is what spreadsheets show.
    """
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 10**15 else f"{value:.15g}"
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, date | datetime | time):
        return {"date": value.isoformat()}
    if isinstance(value, int) and abs(value) < 10**18:  # JSON knows no longer ones
        return value
    return None if value is None else str(value)


def _below_header(
    rows: Iterator[RowOfCells], options: FileOptions, table: RecipientTable
) -> Iterator[RowOfCells]:
    """Take the columns from the first row that is not empty, and return the others."""
    for row in (filled := _filled(rows, table)):
        width = max(place for place, cell in enumerate(row.cells, 1) if _is_filled(cell))
        if width > MOST_COLUMNS:
            raise _refused(f"It has more than {MOST_COLUMNS} columns.")
        has_header = options.has_header
        if has_header is None:  # nobody calls a column by a phone number
            has_header = not any(whole(cell) for cell in row.cells)
        letters = [_LETTERS[n // 26 - 1] * (n > 25) + _LETTERS[n % 26] for n in range(width)]
        names = (shown(cell) for cell in row.cells) if has_header else iter(())
        table.columns += [next(names, "") or letter for letter in letters]
        if not has_header:
            yield row
        break
    yield from filled


def _filled(rows: Iterator[RowOfCells], table: RecipientTable) -> Iterator[RowOfCells]:
    for row in rows:
        if any(_is_filled(cell) for cell in row.cells):
            yield row
        else:
            table.empty_rows += 1


def shown(cell: Cell) -> str:
    """Return a cell as text, without blanks around it; nothing is empty."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, dict) and "date" in cell:
        return str(cell["date"])
    return "" if cell is None else orjson.dumps(cell).decode()


def _is_filled(cell: Cell) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _refused(sentence: str, field: str = "file") -> ObdtrackError:
    return ObdtrackError(
        Code.INVALID,
        Said("The file cannot be read. %(sentence)s", sentence=sentence),
        fields={field: [sentence]},
    )


KINDS: dict[str, Callable[[IO[bytes], FileOptions, RecipientTable], Iterator[RowOfCells]]] = {
    "text/csv": _csv,
    "application/x-ndjson": _json_lines,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _workbook,
}
"""The kinds of files, as a `Content-Type` names them."""

ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "text/csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "application/x-ndjson"),
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The kinds of files by the endings of their names."""
