"""Knows the provider's templates: what placeholders stand for, and what filters make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from obdtrack.domain.reports import RawDelivery
from obdtrack.providers.mobtexting.field_values import TIMES
from obdtrack.providers.mobtexting.vocabulary import IDENTITY, places

# The documentation shows `@{{id}}`, `{{ id }}`, `{{outgoing.id}}` and `{{to|slice:-10}}`.
_PLACEHOLDER = re.compile(r"@?\{\{\s*(?P<name>[\w.]+)\s*(?P<filters>(?:\|[^{}]*)?)\}\}")
_ESCAPED = re.compile("(?:@|%40)?%7b%7b.*?%7d%7d", re.IGNORECASE)
_UNQUOTED = re.compile(r"(?<=:)(\s*)(@?\{\{[^{}]*\}\})(?=\s*[,}])")
_FILTER = re.compile(r"""\|\s*(?P<name>\w+)\s*(?::\s*(?P<given>(?:'[^']*'|"[^"]*"|[^|'"])*))?""")

_SPACES = ("outgoing.",)
"""What may stand before the name of a call's own placeholder."""

# What stands in for a placeholder, so that a template can be read as the report it will be.
_FILLINGS: dict[str | None, str] = {
    "provider_id": "70fa87e0-9df9-4327-bc80-a561c48703d8:1",
    "mid": "70fa87e0-9df9-4327-bc80-a561c48703d8",
    "to": "918867135001",
}
_FILLING = "1"
_NATIONAL_LENGTH = 10

_CUTS = frozenset({"slice", "cut", "substr", "limit", "truncate", "first", "last"})
_DATES = frozenset({"date_format", "date", "format", "strftime"})
_HARMLESS = frozenset({"downcase", "upcase", "lower", "upper", "lowercase", "uppercase", "trim",
                       "strip", "capitalize", "default"})  # fmt: skip
_NUMBERS = frozenset({"to", "caller", "bridge"})


class ValueFilter(NamedTuple):
    """A filter of a template, as in `{{to|slice:-10}}`, and what was given to it."""

    name: str
    given: str


def meaning(value: object) -> str | None:
    """Return the name of ours that a placeholder stands for; empty for one that we have none for.

    None if the value is no placeholder. An id that a filter cuts names nothing any more.
    """
    found = _PLACEHOLDER.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if found is None else _meaning(found)


def filled(delivery: RawDelivery) -> RawDelivery:
    """Return a template with values for its placeholders, as the report that it will be."""

    def filling(found: re.Match[str]) -> str:
        name = _meaning(found)
        value = _FILLINGS.get(name, _FILLING) if name else ""
        return value[-_NATIONAL_LENGTH:] if name in _NUMBERS and _cuts(found) else value or _FILLING

    return _with(delivery, lambda text: _PLACEHOLDER.sub(filling, text))


def legible(delivery: RawDelivery) -> RawDelivery:
    """Return a template whose body can be read: placeholders stand in quotes, and hold none."""

    def quoted(found: re.Match[str]) -> str:
        return found[1] + json.dumps(found[2])

    def tidy(text: str) -> str:
        single = _PLACEHOLDER.sub(lambda found: found[0].replace('"', "'"), text)
        return _UNQUOTED.sub(quoted, single)

    return _with(delivery, tidy)


def notes_on(key: str, value: str, date_order: str | None) -> Iterator[str]:
    """Return what a user should know of the placeholder under a key, in sentences.

    `date_order` is the order of dates that is set already.
    """
    found = _PLACEHOLDER.fullmatch(value.strip())
    if found is None:
        return
    if found[0].startswith("@"):
        yield f"{key}: write {found[0][1:]}; the @ is how the documentation shows it."
    for filter_ in _filters(found):
        note = _note(_named(found["name"]), filter_, date_order)
        if note is not None:
            yield f"{key}: {note}"


def _with(delivery: RawDelivery, change: Callable[[str], str]) -> RawDelivery:
    def changed(text: str) -> str:
        return change(_ESCAPED.sub(lambda found: unquote(found[0]), text))

    body = changed(delivery.body.decode("utf-8", "replace"))
    return delivery._replace(query=changed(delivery.query), body=body.encode())


def _meaning(found: re.Match[str]) -> str:
    name = _named(found["name"])
    return "" if name in ("provider_id", "mid") and _cuts(found) else name


def _named(placeholder: str) -> str:
    for space in _SPACES:
        placeholder = placeholder.removeprefix(space)
    place = places({}).get(placeholder)
    return place.name if place else ""


def _filters(found: re.Match[str]) -> list[ValueFilter]:
    return [
        ValueFilter(part["name"].lower(), (part["given"] or "").strip().strip("'\""))
        for part in _FILTER.finditer(found["filters"])
    ]


def _cuts(found: re.Match[str]) -> bool:
    return any(filter_.name in _CUTS for filter_ in _filters(found))


def _note(name: str, filter_: ValueFilter, date_order: str | None) -> str | None:
    if filter_.name in _CUTS and name in _NUMBERS:
        return (
            f"`{filter_.name}` leaves a part of the number. It is compared with the number that "
            "was called by that part, and never dialled; leave the filter out to get all of it."
        )
    if filter_.name in _CUTS and name in IDENTITY:
        return f"`{filter_.name}` cuts the id: no call is known by a part of it. Leave it out."
    if filter_.name in _DATES and name in TIMES:
        return _note_on_date(filter_.given, date_order)
    if filter_.name in _HARMLESS or filter_.name in _CUTS | _DATES:
        return None
    return f"what `{filter_.name}` makes of the value is not known here."


def _note_on_date(form: str, date_order: str | None) -> str | None:
    """Say what a date written in this form (PHP's letters) costs; None if it is read in full."""
    if not re.search("[HhGgUc]", form):
        return f"{form!r} is a date without a time, which is no moment: it is shown, no more."
    if re.search("[hg]", form) and not re.search("[Aa]", form):
        return f"{form!r} has hours up to 12 without AM or PM: write H instead of h."
    order = "dmy" if form[:1] in ("d", "j") else "mdy"
    if re.match(r"[djmn]\W[djmn]\W", form) and order != date_order:
        return (
            f"{form!r} is read where it has one reading only (27/11/2026); for all dates set "
            f"OBDTRACK_PROVIDER_DATE_ORDER={order}."
        )
    return None
