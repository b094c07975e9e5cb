"""Keeps the list of numbers that are not to be called: added, imported, removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, NamedTuple

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor, person_of
from obdtrack.access.pseudonym import person_number
from obdtrack.calls import opt_outs
from obdtrack.campaigns.mapping import TO, RowReader, guessed
from obdtrack.campaigns.recipient_files import FileOptions, read_file
from obdtrack.domain.phone import dialable, is_erased, parts_of, reported
from obdtrack.domain.progress import Watcher, unwatched
from obdtrack.domain.texts import N_
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services

_BLANK = "\ufeff \t\r\n"


class BadLine(NamedTuple):
    """A line of a list that is no number to call, and why."""

    number: int
    reason: str


class Reading(NamedTuple):
    """The numbers (E.164) of a list, each once, and the lines that hold none."""

    numbers: list[str]
    bad: list[BadLine]


def read_list(lines: Iterable[str]) -> Reading:
    """Read one number a line, in any usual spelling; empty lines and `# notes` are passed over."""
    numbers: dict[str, None] = {}
    bad: list[BadLine] = []
    for count, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip(_BLANK)
        if not text:
            continue
        try:
            numbers[dialable(text)] = None
        except ValueError as error:
            bad.append(BadLine(count, str(error)))
    return Reading(list(numbers), bad)


def suppress(text: str, actor: Actor, services: Services) -> str:
    """Put a number on the list and return it as E.164.

    An opt-out that was reported without its country code and fits the number is taken for this
    one's from then on: since when is kept. Raises ObdtrackError (invalid) if `text` is no whole
    number.
    """
    number = person_number(text)
    with services.store.write():
        parts = opt_outs.parts_listed(number)
        opt_outs.note(number, min(parts.values(), default=None), services.now(), None, services)
        opt_outs.remove(parts)
        _record(Action.NUMBER_SUPPRESSED, number, actor, services)
    return number


def suppress_all(
    numbers: Iterable[str], actor: Actor, services: Services, watch: Watcher = unwatched
) -> int:
    """Put these numbers (E.164) on the list, all or none; returns how many were not there yet."""
    with services.store.write():
        added = opt_outs.note_all(numbers, services.now(), services, watch)
        audit.record(Action.NUMBERS_IMPORTED, "opt-outs", actor, services, {"added": added})
    return added


class BadRow(NamedTuple):
    """A row of a table that names no number to call, and why."""

    row: int
    reason: str


class ImportedTable(NamedTuple):
    """What came of a table: how many numbers are new, were there already, and rows that are bad.

    Of those `shown` are the first.
    """

    added: int
    known: int
    bad: int
    shown: list[BadRow]


MOST_SHOWN = 100
_FIRST_ROWS = 20
_BATCH = 500
_UNCLEAR = N_("It is unclear which column holds the numbers: name it Phone.")


def import_table(
    file: IO[bytes], kind: str, country: str | None, actor: Actor, services: Services
) -> ImportedTable:
    """Put the numbers of a table on the list, some at a time; a bad row keeps no other from it.

    `kind` is one of recipient_files.KINDS, `country` (like `IN`) where numbers belong that do not
    say it. Raises ObdtrackError (invalid) if the file cannot be read, or nobody knows by which
    column.
    """
    table = read_file(file, kind, FileOptions())
    first = list(islice(table.rows(), _FIRST_ROWS))
    guess = guessed(table.columns, first, (), country).get(TO)
    if guess is None:
        raise ObdtrackError(Code.INVALID, _UNCLEAR, fields={"file": [_UNCLEAR]})
    places = {TO: table.columns.index(guess)}
    reader = RowReader(table.columns, places, defaults=(), country=country, is_wide=table.is_wide)
    rows, total, added, bad = map(reader.read, table.rows()), 0, 0, list[BadRow]()
    bad_count = 0
    while batch := list(islice(rows, _BATCH)):
        wrong = [BadRow(r.row, r.problems[0].reason) for r in batch if r.problems]
        bad_count += len(wrong)
        bad += wrong[: MOST_SHOWN - len(bad)]
        numbers = dict.fromkeys(r.to for r in batch if r.to is not None and not r.problems)
        with services.store.write():
            added += opt_outs.note_all(numbers, services.now(), services)
        total += len(numbers)
    detail = {"added": added, "known": total - added, "bad": bad_count}
    audit.record(Action.NUMBERS_IMPORTED, "opt-outs", actor, services, detail)
    return ImportedTable(added, total - added, bad_count, bad)


def keys_of(number: str, services: Services) -> set[str]:
    """Return all that a whole number, or an erased one's name, can stand on the list as."""
    return {number, person_of(number, services), *parts_of(number)}


def unsuppress(text: str, actor: Actor, services: Services, reason: str = "") -> bool:
    """Take a number off the list, also if it was erased; False if it was not on it.

    `reason` goes into the audit. Digits without a country code are removed where the list has them
    so. Raises ObdtrackError (invalid) if `text` is neither those nor a whole number.
    """
    part = reported(text) or ""
    with services.store.write():
        if part.isdigit() and opt_outs.remove({part}):
            _record(Action.NUMBER_UNSUPPRESSED, part, actor, services, reason)
            return True
        number = part if is_erased(part) else person_number(text)
        removed = opt_outs.remove({number, person_of(number, services)})
        if removed:
            _record(Action.NUMBER_UNSUPPRESSED, number, actor, services, reason)
    return bool(removed)


def suppressed() -> Iterator[opt_outs.OptedOut]:
    """Return the numbers on the list, in their order."""
    return opt_outs.every()


def _record(
    action: Action, number: str, actor: Actor, services: Services, reason: str = ""
) -> None:
    detail = {"reason": reason} if reason else {}
    audit.record(action, person_of(number, services), actor, services, detail)
