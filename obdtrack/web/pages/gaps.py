"""A timeline as lines to read, with the gaps between them named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from obdtrack.domain.timeline import Entry
from obdtrack.web.pages.privacy import hide
from obdtrack.web.pages.story import length

_WORTH_NAMING = timedelta(seconds=60)
_SHOWN_ELSEWHERE = frozenset({"started_at", "ended_at", "answered", "recording_url", "extra"})
_LABELS = {
    "provider_status": "provider's word",
    "duration_seconds": "duration in seconds",
    "provider_id": "provider's id",
    "http_status": "HTTP status",
    "hangup_by": "hung up by",
    "dtmf": "keys pressed",
}


class Line(NamedTuple):
    """One event in the list: `gap` is how long nothing happened before it, if that was long."""

    number: int
    entry: Entry
    gap: str | None
    changed: bool
    facts: list[tuple[str, str]]


def list_lines(entries: Sequence[Entry]) -> list[Line]:
    """Give the events as numbered lines."""
    lines: list[Line] = []
    before = None
    for number, entry in enumerate(entries, start=1):
        now = entry.event.recorded_at
        quiet = now - before if before is not None else timedelta(0)
        gap = length(quiet.total_seconds()) if quiet >= _WORTH_NAMING else None
        changed = entry.before != entry.after
        lines.append(Line(number, entry, gap, changed, facts(entry.event.detail)))
        before = now
    return lines


def facts(detail: Any) -> list[tuple[str, str]]:
    """Give a detail as names and texts to read, with what looks like a number masked."""
    told = [
        (_LABELS.get(name, name.replace("_", " ")), _text(value))
        for name, value in detail.items()
        if name not in _SHOWN_ELSEWHERE and value not in (None, "", [], {})
    ]
    return [(name, hide(text)) for name, text in told]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_text(v)}" for k, v in value.items() if v)
    return str(value)
