"""Where the parts of a call's timeline stand when it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.events import Event
from obdtrack.domain.fold import Attempt
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.timeline import TimelineEntry
from obdtrack.web.pages.clocks import Clock, length
from obdtrack.web.pages.provenance import ringing
from obdtrack.web.pages.summary import kind_text
from obdtrack.web.pages.time_scale import LETTER, Cut, lay_out

WIDTHS = {"wide": 960.0, "middle": 600.0, "narrow": 300.0}
"""How wide a drawing is on a screen, on paper or a tablet, and on a telephone."""

_MARK = 19.0
_SMALL_LETTER = 6.2
_BETWEEN_TICKS = 10.0
_SECOND = timedelta(seconds=1)


class Stretch(NamedTuple):
    """A phase of one attempt, from `x` on; `word` says which."""

    attempt: int
    kind: str
    word: str
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


class Tick(NamedTuple):
    """A moment written below the axis, its middle at `x`."""

    x: float
    text: str
    right: float


class Drawing(NamedTuple):
    """Everything of the picture; `rows` is how many rows of marks stand on each other.

    `lasts` is how long it is from the first moment to the last, in words.
    """

    stretches: list[Stretch]
    marks: list[Mark]
    cuts: list[Cut]
    ticks: list[Tick]
    rows: int
    width: float
    lasts: str

    @property
    def tells_something(self) -> bool:
        """Whether there is more to see than a request and what came back."""
        apart = len({mark.x for mark in self.marks}) > 1
        return bool(self.stretches) or (apart and any(m.kind != "request" for m in self.marks))

    @property
    def words(self) -> dict[str, str]:
        """Return the phases that are drawn, and the kind of each."""
        return {stretch.word: stretch.kind for stretch in self.stretches}


class Phase(NamedTuple):
    """A part of an attempt, drawn from `start` to `end`; `lasted` is how long it is said to be."""

    attempt: int
    kind: str
    word: str
    start: datetime
    end: datetime
    lasted: timedelta


def phases(attempt: Attempt, asked_at: datetime) -> list[Phase]:
    """Return what is known of an attempt: the call, start to end, and ringing before it.

    The provider reports whole seconds: a start less than one before our request is taken for the
    time of the request. What has no length is left out.
    """
    number, start, end = attempt.number, attempt.started_at, attempt.ended_at
    if start is None or end is None:
        return []
    rang = ringing(attempt, asked_at)
    begun = asked_at if timedelta(0) < asked_at - start < _SECOND else start
    kind, word = ("talk", "call") if attempt.answered else ("ring", _word(attempt))
    found = [
        Phase(number, "ring", "ringing", start - rang, start, rang),
        Phase(number, kind, word, begun, end, end - start),
    ]
    return [phase for phase in found if phase.start < phase.end]


def _word(attempt: Attempt) -> str:
    return "ringing" if attempt.status is Status.NO_ANSWER else "dialling"


def draw(
    entries: Sequence[TimelineEntry], attempts: Sequence[Attempt], clock: Clock, width: float
) -> Drawing:
    """Place a call's events (there is one at least) and its attempts."""
    moments = [entry.event.recorded_at for entry in entries]
    spans = [phase for attempt in attempts for phase in phases(attempt, min(moments))]
    edges = sorted({*moments, *(p.start for p in spans), *(p.end for p in spans)})
    scale = lay_out(edges, [(phase.start, phase.end) for phase in spans], width)
    marks = _marks(entries, scale.places)
    return Drawing(
        stretches=[_stretch(phase, scale.places, many=len(attempts) > 1) for phase in spans],
        marks=marks,
        cuts=scale.cuts,
        ticks=_ticks(scale.places, clock, width),
        rows=1 + max(mark.row for mark in marks),
        width=width,
        lasts=length((edges[-1] - edges[0]).total_seconds()),
    )


def _stretch(phase: Phase, places: dict[datetime, float], *, many: bool) -> Stretch:
    x = places[phase.start]
    wide = max(places[phase.end] - x, 3.0)
    number, word, lasted = phase.attempt, phase.word, length(phase.lasted.total_seconds())
    which = f"{number}: " if many else ""
    texts = (f"{'attempt ' if many else ''}{which}{word} {lasted}",
             f"{which}{word} {lasted}", f"{which}{lasted}")  # fmt: skip
    text = next((text for text in texts if len(text) * _SMALL_LETTER + 4 <= wide), "")
    title = f"Attempt {number}: {word} for {lasted}"
    return Stretch(number, phase.kind, word, x, round(wide, 1), text, title)


def _marks(entries: Sequence[TimelineEntry], places: dict[datetime, float]) -> list[Mark]:
    ends: list[float] = []
    marks: list[Mark] = []
    for number, entry in enumerate(entries, start=1):
        x = places[entry.event.recorded_at]
        row = next((i for i, end in enumerate(ends) if x - end >= _MARK), len(ends))
        ends[row : row + 1] = [x]
        title = f"{number}: {kind_text(entry.event)}{', in conflict' if entry.conflict else ''}"
        marks.append(Mark(number, mark_kind(entry.event), x, row, title, entry.conflict))
    return marks


def mark_kind(event: Event) -> str:
    """Return which of the four kinds of marks stands for an event."""
    if event.kind in (Kind.SUBMISSION, Kind.ANSWER):
        return "request"
    if event.source is Source.PERSON:
        return "person"
    if event.source is Source.POLL or event.kind is Kind.CHECK:
        return "poll"
    return "report" if event.kind is Kind.REPORT else "system"


def _ticks(places: dict[datetime, float], clock: Clock, width: float) -> list[Tick]:
    """Write as many moments as there is room for; the day with them where there are several."""
    days = [clock.day(moment) for moment in places]
    many, told = len(set(days)) > 1, ""
    ticks: list[Tick] = []
    for (moment, x), day in zip(places.items(), days, strict=True):
        text = f"{day} {clock.time(moment)}" if many and day != told else clock.time(moment)
        half = len(text) * LETTER / 2
        middle = round(min(max(x, half + 2), width - half - 2), 1)
        free = not ticks or middle - half >= ticks[-1].right + _BETWEEN_TICKS
        if free and text not in (tick.text for tick in ticks[-1:]):
            ticks.append(Tick(middle, text, middle + half))
            told = day
    return ticks
