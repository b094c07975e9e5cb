"""Reads reports of the usual form sooner than `read_delivery`: the same of each, or nothing.

Reports of one account come under the same few keys, so where these lead is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from obdtrack.domain.naming import ProviderIds
from obdtrack.domain.reports import PlainReport, RawDelivery
from obdtrack.domain.status import FINAL
from obdtrack.domain.times import Twofold
from obdtrack.providers.mobtexting.envelopes import has_paths
from obdtrack.providers.mobtexting.lenient_json import load_plain
from obdtrack.providers.mobtexting.reports import EVENT_KEYS, PayloadReader
from obdtrack.providers.mobtexting.text import ID_LENGTH, clean, cut, shown
from obdtrack.providers.mobtexting.times import Floored
from obdtrack.providers.mobtexting.vocabulary import is_secret, meaning_of, plain

_LONGEST, _MOST_KEYS = 4096, 30
"""Bytes and keys of a body: what is remembered of one is bounded by what it holds."""

_MOST_FORMS = 1000
_MOST_VALUES = 4096
"""Remembered of each field that repeats in a burst: times, lengths, words, our own numbers."""

_UNIQUE = frozenset({"provider_id", "mid", "to", "recording_url"})
_DOUBTFUL = frozenset({Floored, Twofold})

_Form = tuple[tuple[str | None, str, Callable[[Any], Any]], ...]
"""For each key of a report our field, or None and the key as it is kept, and how it is read."""


class PlainReader:
    """Reads flat JSON objects of texts and whole numbers that say how one call ended."""

    def __init__(self, reader: PayloadReader, ids: ProviderIds) -> None:
        self._ids = ids
        self._places = {} if reader.headers or reader.paths else reader.places
        self._shown = lru_cache(_MOST_VALUES)(shown)
        self._read = {
            place: place[2] if place[0] in _UNIQUE else lru_cache(_MOST_VALUES)(place[2])
            for place in set(self._places.values())
        }
        self._form = lru_cache(_MOST_FORMS)(self._form_of)

    def read(self, delivery: RawDelivery) -> PlainReport | None:
        """Return what `read_delivery` makes of a plain report; None for anything else."""
        body = delivery.body
        if delivery.query or body[:1] != b"{" or body.find(b"{", 1) > 0 or len(body) > _LONGEST:
            return None
        try:
            fields = load_plain(body.decode())
        except UnicodeDecodeError:
            return None
        form = fields and self._form(tuple(fields))
        if not fields or not form:
            return None
        values: dict[str, Any] = {}
        extra: dict[str, str] = {}
        for (name, key, read), value in zip(form, fields.values(), strict=True):
            if value is None or value == "":
                continue
            known = read(value)
            if name is None:
                if known.strip():
                    extra[key] = known
            elif known is None or type(known) in _DOUBTFUL:
                return None
            else:
                values[name] = known
        return self._ended(values, extra)

    def _ended(self, values: dict[str, Any], extra: dict[str, str]) -> PlainReport | None:
        word = values.pop("status", None)
        status, answered, reason = meaning_of(word) if word else (None, None, None)
        provider_id, mid = values.get("provider_id"), values.get("mid")
        canonical = self._ids.canonical
        provider_id, mid = provider_id and canonical(provider_id), mid and canonical(mid)
        to = values.get("to")
        if status not in FINAL or not to or not (provider_id or mid):
            return None
        values |= {"status": status, "reason": reason}
        values |= {"provider_status": word, "answered": answered}
        if extra:
            values["extra"] = extra
        return PlainReport(values, provider_id, mid, to)

    def _form_of(self, keys: tuple[str, ...]) -> _Form | None:
        if len(keys) > _MOST_KEYS or has_paths(dict.fromkeys(keys)) or any(map(is_secret, keys)):
            return None
        places = [self._places.get(key) or self._places.get(plain(key)) for key in keys]
        form = tuple(
            (place[0], key, self._read[place])
            if place
            else (None, cut(clean(key), ID_LENGTH), self._shown)
            for place, key in zip(places, keys, strict=True)
        )
        filled = [name or key for name, key, _ in form]
        left = {key for name, key, _ in form if name is None}
        return form if len(set(filled)) == len(filled) and left.isdisjoint(EVENT_KEYS) else None
