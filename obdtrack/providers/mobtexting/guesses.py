"""Guesses which field an unknown key of a report may be: by its value, else by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from obdtrack.domain.phone import reported
from obdtrack.providers.mobtexting.field_values import READERS
from obdtrack.providers.mobtexting.vocabulary import meaning_of

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_is_uuid = re.compile(_UUID).fullmatch
_is_call_id = re.compile(f"{_UUID}:[0-9]+").fullmatch

_SPAN = ("started_at", "ended_at")
_BEGIN = re.compile("start|begin|dial|initiat", re.IGNORECASE)
_WHOLE_NUMBER = 10
"""Digits of the shortest number worth a guess; dtmf, lengths and ids have fewer."""


TimeReader = Callable[[object], datetime | None]


class Suggestion(NamedTuple):
    """That `key` should fill our `name`, and why; `certain` if the sample says so itself."""

    name: str
    key: str
    why: str
    certain: bool = False


class _Rule(NamedTuple):
    """A value that `fits`, under a key that `key` is found in, may be our `name`."""

    name: str
    key: str
    fits: Callable[[str], object]
    why: str


# The surest first: a key is given away once, and so is a name.
_RULES: tuple[_Rule, ...] = (
    _Rule("provider_id", "", _is_call_id, "looks like a call's id, uuid:n"),
    _Rule("provider_id", "", _is_uuid, "is a UUID, as the ids of calls are"),
    _Rule("mid", "", _is_uuid, "is a UUID, as the ids of submissions are"),
    _Rule("status", "", lambda value: meaning_of(value).status, "is one of the provider's words"),
    _Rule("recording_url", "", READERS["recording_url"], "is a link"),
    _Rule("charges", "charge|cost|price|credit|amount", READERS["charges"], "is an amount"),
    _Rule("billable_seconds", "bill", READERS["billable_seconds"], "is a length"),
    _Rule("duration_seconds", "dur|sec|length", READERS["duration_seconds"], "is a length"),
    _Rule("dtmf", "dtmf|digit|press|input", READERS["dtmf"], "stands under such a name"),
    _Rule("hangup_by", "hang|disconnect", READERS["hangup_by"], "stands under such a name"),
)


def guess(
    unknown: Mapping[str, str], taken: Collection[str], read_time: TimeReader, bridge: str | None
) -> list[Suggestion]:
    """Suggest names of ours for unknown keys (key -> value); a name in `taken` is not free.

    `read_time` tells a time from other text, `bridge` is our number in E.164.
    """
    found = list(_guess_span(unknown, taken, read_time))
    found += _guess_by_rules(_without(unknown, found), taken)
    return [*found, *_guess_numbers(_without(unknown, found), taken, bridge)]


def _without(unknown: Mapping[str, str], found: Collection[Suggestion]) -> dict[str, str]:
    settled = {suggestion.key for suggestion in found}
    return {key: value for key, value in unknown.items() if key not in settled}


def _guess_span(
    unknown: Mapping[str, str], taken: Collection[str], read_time: TimeReader
) -> Iterator[Suggestion]:
    """Take times, in their order, for start and end; a lone one for the end unless named a start.

    Digits alone may as well be a phone number: they are left.
    """
    times = {
        key: moment
        for key, value in unknown.items()
        if not value.isdigit() and (moment := read_time(value))
    }
    names = [name for name in _SPAN if name not in taken]
    if len(times) == 1 and len(names) == len(_SPAN):
        names = names[:1] if _BEGIN.search(next(iter(times))) else names[1:]
    for name, key in zip(names, sorted(times, key=times.__getitem__), strict=False):
        yield Suggestion(name, key, f"{unknown[key]} is a time")


def _guess_by_rules(left: dict[str, str], taken: Collection[str]) -> Iterator[Suggestion]:
    free = {rule.name for rule in _RULES}.difference(taken)
    for rule in _RULES:
        keys = [key for key in left if re.search(rule.key, key, re.IGNORECASE)]
        key = next((key for key in keys if rule.fits(left[key])), None)
        if rule.name in free and key is not None:
            free.remove(rule.name)
            yield Suggestion(rule.name, key, f"{left.pop(key)} {rule.why}")


def _guess_numbers(
    left: dict[str, str], taken: Collection[str], bridge: str | None
) -> Iterator[Suggestion]:
    """Take a lone number for the one called; of several, nothing tells which."""
    numbers = {
        key: number
        for key, value in left.items()
        if len(value) >= _WHOLE_NUMBER and (number := reported(value))
    }
    ours = [key for key, number in numbers.items() if number == bridge]
    others = [key for key in numbers if key not in ours]
    if ours and "bridge" not in taken:
        yield Suggestion("bridge", ours[0], f"{left[ours[0]]} is OBDTRACK_BRIDGE")
    if len(others) == 1 and "to" not in taken:
        yield Suggestion("to", others[0], f"{left[others[0]]} looks like a phone number")
