"""Explains how a sample of a composed report is read, and which setting would say more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from obdtrack.domain.phone import reported
from obdtrack.domain.reports import RawDelivery
from obdtrack.providers.base import Explanation, SampleField, Suggestion
from obdtrack.providers.mobtexting.field_values import READERS
from obdtrack.providers.mobtexting.reports import PayloadReader, read_delivery, sources_of
from obdtrack.providers.mobtexting.templates import filled, legible, meaning, notes_on
from obdtrack.providers.mobtexting.text import scalar, shown
from obdtrack.providers.mobtexting.vocabulary import ALIASES, is_secret, meaning_of, plain

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_is_uuid = re.compile(_UUID).fullmatch
_is_call_id = re.compile(f"{_UUID}:[0-9]+").fullmatch

_SPAN = ("started_at", "ended_at")
_BEGIN = re.compile("start|begin|dial|initiat", re.IGNORECASE)
_WHOLE_NUMBER = 10
"""Digits of the shortest number worth a guess; dtmf, lengths and ids have fewer."""


TimeReader = Callable[[object], datetime | None]


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
    _Rule("dtmf", "dtmf|digit|press|input", READERS["dtmf"], "has such a name"),
    _Rule("hangup_by", "hang|disconnect", READERS["hangup_by"], "has such a name"),
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


# Key -> the provider's placeholder. The keys are such as are understood without any setting.
_TEMPLATE: dict[str, str] = {
    "call_id": "id",
    "mid": "mid",
    "to": "to",
    "message_status": "status",
    "start_at": "start_at",
    "end_at": "end_at",
    "duration": "duration",
    "billing": "billing",
    "hangup_by": "hangup_by",
    "dtmf": "dtmf",
    "recording_url": "recording_url",
}
QUERY_TEMPLATE = "?" + "&".join(f"{key}={{{{{word}}}}}" for key, word in _TEMPLATE.items())
JSON_TEMPLATE = json.dumps({key: f"{{{{{word}}}}}" for key, word in _TEMPLATE.items()})

_SOURCE_STEP = 100
_UNWRITABLE = frozenset(",=")
"""What a key in OBDTRACK_WEBHOOK_FIELDS cannot hold."""


def explain(delivery: RawDelivery, reader: PayloadReader, bridge: str | None = None) -> Explanation:
    """Say what of a sample is understood, and suggest keys for what is not.

    A sample may be a template: placeholders say for certain what their keys hold. `bridge` is our
    number in E.164, which a report may repeat.
    """
    template, report = legible(delivery), filled(delivery)
    fields = _fields(template, reader)
    suggestions = [
        found for found in _suggestions(fields, reader, bridge) if not set(found.key) & _UNWRITABLE
    ]
    suggestions.sort(key=lambda found: list(ALIASES).index(found.name))
    mapping = {**reader.fields, **{found.name: found.key for found in suggestions}}
    then = read_delivery(report, replace(reader, fields=mapping))
    notes = [
        note for field in fields for note in notes_on(field.key, field.value, reader.date_order)
    ]
    return Explanation(read_delivery(report, reader), fields, suggestions, mapping, then, notes)


def _suggestions(
    fields: list[SampleField], reader: PayloadReader, bridge: str | None
) -> list[Suggestion]:
    certain = list(_told_by_placeholders(fields))
    taken = {field.name for field in fields if field.name} | {found.name for found in certain}
    settled = {found.key for found in certain}
    unknown = {
        field.key: field.value
        for field in fields
        if field.name is None and field.key not in settled and scalar(field.value)
    }
    return certain + guess(unknown, taken, reader.time, bridge)


def _fields(delivery: RawDelivery, reader: PayloadReader) -> list[SampleField]:
    """Return every value with the name it fills; the reader's own tables decide."""
    found: list[tuple[int, SampleField]] = []
    seen = set[str]()
    for number, source in enumerate(sources_of(delivery, reader)[0]):
        for key, value in _leaves(source):
            if value in (None, "") or is_secret(key) or key in seen:
                continue
            seen.add(key)
            name, rank = _name(key, value, reader)
            found.append((rank + number * _SOURCE_STEP, SampleField(name, key, shown(value))))
    best: dict[str | None, int] = {}
    for place, field in sorted(found, key=lambda pair: pair[0]):
        best.setdefault(field.name, place)
    return [
        field._replace(used=field.name is None or best[field.name] == place)
        for place, field in found
    ]


def _leaves(fields: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Return each value by its key, and what is inside objects by its path (`result.state`)."""
    for key, value in fields.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _name(key: str, value: object, reader: PayloadReader) -> tuple[str | None, int]:
    place = reader.places.get(key) or reader.places.get(plain(key))
    if place is None:
        return None, 0
    name, rank, read = place
    meant = meaning(value)
    fits = read(value) is not None if meant is None else meant == name
    return (name, rank) if fits else (None, 0)


def _told_by_placeholders(fields: list[SampleField]) -> Iterator[Suggestion]:
    taken = {field.name for field in fields}
    for field in fields:
        meant = meaning(field.value)
        if field.name is None and meant and meant not in taken:
            taken.add(meant)
            yield Suggestion(meant, field.key, f"it holds {field.value}", certain=True)
