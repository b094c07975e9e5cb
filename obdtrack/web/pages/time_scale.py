"""Moments of a call to places on a line: to scale, except where nothing happened for long.

Such a time is cut out, and the cut says how long it was: a call of twenty seconds beside a poll a
quarter of an hour later would otherwise be a dot. What the scale leaves free goes to the cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from obdtrack.web.pages.clocks import length

MARGIN = 14.0
LETTER = 7.0
"""How wide a letter of a label is at most."""

_LONGEST = timedelta(seconds=25)
_SLASHES = 34.0
_SHARE_OF_CUTS = 0.7
_WIDEST_SECOND = 40.0


class Cut(NamedTuple):
    """A length of time left out, with its name; `text` is empty where there is no room for it."""

    x: float
    width: float
    text: str
    title: str


class Scale(NamedTuple):
    """Where each moment stands, and what was cut out between them."""

    places: dict[datetime, float]
    cuts: list[Cut]


def lay_out(
    edges: Sequence[datetime], spans: Sequence[tuple[datetime, datetime]], width: float
) -> Scale:
    """Place `edges`, which are in order, on a line of this width; within `spans` nothing is cut."""
    steps = list(pairwise(edges))
    quiet = {step for step in steps if step[1] - step[0] > _LONGEST and not _within(step, spans)}
    lengths = {step: length((step[1] - step[0]).total_seconds()) for step in quiet}
    seconds = sum((b - a).total_seconds() for a, b in steps if (a, b) not in quiet)
    wide = _widths(lengths, seconds, width - 2 * MARGIN)
    per_second = _per_second(seconds, width - 2 * MARGIN - sum(wide.values()), cut=bool(quiet))
    spare = width - 2 * MARGIN - sum(wide.values()) - seconds * per_second
    x, places, cuts = MARGIN, dict.fromkeys(edges[:1], MARGIN), []
    for a, b in steps:
        if (a, b) in quiet:
            here, text = wide[a, b] + spare / len(quiet), lengths[a, b]
            fits = len(text) * LETTER + _SLASHES <= here
            cuts.append(Cut(round(x, 1), round(here, 1), text if fits else "", text))
        else:
            here = (b - a).total_seconds() * per_second
        x += here
        places[b] = round(x, 1)
    return Scale(places, cuts)


def _within(step: tuple[datetime, datetime], spans: Sequence[tuple[datetime, datetime]]) -> bool:
    return any(start <= step[0] and step[1] <= end for start, end in spans)


def _widths(
    lengths: dict[tuple[datetime, datetime], str], seconds: float, room: float
) -> dict[tuple[datetime, datetime], float]:
    """Return each cut the room its name needs, or less if there are too many."""
    wanted = {step: len(text) * LETTER + _SLASHES for step, text in lengths.items()}
    most = room * (_SHARE_OF_CUTS if seconds else 1)
    squeezed = min(1, most / max(sum(wanted.values()), 1))
    return {step: wide * squeezed for step, wide in wanted.items()}


def _per_second(seconds: float, room: float, *, cut: bool) -> float:
    fitting = room / seconds if seconds else 0.0
    return min(fitting, _WIDEST_SECOND) if cut else fitting
