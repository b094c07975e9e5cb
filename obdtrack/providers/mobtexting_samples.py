"""Explains how a sample of a composed report is read, and which setting would say more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from obdtrack.domain.report import RawDelivery, Reading
from obdtrack.providers.mobtexting_bodies import read_body, read_form
from obdtrack.providers.mobtexting_guesses import Suggestion, guess
from obdtrack.providers.mobtexting_payloads import PayloadReader, read_delivery
from obdtrack.providers.mobtexting_values import scalar, shown
from obdtrack.providers.mobtexting_words import ALIASES, is_secret, places, plain

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

# What stands in for a placeholder, so that a template can be read as the report it will be.
_FILLINGS: dict[str, str] = {
    "id": "70fa87e0-9df9-4327-bc80-a561c48703d8:1",
    "mid": "70fa87e0-9df9-4327-bc80-a561c48703d8",
    "to": "918867135001",
}
_FILLING = "1"

# Not one with a filter, `{{to|cut:-10}}`: what is cut or formatted anew cannot be read for sure.
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_SOURCE_STEP = 100
_UNWRITABLE = frozenset(",=")
"""What a key in OBDTRACK_WEBHOOK_FIELDS cannot hold."""


class Field(NamedTuple):
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
    sample is with them.
    """

    reading: Reading
    fields: list[Field]
    suggestions: list[Suggestion]
    mapping: Mapping[str, str]
    then: Reading


def explain(delivery: RawDelivery, reader: PayloadReader, bridge: str | None = None) -> Explanation:
    """Say what of a sample is understood, and suggest keys for what is not.

    A sample may be a template: placeholders say for certain what their keys hold. `bridge` is our
    number in E.164, which a report may repeat.
    """
    fields = _fields(delivery, reader)
    suggestions = [
        found for found in _suggestions(fields, reader, bridge) if not set(found.key) & _UNWRITABLE
    ]
    suggestions.sort(key=lambda found: list(ALIASES).index(found.name))
    mapping = {**reader.fields, **{found.name: found.key for found in suggestions}}
    report = _filled(delivery)
    then = read_delivery(report, PayloadReader(reader.timezone, mapping))
    return Explanation(read_delivery(report, reader), fields, suggestions, mapping, then)


def _filled(delivery: RawDelivery) -> RawDelivery:
    def filling(found: re.Match[str]) -> str:
        return _FILLINGS.get(found[1], _FILLING)

    body = _PLACEHOLDER.sub(filling, delivery.body.decode("utf-8", "replace"))
    query = _PLACEHOLDER.sub(filling, delivery.query)
    return delivery._replace(query=query, body=body.encode())


def _suggestions(
    fields: list[Field], reader: PayloadReader, bridge: str | None
) -> list[Suggestion]:
    certain = list(_told_by_placeholders(fields))
    taken = {field.name for field in fields if field.name} | {found.name for found in certain}
    settled = {found.key for found in certain}
    unknown = {
        field.key: field.value
        for field in fields
        if field.name is None and field.key not in settled and scalar(field.value)
    }
    return certain + guess(unknown, taken, reader.timezone, bridge)


def _fields(delivery: RawDelivery, reader: PayloadReader) -> list[Field]:
    """Give every value with the name it fills; the reader's own tables decide."""
    found: list[tuple[int, Field]] = []
    for number, source in enumerate(_sources(delivery, reader)):
        for key, value in source.items():
            if value in (None, "") or is_secret(key):
                continue
            name, rank = _name(key, value, reader)
            found.append((rank + number * _SOURCE_STEP, Field(name, key, shown(value))))
    best: dict[str | None, int] = {}
    for place, field in sorted(found, key=lambda pair: pair[0]):
        best.setdefault(field.name, place)
    return [
        field._replace(used=field.name is None or best[field.name] == place)
        for place, field in found
    ]


def _sources(delivery: RawDelivery, reader: PayloadReader) -> Iterator[Mapping[str, Any]]:
    yield from read_body(delivery.body).sources
    yield read_form(delivery.query)
    yield {name: delivery.headers[name] for name in reader.headers if name in delivery.headers}


def _name(key: str, value: object, reader: PayloadReader) -> tuple[str | None, int]:
    place = reader.places.get(key) or reader.places.get(plain(key))
    if place is None:
        return None, 0
    name, rank, read = place
    meant = _meant(value)
    fits = read(value) is not None if meant is None else meant == name
    return (name, rank) if fits else (None, 0)


def _meant(value: object) -> str | None:
    """Give the name of ours that a placeholder stands for; empty for one that we have none for."""
    found = _PLACEHOLDER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    place = places({}).get(found[1])
    return place.name if place else ""


def _told_by_placeholders(fields: list[Field]) -> Iterator[Suggestion]:
    taken = {field.name for field in fields}
    for field in fields:
        meant = _meant(field.value)
        if field.name is None and meant and meant not in taken:
            taken.add(meant)
            yield Suggestion(meant, field.key, f"it holds {field.value}", certain=True)
