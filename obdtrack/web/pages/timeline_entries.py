"""A timeline as lines to read, with the gaps between them named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from obdtrack.domain.facts import FACTS, CallFacts, FactKind
from obdtrack.domain.redaction import hide
from obdtrack.domain.reports import MOMENTS
from obdtrack.domain.status import Status
from obdtrack.domain.timeline import TimelineEntry, build_changes
from obdtrack.domain.times import to_text
from obdtrack.web.pages.clocks import length
from obdtrack.web.pages.language import N_
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.template_helpers import money

_WORTH_NAMING = timedelta(seconds=60)
_SHOWN_ELSEWHERE = {"extra", *(name for name, fact in FACTS.items() if fact.label is None)}
_LABELS = {
    **{name: fact.label for name, fact in FACTS.items() if fact.label},
    "provider_id": N_("provider's id"),
    "http_status": N_("HTTP status"),
    "found": N_("calls found"),
    "by": N_("by"),
    "bridge": N_("bridge"),
    "caller": N_("caller"),
    "flow_id": N_("flow id"),
    "audio": N_("audio"),
    "interval": N_("minutes between dials"),
    "call_type": N_("call type"),
    "provider_message": N_("provider's message"),
    "webhook_id": N_("webhook id"),
    "note": N_("note"),
    "delivery": N_("delivery"),
    "created_after": N_("created after"),
    "created_before": N_("created before"),
    "looked_for": N_("looked for"),
    "replaced_by": N_("placed again as"),
    "candidates": N_("possible matches"),
    "another_call_in_doubt": N_("left to a person"),
}
_SENTENCES: dict[str, Callable[[Any], str]] = {
    "looked_for": lambda wanted: _(
        "an unclaimed call to this number, as we asked for it where the provider's log says how"
    ),
    "candidates": lambda found: "; ".join(map(_candidate, found)) or _("none"),
    "another_call_in_doubt": lambda doubt: (
        _("it may be another call to this number, whose id is not known or not listed")
        if doubt
        else ""
    ),
}
"""How facts are said whose bare value would read like code; an empty sentence is left out."""

_FIRST = {"looked_for": 0, "created_after": 1, "created_before": 2}


class TimelineLine(NamedTuple):
    """One event in the list, and the call's status before and after it.

    `gap` is how long nothing happened before it, if that was long.
    """

    number: int
    entry: TimelineEntry
    gap: str | None
    before: Status | None
    after: Status
    facts: list[tuple[str, str]]


def list_lines(
    entries: Sequence[TimelineEntry],
    interval: int = 0,
    show: Callable[[str], str] = hide,
    since: int = 0,
) -> list[TimelineLine]:
    """Return all events of a call but the first `since` as numbered lines.

    `show` masks what the reader may not see.
    """
    lines: list[TimelineLine] = []
    last = entries[since - 1].event.recorded_at if since else None
    changes = build_changes((entry.event for entry in entries), interval, since)
    for entry, (event, before, after) in zip(entries[since:], changes, strict=True):
        now = event.recorded_at
        quiet = now - last if last is not None else timedelta(0)
        gap = length(quiet.total_seconds()) if quiet >= _WORTH_NAMING else None
        said = facts(event.detail, show)
        lines.append(TimelineLine(entry.number, entry, gap, before, after, said))
        last = now
    return lines


def facts(detail: Any, show: Callable[[str], str] = hide) -> list[tuple[str, str]]:
    """Return a detail as names and texts to read, with what looks like a number masked.

    Of `extra`, which the raw report shows, only the times that cannot be the call's are named.
    """
    extra = detail.get("extra", {})
    disbelieved = {_("%(name)s (not believed)", name=n): extra[n] for n in MOMENTS if n in extra}
    detail = {**detail, **disbelieved}
    shown = (
        (_(_LABELS.get(name, name.replace("_", " "))), _SENTENCES.get(name, _text)(value))
        for name, value in sorted(detail.items(), key=lambda fact: _FIRST.get(fact[0], len(_FIRST)))
        if name not in _SHOWN_ELSEWHERE and value not in (None, "", {})
    )
    return [(name, show(text)) for name, text in shown if text]


def titled_facts(facts: CallFacts) -> tuple[tuple[str, str], ...]:
    """Return the facts of a call that its page lists, as titles and texts to read."""
    return tuple(
        (_(fact.title), _(fact.unit, value=said) if fact.unit else said)
        for name, fact in FACTS.items()
        if fact.title and (value := getattr(facts, name)) is not None
        for said in [money(value) if fact.kind is FactKind.MONEY else _text(value)]
    )


def _candidate(found: Any) -> str:
    said = str(found.get("provider_id"))
    if word := found.get("provider_status"):
        said += f", “{word}”"
    if created := found.get("created_at"):
        said = _("%(call)s, created %(when)s", call=said, when=created)
    if doubt := found.get("doubt"):
        said = _("%(call)s (not certain: %(doubt)s)", call=said, doubt=doubt)
    return said


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return "; ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in value.items() if v)
    return str(value)
