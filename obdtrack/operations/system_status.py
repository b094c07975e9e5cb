"""Takes stock of what waits and what never came: the figures an operator watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from obdtrack.calls.polling.poll import REPAIRED
from obdtrack.calls.reports.quarantine import COUNTER
from obdtrack.domain.clock_offset import Skew, find_skew
from obdtrack.domain.status import Outcome, Status
from obdtrack.operations import backlog
from obdtrack.operations.backlog import Queue
from obdtrack.operations.doctor.clock import REPORTS
from obdtrack.services import Services
from obdtrack.store import leases


class SystemStatus(NamedTuple):
    """What was found at `taken_at`.

    `silent` calls were accepted and never reported although a later report of another call came.
    `repaired` counts, since the beginning, outcomes that asking brought; `only_polled` are those of
    the newest calls about which nothing came by itself to this day. `rejected` counts requests with
    a wrong secret. `skew` is None if the provider's times fit ours.
    """

    taken_at: datetime
    calls: Mapping[Status, Queue]
    deliveries: Mapping[Outcome, Queue]
    due: Queue
    last_report_at: datetime | None
    silent: int
    only_polled: int
    repaired: int
    rejected: int
    skew: Skew | None

    def age(self, moment: datetime | None) -> float | None:
        """Return how many seconds ago something was; None if it never was."""
        return None if moment is None else max(0.0, (self.taken_at - moment).total_seconds())


def system_status(context: Services) -> SystemStatus:
    """Ask the database for all figures; some milliseconds, whatever its size."""
    now = context.now()
    # Until the first check of the schedule a report may simply be on its way.
    patience = context.settings.poll_schedule[0]
    heard = backlog.last_report_at(Outcome.MATCHED)
    counted = leases.counters([REPAIRED, COUNTER])
    return SystemStatus(
        taken_at=now,
        calls=backlog.call_queues(),
        deliveries=backlog.delivery_queues(),
        due=backlog.due_checks(now),
        last_report_at=backlog.last_report_at(),
        silent=backlog.silent_calls(heard - patience) if heard else 0,
        only_polled=backlog.only_polled(now - patience),
        repaired=counted[REPAIRED],
        rejected=counted[COUNTER],
        skew=find_skew(backlog.recent_ends(REPORTS), context.settings.provider_timezone, now),
    )
