"""Where the parts of a call's timeline stand when it is drawn to scale.

Lengths of time in which nothing happened are cut short, and the cut says how long it was: a call of
twenty seconds beside a poll a quarter of an hour later would otherwise be a dot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from obdtrack.domain.event import Event
from obdtrack.domain.fold import Attempt
from obdtrack.domain.status import Kind, Source
from obdtrack.domain.timeline import Entry
from obdtrack.web.pages.story import kind_text, length

WIDTH = 960.0
_LEFT, _RIGHT = 14.0, 14.0
_CUT = 54.0
_LONGEST = timedelta(seconds=25)
_MARK = 19.0
_TICK = 88.0
_LETTER = 6.2


class Stretch(NamedTuple):
    """Ringing or talk of one attempt, from `x` on."""

    attempt: int
    kind: str
    x: float
    width: float
    text: str
    title: str


class Mark(NamedTuple):
    """A point of the timeline: the number of its event in the list, and its kind."""

    number: int
    kind: str
    x: float
    row: int
    title: str
    conflict: bool


class Cut(NamedTuple):
    """A length of time left out, with its name."""

    x: float
    width: float
    text: str


class Tick(NamedTuple):
    """A moment on the axis."""

    x: float
    moment: datetime


class Drawing(NamedTuple):
    """Everything of the picture; `rows` is how many rows of marks stand on each other."""

    stretches: list[Stretch]
    marks: list[Mark]
    cuts: list[Cut]
    ticks: list[Tick]
    rows: int
    width: float = WIDTH

    @property
    def tells_something(self) -> bool:
        """Whether there is more to see than one moment."""
        return bool(self.stretches) or len({mark.x for mark in self.marks}) > 1


class Phase(NamedTuple):
    """Some seconds of an attempt that are known to be ringing, talk, or one or the other."""

    attempt: int
    kind: str
    start: datetime
    end: datetime


def phases(attempt: Attempt, asked_at: datetime | None = None) -> list[Phase]:
    """Give what is known of ringing and talking.

    The provider's duration can be longer than from start to end: then it includes the ringing,
    which began so much before, though not before we had `asked_at` for the call. An attempt that
    nobody answered rang from start to end.
    """
    start, end = attempt.started_at, attempt.ended_at
    if start is None or end is None or end < start:
        return []
    if not attempt.answered:
        return [Phase(attempt.number, "ring", start, end)]
    extra = timedelta(seconds=attempt.duration_seconds or 0) - (end - start)
    found = [Phase(attempt.number, "talk", start, end)]
    if timedelta(0) < extra < timedelta(minutes=5):
        begun = max(start - extra, min(asked_at or start - extra, start))
        found.insert(0, Phase(attempt.number, "ring", begun, start))
    return found


def draw(entries: Sequence[Entry], attempts: Sequence[Attempt]) -> Drawing:
    """Place a call's events and its attempts."""
    moments = [entry.event.recorded_at for entry in entries]
    asked_at = min(moments, default=None)
    spans = [phase for attempt in attempts for phase in phases(attempt, asked_at)]
    edges = sorted({*moments, *(p.start for p in spans), *(p.end for p in spans)})
    scale = _Scale(edges, spans)
    marks = _marks(entries, scale)
    return Drawing(
        stretches=[_stretch(phase, scale, many=len(attempts) > 1) for phase in spans],
        marks=marks,
        cuts=scale.cuts,
        ticks=_ticks(edges, scale),
        rows=1 + max((mark.row for mark in marks), default=0),
    )


class _Scale:
    """Time to x: the same everywhere, except where nothing happened for long."""

    def __init__(self, edges: Sequence[datetime], spans: Sequence[Phase]) -> None:
        self._edges = edges
        self._gaps = [
            (a, b)
            for a, b in pairwise(edges)
            if b - a > _LONGEST and not any(p.start <= a and b <= p.end for p in spans)
        ]
        drawn = sum(((b - a) for a, b in pairwise(edges)), timedelta())
        drawn -= sum(((b - a) for a, b in self._gaps), timedelta())
        room = WIDTH - _LEFT - _RIGHT
        self._cut = min(_CUT, room * 0.6 / max(len(self._gaps), 1))
        left = room - self._cut * len(self._gaps)
        self._per_second = left / max(drawn.total_seconds(), 1)

    def x(self, moment: datetime) -> float:
        if not self._edges:
            return _LEFT
        gone = moment - self._edges[0]
        cuts = [(a, b) for a, b in self._gaps if b <= moment]
        gone -= sum(((b - a) for a, b in cuts), timedelta())
        return round(_LEFT + gone.total_seconds() * self._per_second + self._cut * len(cuts), 1)

    @property
    def cuts(self) -> list[Cut]:
        return [
            Cut(self.x(a), round(self._cut, 1), length((b - a).total_seconds()))
            for a, b in self._gaps
        ]


def _stretch(phase: Phase, scale: _Scale, *, many: bool) -> Stretch:
    x = scale.x(phase.start)
    wide = max(scale.x(phase.end) - x, 3.0)
    lasted = length((phase.end - phase.start).total_seconds())
    word = {"ring": "ringing", "talk": "on the phone"}[phase.kind]
    texts = (f"attempt {phase.attempt}: {word} {lasted}", f"{word} {lasted}", lasted)
    fitting = (text for text in texts[0 if many else 1 :] if len(text) * _LETTER + 4 <= wide)
    text = next(fitting, "")
    title = f"Attempt {phase.attempt}: {word} for {lasted}"
    return Stretch(phase.attempt, phase.kind, x, round(wide, 1), text, title)


def _marks(entries: Sequence[Entry], scale: _Scale) -> list[Mark]:
    ends: list[float] = []
    marks: list[Mark] = []
    for number, entry in enumerate(entries, start=1):
        x = scale.x(entry.event.recorded_at)
        row = next((i for i, end in enumerate(ends) if x - end >= _MARK), len(ends))
        ends[row : row + 1] = [x]
        title = f"{number}: {kind_text(entry.event)}{', in conflict' if entry.conflict else ''}"
        marks.append(Mark(number, mark_kind(entry.event), x, row, title, entry.conflict))
    return marks


def mark_kind(event: Event) -> str:
    """Give which of the four kinds of marks stands for an event."""
    if event.kind in (Kind.SUBMISSION, Kind.ANSWER):
        return "request"
    if event.source is Source.PERSON:
        return "person"
    if event.source is Source.POLL or event.kind is Kind.CHECK:
        return "poll"
    return "report" if event.kind is Kind.REPORT else "system"


def _ticks(edges: Sequence[datetime], scale: _Scale) -> list[Tick]:
    ticks: list[Tick] = []
    for edge in edges:
        x, second = scale.x(edge), edge.replace(microsecond=0)
        if not ticks or (x - ticks[-1].x >= _TICK and second != ticks[-1].moment):
            ticks.append(Tick(x, second))
    return ticks
