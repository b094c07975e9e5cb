"""Opens what is wrapped around a report: objects in objects, and the forms that write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from obdtrack.domain.strict_json import MAX_DEPTH
from obdtrack.providers.mobtexting.lenient_json import BLANK, load_texts
from obdtrack.providers.mobtexting.vocabulary import IDENTITY, meaning_of, plain

Fields = Mapping[str, Any]
"""Values by the provider's keys."""

Place = tuple[str, int, Callable[[object], object]]
"""Where a key's value goes: our field, the key's rank, and how the value is read."""

Places = Mapping[str, Place]
"""Key -> its place, for keys as they are written and as `plain` makes them."""

# Only `payload` is documented, and always an envelope; the others are where they hold a call.
_WRAPPERS = ("payload", "data", "json", "body")
_KEPT = frozenset({"event", "mid", "to"})
"""Keys that mean the same beside a report as inside of it."""

_FACTS = frozenset({"status", "started_at", "ended_at", "duration_seconds", "billable_seconds",
                    "dtmf", "hangup_by", "recording_url"})  # fmt: skip
_OUTCOME = frozenset({"status", "started_at", "ended_at", "duration_seconds"})
"""What an object under any key must hold to be a report, and not an agent or a contact."""
_OPT_OUT_KEY = "receiver"
_MOST_LAYERS = 4
CALL_ID = re.compile("[0-9a-fA-F-]{32,36}:[0-9]+")
_STEPS = re.compile(r"[^\[\].]+")


def has_paths(fields: Fields) -> bool:
    """Whether keys are written as paths: `data[id]`, `data.id`."""
    keys = "\n".join(fields)
    return "[" in keys or "." in keys


def nested(fields: Fields) -> dict[str, Any]:
    """Return `data[id]=1`, `data.id=1` or `data[0][id]=1` as the object within an object it is."""
    found: dict[str, Any] = {}
    for key, value in fields.items():
        steps = _STEPS.findall(key) or [key]
        *way, last = steps if len(steps) <= MAX_DEPTH else [key]
        place: Any = found
        for step in way:
            place = place.setdefault(step, {}) if isinstance(place, dict) else None
        if isinstance(place, dict) and last not in place:
            place[last] = value
        else:  # `data=1&data[id]=2`: the key stands for itself
            found[key] = value
    return {key: _listless(value) for key, value in found.items()}


def _listless(value: object) -> object:
    """Return an object for a list of one: `{"0": …}` is how PHP writes it."""
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and "0" in value:
        return _listless(value["0"])
    return {key: _listless(inner) for key, inner in value.items()}


class Around(NamedTuple):
    """What is known of a request before its envelope is opened.

    `documented` says that this may be an envelope of the provider's documentation, a JSON object:
    its `payload` then is one whatever stands beside it. `named` says that the call is named
    elsewhere in the request, so that an object inside need not be it.
    """

    documented: bool = True
    named: bool = False


def opened(fields: Fields, places: Places, around: Around) -> tuple[Fields, ...]:
    """Return what an envelope holds, then the envelope's own fields under names of their own.

    Without an envelope that is the fields alone. An envelope's `id` is that of an event, not of a
    call, and must not be taken for one, unless it is shaped as a call's and there is none inside.
    """
    outer: list[Fields] = []
    for _ in range(_MOST_LAYERS):
        found = _documented(fields, places) if around.documented else None
        found = found or _wrapped(fields, places, around.named)
        if found is None:
            break
        wrapper, inner = found
        rest = _without(fields, wrapper)
        if names_call((inner,), places) or not _is_certain(rest, places):
            rest = {key if key in _KEPT else f"envelope {key}": rest[key] for key in rest}
        outer.append(rest)
        fields = inner
    return (fields, *reversed(outer))


def entries(value: object, places: Places, around: Around) -> list[object]:
    """Return the requests that a list holds, in an envelope or not; none if `value` is no such.

    Some entry must name a call: pieces of one report may be a list as well. Each entry comes with
    the fields of the envelope that its list stood in.
    """
    found: list[object] = []
    if isinstance(value, list):
        found = value
    elif isinstance(value, dict):
        lists = (key for key in _WRAPPERS if isinstance(value.get(key), list))
        key = next(lists, None)
        if key is not None and not names_call((_without(value, key),), places):
            found = [{**value, key: entry} for entry in value[key]]
    inner = (fields for entry in found if (fields := _inner(entry)) is not None)
    named = (names_call(opened(fields, places, around), places) for fields in inner)
    return found if len(found) > 1 and any(named) else []


