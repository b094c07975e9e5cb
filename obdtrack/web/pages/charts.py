"""Where the bars of a chart stand; the template draws them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from obdtrack.domain.status import FINAL, Source, Status
from obdtrack.statistics.counters import MILLION
from obdtrack.statistics.questions import Bar, Sum
from obdtrack.web.pages.labels import GROUP, STATUS
from obdtrack.web.pages.language import gettext as _

ORDER: tuple[str, ...] = (
    Status.COMPLETED, Status.NO_ANSWER, Status.BUSY, Status.CANCELED, Status.FAILED,
    Status.REJECTED, Status.UNKNOWN, Status.UNRESOLVED, Status.QUEUED, Status.SUBMITTING,
    Status.SKIPPED,
)  # fmt: skip
"""From the foot of a bar upwards."""

_GAP = 0.22


class Piece(NamedTuple):
    """A rectangle of a chart, with its tone."""

    x: float
    y: float
    width: float
    height: float
    tone: str


class Column(NamedTuple):
    """One bar: its pieces, its label below (may be empty), and all it says in words."""

    middle: float
    pieces: list[Piece]
    label: str
    title: str


class Chart(NamedTuple):
    """A chart of stacked bars; `top` is what its full height stands for."""

    width: float
    height: float
    columns: list[Column]
    top: int
    legend: list[tuple[str, str]]


class Tile(NamedTuple):
    """A figure as a page shows it: what it is called, how many, what it counts, and how.

    `statuses` are those it counts, as an address has them.
    """

    word: str
    calls: int
    meaning: str
    statuses: str


class ChartPart(NamedTuple):
    """How many calls have one status, and where in a bar of 100 they stand."""

    status: str
    word: str
    calls: int
    x: float
    width: float


class ChartFigures(NamedTuple):
    """The figures of a period; `cost` is exact, and known for `priced` calls."""

    placed: int
    by_status: dict[str, int]
    repaired: int
    attempts: dict[int, int]
    cost: Decimal
    priced: int

    def of(self, name: str) -> int:
        """Return how many calls have a status, or one of a group's."""
        return sum(self.by_status.get(status, 0) for status in _statuses(name))

    def tile(self, name: str) -> Tile:
        """Return a status or a group with its word and what that means."""
        look = GROUP.get(name) or STATUS[name]
        return Tile(_(look.word), self.of(name), _(look.meaning), ",".join(_statuses(name)))

    def percent(self, status: str) -> float | None:
        """Return a status's part of the calls that ended; None if it is no end, or none did."""
        ended = self.of("ended")
        return 100 * self.of(status) / ended if ended and status in FINAL else None

    @property
    def parts(self) -> list[ChartPart]:
        """The statuses there are, side by side in one bar."""
        parts, x, words = list[ChartPart](), 0.0, status_words()
        for status in ORDER:
            if calls := self.of(status):
                width = 100 * calls / self.placed
                parts.append(ChartPart(status, words[status], calls, round(x, 2), round(width, 2)))
                x += width
        return parts


def status_words() -> dict[str, str]:
    """Return what the statuses are called in the reader's language."""
    return {status: _(look.word) for status, look in STATUS.items()}


def _statuses(name: str) -> list[str]:
    """Return a status, or those of a group, in their order."""
    return (
        [status for status in ORDER if status in GROUP[name].statuses] if name in GROUP else [name]
    )


def add_up(sums: Iterable[Sum]) -> ChartFigures:
    """Put sums together."""
    sums = list(sums)
    by_status: dict[str, int] = defaultdict(int)
    attempts: dict[int, int] = defaultdict(int)
    for one in sums:
        by_status[one.status] += one.calls
        if one.status == Status.COMPLETED:
            attempts[max(one.attempts, 1)] += one.calls
    return ChartFigures(
        placed=sum(by_status.values()),
        by_status=dict(by_status),
        repaired=sum(one.calls for one in sums if one.source == Source.POLL),
        attempts=dict(sorted(attempts.items())),
        cost=money(sum(one.cost for one in sums)),
        priced=sum(one.priced for one in sums),
    )


def legend(present: Iterable[str]) -> list[tuple[str, str]]:
    """Return the statuses that are present, in their order, each with its word."""
    found, words = set(present), status_words()
    return [(status, words[status]) for status in ORDER if status in found]


def money(millionths: int) -> Decimal:
    """Return an exact amount, with the four decimals the provider writes or with all it has."""
    amount = Decimal(millionths) / MILLION
    four = amount.quantize(Decimal("0.0001"))
    return four if four == amount else amount.normalize()


def stacked(
    bars: Iterable[Bar],
    labels: Sequence[str],
    names: Sequence[str],
    width: float,
    height: float,
    words: Mapping[str, str] | None = None,
) -> Chart:
    """Stack the counts of each place; `labels` stand below, `names` say each place in full.

    `words` are what the statuses are called, if not as everywhere.
    """
    words = words or status_words()
    counts: list[dict[str, int]] = [{} for _ in labels]
    for bar in bars:
        if 0 <= bar.place < len(counts):
            counts[bar.place][bar.status] = counts[bar.place].get(bar.status, 0) + bar.calls
    top = round_up(max((sum(count.values()) for count in counts), default=0))
    step = width / max(len(labels), 1)
    columns = [
        Column(
            middle=round((place + 0.5) * step, 2),
            pieces=_pieces(count, place * step, step, height / top, height),
            label=labels[place],
            title=f"{names[place]}: "
            + (", ".join(f"{words[s]} {count[s]}" for s in ORDER if count.get(s)) or _("no calls")),
        )
        for place, count in enumerate(counts)
    ]
    present = {status for count in counts for status in count}
    legend = [(status, words[status]) for status in ORDER if status in present]
    return Chart(width, height, columns, top, legend)


def round_up(number: int) -> int:
    """Return the next number a scale may end at: 1 to 6 or 8, with zeros behind."""
    scale = 1
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8):
            if number <= step * scale:
                return step * scale
        scale *= 10


def _pieces(
    counts: Mapping[str, int], x: float, step: float, unit: float, height: float
) -> list[Piece]:
    pieces: list[Piece] = []
    left, wide, y = round(x + step * _GAP / 2, 2), round(step * (1 - _GAP), 2), height
    for status in ORDER:
        if number := counts.get(status, 0):
            y -= number * unit
            pieces.append(Piece(left, round(y, 2), wide, round(number * unit, 2), status))
    return pieces
