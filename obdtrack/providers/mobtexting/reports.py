"""Reads what the provider sends into our words: reports, opt-outs, challenges, log entries."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from obdtrack.domain.facts import FACTS
from obdtrack.domain.phone import numbers_in
from obdtrack.domain.redaction import mask_all
from obdtrack.domain.reports import (
    Challenge,
    FoundCall,
    NotOurs,
    OptOut,
    RawDelivery,
    Reading,
    Report,
    Several,
    Unreadable,
)
from obdtrack.providers.mobtexting.bodies import NO_BODY, read_body, read_query
from obdtrack.providers.mobtexting.envelopes import CALL_ID, Fields, Place, dig, names_call
from obdtrack.providers.mobtexting.field_values import READERS, TIMES, read_money
from obdtrack.providers.mobtexting.lenient_json import load_json
from obdtrack.providers.mobtexting.text import ID_LENGTH, TEXT_LENGTH, clean, cut, scalar, shown
from obdtrack.providers.mobtexting.times import Floored, read_duration, read_time
from obdtrack.providers.mobtexting.vocabulary import (
    CALLED,
    IDENTITY,
    header_names,
    is_secret,
    meaning_of,
    other_product,
    path_names,
    places,
    plain,
)

__all__ = [
    "PayloadReader",
    "load_json",
    "read_call",
    "read_delivery",
    "read_duration",
    "read_money",
    "read_time",
]

# `voice:unsubscription`; other products of the platform have an event of the kind as well.
_OPT_OUT = re.compile(
    r"([\w*]+):(?:\w+:)*(?:un-?subscri|opt[-_ ]?out)\w*", re.ASCII | re.IGNORECASE
)
EVENT_KEYS = ("event", "envelope type", "envelope event_type", "event_type", "type")
_OPT_OUT_KEYS = frozenset({"receiver", "type", "value"})
# What else may be done with a subscription, `voice:resubscription` for one.
_SUBSCRIPTION = re.compile(r"[\w*]+:.*(?:subscri|opt[-_ ]?in)\w*", re.ASCII | re.IGNORECASE)
_OF_A_CALL = frozenset({*FACTS, "mid", "flow_id", "bridge"})
_INACTIVE = frozenset({"0", "false", "inactive"})
_JSON = "application/json"
_MOST_EXTRAS = 100
_MOST_KEYS_NAMED = 20
_SOURCE_STEP = 100


def _unread(_value: object) -> None:
    """Read nothing: the value stays under its own key."""


@dataclass(frozen=True, slots=True)
class PayloadReader:
    """How to read: the zone of times that carry none, the operator's own keys, the order of dates.

    `fields` is our name -> their key and wins over the built-in aliases; a key that starts with
    `header:` is looked up in the headers, and one with dots leads into objects (`result.state`).
    `date_order` is `dmy` or `mdy`, or None if dates like 04/09/2021 are to be left unread. Raises
    ConfigError for a name that is not ours.
    """

    timezone: ZoneInfo
    fields: Mapping[str, str] = field(default_factory=dict)
    date_order: str | None = None
    headers: tuple[str, ...] = field(init=False, repr=False, compare=False)
    paths: tuple[str, ...] = field(init=False, repr=False, compare=False)
    places: Mapping[str, Place] = field(init=False, repr=False, compare=False)

    def time(self, value: object) -> datetime | None:
        """Read a time as `read_time` does, by this reader's zone and order of dates."""
        return read_time(value, self.timezone, self.date_order)

    def __post_init__(self) -> None:
        readers = READERS | dict.fromkeys(TIMES, self.time)
        found = {
            key: (name, rank, readers[name]) for key, (name, rank) in places(self.fields).items()
        }
        object.__setattr__(self, "headers", header_names(self.fields))
        object.__setattr__(self, "paths", path_names(self.fields))
        object.__setattr__(self, "places", found)


_NOWHERE: Place = ("", 0, _unread)

_Claim = tuple[int, str, Any, Any]
"""A value that wants to fill a field: its rank, its key, as it came, as read."""