def dig(value: object, path: str) -> object:
    """Return what stands at `result.state` (or `result[state]`); None where nothing does."""
    for step in _STEPS.findall(path):
        value = one(value)
        if not isinstance(value, Mapping):
            return None
        value = next((inner for key, inner in value.items() if plain(key) == plain(step)), None)
    return value


def one(value: object) -> object:
    """Return what a list of one holds, and every other value as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _documented(fields: Fields, places: Places) -> tuple[str, Fields] | None:
    """Return what stands under `payload`, unless it names no call and a report stands beside it."""
    inner = _inner(fields.get(_WRAPPERS[0]))
    if inner is None:
        return None
    outer = _without(fields, _WRAPPERS[0])
    if "challenge" in inner or names_call((inner,), places) or not names_call((outer,), places):
        return _WRAPPERS[0], inner
    own = _facts(outer, places) or _is_certain(outer, places)
    return None if own and not _facts(inner, places) else (_WRAPPERS[0], inner)


def _wrapped(fields: Fields, places: Places, named: bool) -> tuple[str, Fields] | None:
    """Return the key that the report stands under, and the report; None if `fields` are it."""
    if len(fields) == 1 and (key := next(iter(fields))) in _WRAPPERS:
        return None if (inner := _inner(fields[key])) is None else (key, inner)
    if "challenge" in fields or not (found := list(_reports_in(fields, places, named))):
        return None
    usual = [(key, inner) for key, inner in found if key in _WRAPPERS]
    candidates = usual if usual or named else found
    if len(candidates) != 1:
        return None
    wrapper, inner = candidates[0]
    outer = _without(fields, wrapper)
    return None if _is_report(outer, inner, places, named) else candidates[0]


def _reports_in(fields: Fields, places: Places, named: bool) -> Iterator[tuple[str, Fields]]:
    """Return every nested object that tells of a call: it names one, and says something of it.

    Under a usual key one of both is enough, if the call is named around it.
    """
    for key, value in fields.items():
        inner = _inner(value)
        if inner is None:
            continue
        names = _names(inner, places)
        says = bool(names & _OUTCOME) or _OPT_OUT_KEY in inner
        if names.isdisjoint(IDENTITY):
            usual = key in _WRAPPERS and says
            found = usual and (named or _is_certain(_without(fields, key), places))
        else:
            found = says or key in _WRAPPERS
        if found:
            yield key, inner


def _without(fields: Fields, wrapper: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != wrapper}


def _is_report(outer: Fields, inner: Fields, places: Places, named: bool) -> bool:
    """Whether the fields around a nested report are themselves the report of a call.

    They are if they name a call for certain, by the operator's key or an id shaped as a call's, or
    if the facts stand among them. An id alone, beside the object that holds them, is an event's.
    """
    if any(place[1] < 0 for place, _ in _placed(outer, places)):
        return True
    if not named and not names_call((outer,), places):
        return False
    names = _names(inner, places)
    certain = _is_certain(outer, places) and not names.isdisjoint(IDENTITY)
    return certain or bool(_facts(outer, places)) or names.isdisjoint(_FACTS)


def _facts(fields: Fields, places: Places) -> set[str]:
    """Return which facts of a call stand here; `OK` and the like say how the sending went."""
    said = {place[0]: value for place, value in _placed(fields, places)}
    facts = said.keys() & _FACTS
    word = str(said.get("status", ""))
    return facts if meaning_of(word).status else facts - {"status"}


def _is_certain(fields: Fields, places: Places) -> bool:
    """Whether a call is named for certain: by an id of its shape, or by submission and number."""
    said = [(place[0], str(value)) for place, value in _placed(fields, places)]
    names = {name for name, _ in said}
    ids = (value for name, value in said if name == "provider_id")
    return {"mid", "to"} <= names or any(map(CALL_ID.fullmatch, ids))


def names_call(sources: Iterable[Fields], places: Places) -> bool:
    """Whether any of these fields can tell which call a request is about."""
    return any(not _names(fields, places).isdisjoint(IDENTITY) for fields in sources)


def _names(fields: Fields, places: Places) -> set[str]:
    return {place[0] for place, _ in _placed(fields, places)}


def _placed(fields: Fields, places: Places) -> Iterator[tuple[Place, object]]:
    """Return the place and the value of every field that can be read as one of ours."""
    for key, value in fields.items():
        place = places.get(key) or places.get(plain(key))
        if place and value is not None and place[2](value) is not None:
            yield place, value


def _inner(value: object) -> Fields | None:
    if isinstance(value, str):
        if value.lstrip(BLANK)[:1] not in ("{", "[", '"'):
            return None
        try:
            value = load_texts(value.strip(BLANK))
        except ValueError:
            return None
    value = one(value)
    return value if isinstance(value, dict) else None
