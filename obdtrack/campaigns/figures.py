"""What a campaign's calls came to so far, from the figures that are stored by its name."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from obdtrack.domain.status import WAITING, Status
from obdtrack.statistics import questions
from obdtrack.statistics.counters import MILLION


class CampaignFigures(NamedTuple):
    """Calls by status; `cost` of those `priced`, and how many wait whose price is not known."""

    calls: Counter[str]
    priced: int
    cost: Decimal
    unpriced_waiting: int

    @property
    def waiting(self) -> int:
        """How many are expected to change by themselves: the phones that may ring now."""
        return sum(self.calls[status] for status in WAITING)

    @property
    def answered_percent(self) -> Decimal | None:
        """How many of a hundred calls that ended were answered, to a tenth; None before any."""
        ended = self.calls.total() - self.waiting
        if not ended:
            return None
        return round(Decimal(100 * self.calls[Status.COMPLETED]) / ended, 1)


def figures_of(name: str) -> CampaignFigures:
    """Return the figures of the calls that have this name."""
    sums = questions.totals(name, None)
    calls = Counter[str]()
    for one in sums:
        calls[one.status] += one.calls
    return CampaignFigures(
        calls=calls,
        priced=sum(one.priced for one in sums),
        cost=Decimal(sum(one.cost for one in sums)) / MILLION,
        unpriced_waiting=sum(one.calls - one.priced for one in sums if one.status in WAITING),
    )