class _Gathered(NamedTuple):
    """Values read under our names, and what is left under theirs."""

    named: dict[str, Any]
    rest: dict[str, Any]


def read_delivery(delivery: RawDelivery, reader: PayloadReader) -> Reading:
    """Read one request that reached the callback.

    Never raises, whatever the bytes; the same request always gives the same reading. What cannot
    be used of a report stays, as text, in its `extra` under the provider's key; secrets do not.
    """
    sources, problem, parts = sources_of(delivery, reader)
    if parts:
        alone = [delivery._replace(body=part.encode(), content_type=_JSON) for part in parts]
        readings = [read_delivery(one, reader) for one in alone]
        nested = Unreadable("a list within a list")
        fitting = (nested if isinstance(one, Several) else one for one in readings)
        return Several(tuple(zip(alone, fitting, strict=True)))
    named, rest = _gather(sources, reader)
    if not rest.keys().isdisjoint(EVENT_KEYS) and (
        opt_out := _opt_out(named, rest, sources, reader)
    ):
        return opt_out
    if not named.keys().isdisjoint(IDENTITY):
        if problem:
            rest["(body)"] = problem
        return _report(named, rest)
    return _challenge(sources) or Unreadable(problem or _what_is_missing(sources))


def sources_of(
    delivery: RawDelivery, reader: PayloadReader
) -> tuple[list[Fields], str | None, tuple[str, ...]]:
    """Return all the fields of a request, the surest first, and what is wrong with its body.

    The surest are what the operator's paths lead to, then come body, query, configured headers.
    Last come the bodies of the requests that its body holds, if there are several.
    """
    query = read_query(delivery.query, reader.places) if delivery.query else NO_BODY
    outside = [*query.sources]
    if reader.headers:
        outside.append({k: delivery.headers[k] for k in reader.headers if k in delivery.headers})
    named = bool(outside and delivery.body) and names_call(outside, reader.places)
    body = read_body(delivery.body, delivery.content_type, reader.places, named=named)
    sources = [*body.sources, *outside]
    if reader.paths:
        found = [*sources, body.whole, query.whole]
        first: dict[str, object] = {}
        for path in reader.paths:
            ends = (dig(place, path) for place in found)
            first[path] = next((end for end in ends if end is not None), None)
        sources.insert(0, first)
    return sources, body.problem, body.parts


def read_call(entry: object, reader: PayloadReader) -> FoundCall | None:
    """Read one entry of the provider's call log, as of 2019 or of 2024.

    None if it is no mapping with an id or a number. What is no fact about the call's attempts
    stands beside the report.
    """
    if not isinstance(entry, Mapping):
        return None
    named, rest = _gather((entry,), reader)
    if named.keys().isdisjoint(IDENTITY):
        return None
    key = "created_at" if rest.get("created_at") else "submitted_at"
    created_at = reader.time(rest.get(key))
    if created_at is not None:
        del rest[key]
    audio, name = scalar(rest.get("audio")), scalar(rest.get("name"))
    return FoundCall(_report(named, rest), created_at, audio, name)


def _gather(sources: Sequence[Fields], reader: PayloadReader) -> _Gathered:
    """Sort values into ours and the rest; earlier sources and better keys win.

    Values are read before they compete, so that one which cannot be used hides no other.
    """
    best: dict[str, _Claim] = {}
    rest: dict[str, Any] = {}
    find = reader.places.get
    for number, fields in enumerate(sources):
        for key, value in fields.items():
            if value is None or value == "":
                continue
            name, rank, read_value = find(key) or find(plain(key)) or _NOWHERE
            read = read_value(value)
            if read is None:
                _keep(rest, key, value)
                continue
            claim = (rank + number * _SOURCE_STEP, key, value, read)
            if best.setdefault(name, claim) is not claim:
                _compete(best, rest, name, claim)
    named = {name: claim[3] for name, claim in best.items()}
    if type(named.get("duration_seconds")) is Floored:  # what was cut off stays to be seen
        _, key, value, seconds = best["duration_seconds"]
        named["duration_seconds"] = int(seconds)
        _keep(rest, key, value)
    return _Gathered(named, rest)


