"""Keeps the list of numbers that are not to be called: added, imported, removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.access.pseudonym import person_number, pseudonym
from obdtrack.calls import opt_outs
from obdtrack.domain.phone import dialable, reported
from obdtrack.domain.progress import Watcher, unwatched
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


def unsuppress(text: str, actor: Actor, services: Services) -> bool:
    """Take a number off the list, also if it was erased; False if it was not on it.

    Digits without a country code are removed where the list has them so. Raises
    ObdtrackError (invalid) if `text` is neither those nor a whole number.
    """
    part = reported(text) or ""
    with services.store.write():
        if part.isdigit() and opt_outs.remove({part}):
            _record(Action.NUMBER_UNSUPPRESSED, part, actor, services)
            return True
        number = person_number(text)
        removed = opt_outs.remove({number, pseudonym(number, services.encryption)})
        if removed:
            _record(Action.NUMBER_UNSUPPRESSED, number, actor, services)
    return bool(removed)


def suppressed() -> Iterator[opt_outs.OptedOut]:
    """Return the numbers on the list, in their order."""
    return opt_outs.every()


def _record(action: Action, number: str, actor: Actor, services: Services) -> None:
    audit.record(action, pseudonym(number, services.encryption), actor, services)
