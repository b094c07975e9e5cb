"""Which column of a list is what of a recipient, and what one row of it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from obdtrack.campaigns.recipient_files import Cell, RowOfCells, shown
from obdtrack.domain.call_texts import (
    MAX_METADATA,
    MAX_REFERENCE,
    MAX_VALUE,
    MAX_VARIABLES,
    wrong_with_text,
    wrong_with_variable,
)
from obdtrack.domain.phone import dialable_cell
from obdtrack.errors import Code, ObdtrackError
from obdtrack.store.columns import dumps

TO, REFERENCE = "to", "reference"
_VARIABLE, _METADATA = "variables.", "metadata."

_LONGEST_SHOWN = 100
_ROUNDED_DIGITS, _LONG = 6, 10**11
"""A spreadsheet shows a whole number from so large on with six digits, and saves no others."""

_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"}

_NUMBER_NAMES = {
    "to", "phone", "phoneno", "phonenumber", "mobile", "mobileno", "mobilenumber", "number",
    "contact", "contactno", "contactnumber", "msisdn", "tel", "telephone", "cell", "cellphone",
    "whatsapp", "whatsappnumber",
}  # fmt: skip
_REFERENCE_NAMES = {"reference", "ref", "order", "orderid", "orderno", "ordernumber"}


class Problem(NamedTuple):
    """Why a row cannot be called, and which cell says so."""

    column: str | None
    value: str
    reason: str


class ReadRecipient(NamedTuple):
    """What a row says; it is valid if there are no problems."""

    row: int
    to: str | None
    reference: str | None
    metadata: dict[str, Any]
    variables: dict[str, str]
    problems: tuple[Problem, ...] = ()
    empty: tuple[str, ...] = ()


def is_field(name: str) -> bool:
    """Whether this is the name of something that a column can be."""
    return name in (TO, REFERENCE) or name.startswith((_VARIABLE, _METADATA))


def resolved(wanted: Mapping[str, str], columns: Sequence[str]) -> dict[str, int]:
    """Return the places of the columns that are wanted, by what they are (`to`, `variables.x`).

    Raises ObdtrackError (invalid) naming what has no column, or more than one.
    """
    wrong: dict[str, list[str]] = {}
    found: dict[str, int] = {}
    for field, column in wanted.items():
        named = _named(column, columns)
        if len(named) != 1:
            how_many = "no column" if not named else "more than one column"
            wrong[field] = [f"There is {how_many} {column!r}. Columns: {', '.join(columns)}."]
        else:
            found[field] = named[0]
        name = field.removeprefix(_VARIABLE)
        if name != field and (sentence := wrong_with_variable(name, "-")):
            wrong[field] = [sentence]
    if TO not in wanted:
        wrong[TO] = [f"Name the column of the numbers, like to=Phone: {', '.join(columns)}."]
    if sum(field.startswith(_VARIABLE) for field in wanted) > MAX_VARIABLES:
        wrong["variables"] = [f"At most {MAX_VARIABLES} variables."]
    if wrong:
        raise ObdtrackError(
            Code.INVALID, "Some columns cannot be told from the request.", fields=wrong
        )
    return found


def guessed(
    columns: Sequence[str],
    first: Sequence[RowOfCells],
    variables: Collection[str],
    country: str | None,
) -> dict[str, str]:
    """Return what columns are by their names, by what they are; `to` is missing if it is unclear.

    `variables` are the names of those that the campaign has; `first` are the first rows: if no
    column is named like numbers, the only one that holds numbers is theirs.
    """
    found: dict[str, str] = {}
    for field, names in ((TO, _NUMBER_NAMES), (REFERENCE, _REFERENCE_NAMES)):
        exact = [name for name in columns if name.strip().lower() == field]
        alike = [name for name in columns if re.sub(r"[\W_]+", "", name.lower()) in names]
        named = exact or alike
        if not named and field == TO:
            named = [
                name
                for place, name in enumerate(columns)
                if first
                and all(
                    _is_number(row.cells[place], country) for row in first if place < len(row.cells)
                )
            ]
        if len(named) == 1:
            found[field] = named[0]
    for name in columns:
        if name.startswith((_VARIABLE, _METADATA)):
            found[name] = name
        elif name in variables:
            found[_VARIABLE + name] = name
    return found


class RowReader:
    """Reads rows by a mapping: `places` of columns by what they are.

    `defaults` are the variables that the campaign has for all; `country` is where numbers belong
    that do not say it.
    """

    def __init__(
        self,
        columns: Sequence[str],
        places: Mapping[str, int],
        *,
        defaults: Collection[str],
        country: str | None,
        is_wide: bool,
    ) -> None:
        self._columns, self._is_wide = columns, is_wide
        self._fields = [
            (field, place, _reader_of(field, country)) for field, place in places.items()
        ]
        self._needed = {
            field
            for field in places
            if field.startswith(_VARIABLE) and field.removeprefix(_VARIABLE) not in defaults
        } | {TO}

    def read(self, row: RowOfCells) -> ReadRecipient:
        """Return what a row says, with every cell of it that is wrong."""
        if broken := row.problem or self._wrong_width(row.cells):
            return ReadRecipient(row.number, None, None, {}, {}, (Problem(None, "", broken),))
        problems, empty, found = list[Problem](), list[str](), dict[str, Any]()
        for field, place, read in self._fields:
            cell = row.cells[place] if place < len(row.cells) else None
            column, text = self._columns[place], shown(cell)
            if not text:
                empty.append(column)
            if text or field in self._needed:
                try:
                    found[field] = read(cell, text)
                except ValueError as error:
                    problems.append(Problem(column, text[:_LONGEST_SHOWN], str(error)))
        metadata = _under(_METADATA, found)
        if metadata and len(dumps(metadata).encode()) > MAX_METADATA:
            problems.append(Problem(None, "", f"metadata is at most {MAX_METADATA} bytes of JSON"))
        return ReadRecipient(
            row.number,
            found.get(TO),
            found.get(REFERENCE),
            metadata,
            _under(_VARIABLE, found),
            tuple(problems),
            tuple(empty),
        )

    def _wrong_width(self, cells: Sequence[Cell]) -> str | None:
        count, right = len(cells), len(self._columns)
        if not self._is_wide:
            count = max((place for place, cell in enumerate(cells, 1) if shown(cell)), default=0)
        if count > right or (self._is_wide and count < right):
            return f"wrong number of cells: {count}, for {right} columns"
        return None


def _reader_of(field: str, country: str | None) -> Callable[[Cell, str], Any]:
    """Return what reads a cell, given with its text; it raises ValueError with what is wrong."""
    if field == TO:
        return lambda cell, text: _number(cell, text, country)
    if field.startswith(_METADATA):
        return _metadata
    return _reference if field == REFERENCE else _variable


def _number(cell: Cell, text: str, country: str | None) -> str:
    if isinstance(cell, dict):
        raise ValueError("a date" if "date" in cell else "no phone number")
    if isinstance(cell, float):
        raise ValueError("written with a fraction: put it in quotes")
    if isinstance(cell, int) and cell >= _LONG and len(text.rstrip("0")) <= _ROUNDED_DIGITS:
        raise ValueError(
            "may have been rounded by a spreadsheet: format the column as text, or put it in quotes"
        )
    return dialable_cell(text, country)


def _is_number(cell: Cell, country: str | None) -> bool:
    try:
        return bool(_number(cell, shown(cell), country))
    except ValueError:
        return False


def _variable(cell: Cell, text: str) -> str:
    if not text:
        raise ValueError("empty cell")
    if isinstance(cell, bool | float | list) or (isinstance(cell, dict) and "date" not in cell):
        raise ValueError("must be text: put it in quotes")
    if text in _ERRORS:
        raise ValueError("an error of the spreadsheet")
    return _plain(text, MAX_VALUE)


def _reference(_: Cell, text: str) -> str:
    if text in _ERRORS:
        raise ValueError("an error of the spreadsheet")
    return _plain(text, MAX_REFERENCE)


def _metadata(cell: Cell, text: str) -> Any:
    if isinstance(cell, str) or (isinstance(cell, dict) and "date" in cell):
        return _plain(text, MAX_METADATA)
    if "\\u0000" in dumps(cell):
        raise ValueError("has a NUL character")
    return cell


def _plain(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"longer than {longest:,} characters")
    if sentence := wrong_with_text(text):
        raise ValueError(sentence)
    return text


def _named(column: str, columns: Sequence[str]) -> list[int]:
    """Return where the columns of this name are; if there is none, those alike but for case."""
    exact = [place for place, name in enumerate(columns) if name == column.strip()]
    folded = column.strip().casefold()
    return exact or [place for place, name in enumerate(columns) if name.casefold() == folded]


def _under(prefix: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {f.removeprefix(prefix): value for f, value in found.items() if f.startswith(prefix)}