def _compete(best: dict[str, _Claim], rest: dict[str, Any], name: str, claim: _Claim) -> None:
    winner, loser = sorted((best[name], claim), key=itemgetter(0))
    best[name] = winner
    if loser[3] != winner[3]:
        _keep(rest, loser[1], loser[2])


def _keep(rest: dict[str, Any], key: str, value: object) -> None:
    if rest.setdefault(key, value) != value:
        rest.setdefault(f"{key} (again)", value)


def _report(named: dict[str, Any], rest: Mapping[str, Any]) -> Report:
    word = named.pop("status", None)
    status, answered, reason = meaning_of(word) if word else (None, None, None)
    # The numbers that stand, listed or masked, where the called number should.
    numbers = (
        ()
        if "to" in named
        else (numbers_in(value) for key, value in rest.items() if plain(key) in CALLED)
    )
    return Report(
        **named,
        status=status,
        answered=answered,
        reason=reason,
        provider_status=word,
        numbers=next(filter(None, numbers), None),
        extra=_extra(rest),
    )


def _extra(rest: Mapping[str, Any]) -> dict[str, str]:
    """Return what has no name of ours as bounded text, without secrets and blanks."""
    texts = ((key, shown(value)) for key, value in rest.items() if not is_secret(key))
    kept = [(cut(clean(key), ID_LENGTH), text) for key, text in texts if text.strip()]
    extra = dict(kept[:_MOST_EXTRAS])
    if len(kept) > _MOST_EXTRAS:
        extra["(more)"] = f"{len(kept) - _MOST_EXTRAS} fields left out"
    return extra


def _opt_out(
    named: dict[str, Any], rest: Mapping[str, Any], sources: Sequence[Fields], reader: PayloadReader
) -> OptOut | NotOurs | None:
    """Read an opt-out, by its event's name or by its shape; None if it is none.

    A report that is composed of the same keys says something of a call. The event names a product,
    as the `value` does where the `type` is one. Whoever wants no text messages may still be called.
    A `value` that we do not know as a product's is taken for ours: one call too few is the smaller
    fault.
    """
    events = [scalar(rest.get(key)) or "" for key in EVENT_KEYS]
    event = next(filter(None, map(_OPT_OUT.fullmatch, events)), None)
    if event is None:
        if other := next(filter(_SUBSCRIPTION.fullmatch, events), None):
            return NotOurs(f"{cut(mask_all(other), 40)}, which is no opt-out")
        shaped = any(fields.keys() >= _OPT_OUT_KEYS for fields in sources)
        if not shaped or is_of_a_call(named):
            return None
    if str(named.get("status", rest.get("status"))).lower() in _INACTIVE:
        return NotOurs("an opt-out that is not active")
    product = other_product(event[1] if event else None, rest.get("type"), rest.get("value"))
    if product is not None:
        return NotOurs(f"an opt-out of {cut(mask_all(product), 40)}, not of calls")
    created_at = reader.time(rest.get("created_at"))
    return OptOut(named.get("to"), created_at or named.get("reported_at"))


def is_of_a_call(named: Mapping[str, Any]) -> bool:
    """Whether values under our names tell of one call, and not of a number only."""
    status, provider_id = named.get("status"), named.get("provider_id", "")
    told = not _OF_A_CALL.isdisjoint(named) or (status and meaning_of(status).status)
    return bool(told or CALL_ID.fullmatch(provider_id))


def _challenge(sources: Iterable[Fields]) -> Challenge | None:
    given = ChainMap(*map(dict, sources))
    challenge = given.get("challenge")
    if not isinstance(challenge, str) or not 0 < len(challenge) <= TEXT_LENGTH:
        return None
    return Challenge(clean(challenge), scalar(given.get("validation_key") or given.get("token")))


def _what_is_missing(sources: Sequence[Fields]) -> str:
    if not sources:
        return "empty request"
    keys = list(dict.fromkeys(key for fields in sources for key in fields))[:_MOST_KEYS_NAMED]
    named = ", ".join(cut(clean(mask_all(key)), 40) for key in keys)
    return f"no call id, mid or number in it; keys seen: {named or 'none'}"
