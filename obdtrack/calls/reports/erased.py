"""Keeps the number of an erased person out: what is reported of it is stored under its name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from obdtrack.access import audit
from obdtrack.access.pseudonym import pseudonym
from obdtrack.calls import queries
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.domain import phone
from obdtrack.domain.number_patterns import Spellings
from obdtrack.domain.redaction import in_texts, numbers_like
from obdtrack.domain.reports import Told, numbers_in
from obdtrack.services import Services

_MOST_LOOKED_UP = 100
"""How many numbers of one request are looked up; the many of a stranger must cost little."""


def without_erased(
    batch: Sequence[InboundRequest], readings: Sequence[Told], services: Services
) -> list[InboundRequest]:
    """Return requests with the names of erased persons where they give their numbers.

    Who was called again after the erasure is known again. Where nobody was ever erased this is one
    look into an index for all of them.
    """
    if not audit.is_any_erased():
        return list(batch)
    return [
        _without(stored, _numbers(stored, reading), services)
        for stored, reading in zip(batch, readings, strict=True)
    ]


def _numbers(stored: InboundRequest, reading: Told) -> set[str]:
    """Return the numbers that a request is about; where it tells none, what looks like one."""
    if said := {number for number in numbers_in(reading) if "•" not in number}:
        return said
    raw = stored.raw
    text = "\n".join((raw.query, *chain(*raw.headers.items()), raw.body.decode("latin-1")))
    like = sorted(numbers_like(text))[:_MOST_LOOKED_UP]
    return {number for one in like if (number := phone.reported(one)) and "•" not in number}


def _without(stored: InboundRequest, said: set[str], services: Services) -> InboundRequest:
    for number in {_whole(number, services) for number in said}:
        name = pseudonym(number, services.encryption)
        if audit.is_erased_name(name) and not queries.is_called(number):
            stored = _renamed(stored, Spellings(number), name)
    return stored


def _whole(said: str, services: Services) -> str:
    """Return a number as it was called; one without a country code is taken for one of ours."""
    if not said.isdigit():
        return said
    bridge = phone.provider_digits(services.settings.bridge or "")
    return f"+{bridge.removesuffix(phone.national_part(bridge))}{said}"


def _renamed(stored: InboundRequest, spellings: Spellings, name: str) -> InboundRequest:
    def clean(text: str) -> str:
        return spellings.replaced(text, name)

    raw = stored.raw
    renamed = raw._replace(
        query=clean(raw.query),
        headers=in_texts(raw.headers, clean),
        content_type=clean(raw.content_type),
        body=clean(raw.body.decode("latin-1")).encode("latin-1"),
    )
    return stored._replace(raw=renamed)
