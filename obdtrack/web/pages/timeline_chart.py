"""Where the parts of a call's timeline are drawn: to scale, except where nothing happened for long.

Such a time is cut out, and the cut says how long it was: a call of twenty seconds beside a poll a
quarter of an hour later would otherwise be a dot. What the scale leaves free goes to the cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from obdtrack.domain.events import Event
from obdtrack.domain.fold import Attempt
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.domain.timeline import TimelineEntry
from obdtrack.web.pages.clocks import Clock, length
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.provenance import ringing
from obdtrack.web.pages.summary import kind_text

WIDTHS = {"wide": 960.0, "middle": 600.0, "narrow": 300.0}
"""How wide a drawing is on a screen, on paper or a tablet, and on a telephone."""

MARGIN = 14.0
LETTER = 7.0
"""How wide a letter of a label is at most."""

_LONGEST = timedelta(seconds=25)
_SLASHES = 34.0
_SHARE_OF_CUTS = 0.7
_WIDEST_SECOND = 40.0
_MARK = 19.0
_SMALL_LETTER = 6.2
_BETWEEN_TICKS = 10.0
_SECOND = timedelta(seconds=1)


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

    `lasts` is how long it is from the first moment to the last, in words; none if no time passed.
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
    unanswered = _("ringing") if attempt.status is Status.NO_ANSWER else _("dialling")
    kind, word = ("talk", _("call")) if attempt.answered else ("ring", unanswered)
    found = [
        Phase(number, "ring", _("ringing"), start - rang, start, rang),
        Phase(number, kind, word, begun, end, end - start),
    ]
    return [phase for phase in found if phase.start < phase.end]


def draw(
    entries: Sequence[TimelineEntry], attempts: Sequence[Attempt], clock: Clock, width: float
) -> Drawing:
    """Place a call's events (there is one at least) and its attempts."""
    moments = [entry.event.recorded_at for entry in entries]
    spans = [phase for attempt in attempts for phase in phases(attempt, min(moments))]
    edges = sorted({*moments, *(p.start for p in spans), *(p.end for p in spans)})
    scale = lay_out(edges, [(phase.start, phase.end) for phase in spans], width)
    marks = _marks(entries, scale.places)
    lasts = (edges[-1] - edges[0]).total_seconds()
    return Drawing(
        stretches=[_stretch(phase, scale.places, many=len(attempts) > 1) for phase in spans],
        marks=marks,
        cuts=scale.cuts,
        ticks=_ticks(scale.places, clock, width),
        rows=1 + max(mark.row for mark in marks),
        width=width,
        lasts=length(lasts) if round(lasts) else "",
    )


def _stretch(phase: Phase, places: dict[datetime, float], *, many: bool) -> Stretch:
    x = places[phase.start]
    wide = max(places[phase.end] - x, 3.0)
    number, word, lasted = phase.attempt, phase.word, length(phase.lasted.total_seconds())
    short = f"{word} {lasted}"
    texts: tuple[str, ...] = (short, lasted)
    if many:
        full = _("attempt %(number)s: %(what)s", number=number, what=short)
        texts = (full, f"{number}: {short}", f"{number}: {lasted}")
    text = next((text for text in texts if len(text) * _SMALL_LETTER + 4 <= wide), "")
    title = _(
        "Attempt %(number)s: %(what)s for %(length)s", number=number, what=word, length=lasted
    )
    return Stretch(number, phase.kind, word, x, round(wide, 1), text, title)


def _marks(entries: Sequence[TimelineEntry], places: dict[datetime, float]) -> list[Mark]:
    ends: list[float] = []
    marks: list[Mark] = []
    for entry in entries:
        number = entry.number
        x = places[entry.event.recorded_at]
        row = next((i for i, end in enumerate(ends) if x - end >= _MARK), len(ends))
        ends[row : row + 1] = [x]
        what = kind_text(entry.event)
        said = _("%(what)s, in conflict", what=what) if entry.conflict else what
        title = f"{number}: {said}"
        marks.append(Mark(number, mark_kind(entry.event), x, row, title, entry.conflict))
    return marks


def mark_kind(event: Event) -> str:
    """Return which of the four kinds of marks stands for an event."""
    if event.kind in (Kind.SUBMISSION, Kind.RESPONSE):
        return "request"
    if event.source is Source.PERSON:
        return "person"
    if event.source is Source.POLL or event.kind is Kind.CHECK:
        return "poll"
    return "report" if event.kind is Kind.REPORT else "system"


def _ticks(places: dict[datetime, float], clock: Clock, width: float) -> list[Tick]:
    """Write as many moments as there is room for; the day with them where there are several."""
    days = [clock.day(moment) for moment in places]
    many, last_day = len(set(days)) > 1, ""
    ticks: list[Tick] = []
    for (moment, x), day in zip(places.items(), days, strict=True):
        text = f"{day} {clock.time(moment)}" if many and day != last_day else clock.time(moment)
        half = len(text) * LETTER / 2
        middle = round(min(max(x, half + 2), width - half - 2), 1)
        free = not ticks or middle - half >= ticks[-1].right + _BETWEEN_TICKS
        if free and text not in (tick.text for tick in ticks[-1:]):
            ticks.append(Tick(middle, text, middle + half))
            last_day = day
    return ticks


def lay_out(
    edges: Sequence[datetime], spans: Sequence[tuple[datetime, datetime]], width: float
) -> Scale:
    """Place `edges`, which are in order, on a line of this width; within `spans` nothing is cut."""
    steps = list(pairwise(edges))
    quiet = {
        (a, b)
        for a, b in steps
        if b - a > _LONGEST and not any(start <= a and b <= end for start, end in spans)
    }
    lengths = {step: length((step[1] - step[0]).total_seconds()) for step in quiet}
    seconds = sum((b - a).total_seconds() for a, b in steps if (a, b) not in quiet)
    wide = _widths(lengths, seconds, width - 2 * MARGIN)
    room = width - 2 * MARGIN - sum(wide.values())
    per_second = room / seconds if seconds else 0.0
    if quiet:
        per_second = min(per_second, _WIDEST_SECOND)
    spare = room - seconds * per_second
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


def _widths(
    lengths: dict[tuple[datetime, datetime], str], seconds: float, room: float
) -> dict[tuple[datetime, datetime], float]:
    """Return each cut the room its name needs, or less if there are too many."""
    wanted = {step: len(text) * LETTER + _SLASHES for step, text in lengths.items()}
    most = room * (_SHARE_OF_CUTS if seconds else 1)
    squeezed = min(1, most / max(sum(wanted.values()), 1))
    return {step: wide * squeezed for step, wide in wanted.items()}
