"""Explains how a sample of a composed report is read, and which setting would say more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from obdtrack.domain.reports import RawDelivery, Reading
from obdtrack.providers.mobtexting.guesses import Suggestion, guess
from obdtrack.providers.mobtexting.reports import PayloadReader, read_delivery, sources_of
from obdtrack.providers.mobtexting.templates import filled, legible, meaning, notes_on
from obdtrack.providers.mobtexting.text import scalar, shown
from obdtrack.providers.mobtexting.vocabulary import ALIASES, is_secret, plain

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


class SampleField(NamedTuple):
    """One value of a sample: the name of ours it fills (None: none), their key, and the value.

    `used` is False where a better key fills the same name.
    """

    name: str | None
    key: str
    value: str
    used: bool = True


class Explanation(NamedTuple):
    """What a sample is as things are, its fields, and what would help.

    `mapping` is our name -> their key, the configured ones and the suggested; `then` is what the
    sample is with them. `notes` say what its filters cost.
    """

    reading: Reading
    fields: list[SampleField]
    suggestions: list[Suggestion]
    mapping: Mapping[str, str]
    then: Reading
    notes: list[str]


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
