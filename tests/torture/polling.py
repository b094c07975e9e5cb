"""Loses reports, and sees whether asking finds every outcome without asking too fast."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from obdtrack.calls.placing import place
from obdtrack.calls.polling import check
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.providers.base import StatusResponse
from obdtrack.services import Services, new_id
from obdtrack.store import models
from tests.factories import PROVIDER, Clock, call_log, call_request
from tests.torture import databases
from tests.torture.provider import Life, SmallProvider

PER_MINUTE = 60
MINUTE = timedelta(minutes=1)
PATIENCE = timedelta(days=2)


class Lost(NamedTuple):
    """What came of it: figures, and the most questions that any minute held."""

    calls: int
    percent_lost: int
    not_known: int
    asked: int
    most_in_a_minute: int


class NotingProvider(SmallProvider):
    """Remembers when it was asked, and finds a call by its id at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asked_at: list[datetime] = []
        self._by_id: dict[str | None, Life] = {}
        self.while_ringing = self._note

    def _note(self, life: Life | None) -> None:
        if life is not None:
            self._by_id[life.provider_id] = life

    def _look_up(self, provider_id: str | None, to: str | None, on: date | None) -> StatusResponse:
        self.asked_at.append(self.clock())
        life = self._by_id.get(provider_id)
        return call_log(life.row()) if life else super()._look_up(provider_id, to, on)


def lose_reports(calls: int, percent: int) -> Lost:
    """Place calls, lose so many of their reports in a hundred, and ask until all are known."""
    clock = Clock()
    provider = NotingProvider(clock)
    provider.polls_per_minute = PER_MINUTE
    with databases.scratch() as folder:
        path = databases.new_database(folder)
        services = databases.open_context(path, provider, clock)
        for count in range(calls):
            number = f"+9188{count:08}"
            place.place_call(call_request(to=number, reference=number), None, services)
            clock.forward(milliseconds=20)
        _report_all_but(percent, provider, services)
        _poll_until_known(services, clock)
        lost = Lost(calls, percent, _not_known(), len(provider.asked_at), _most(provider.asked_at))
        databases.drop(services.store)
    return lost


def _report_all_but(percent: int, provider: NotingProvider, services: Services) -> None:
    for count, life in enumerate(provider.lives.values()):
        if count % 100 >= percent:
            raw = life.report(next(life.facts()), composed=False)
            receive_deliveries([InboundRequest(new_id(), services.now(), raw, PROVIDER)], services)


def _poll_until_known(services: Services, clock: Clock) -> None:
    """Ask as the background does, on a clock of our own, until all is known or days have passed."""
    end = clock() + PATIENCE

    def wait(seconds: float) -> None:
        clock.forward(seconds=max(0.0, seconds))

    while _not_known() and clock() < end:
        taken = check.check_due(services, max(1, PER_MINUTE // 30), wait)
        clock.forward(seconds=1 if taken else 60)


def _not_known() -> int:
    return int(models.Call.select().where(models.Call.status != "completed").count())


def _most(moments: list[datetime]) -> int:
    """Return the most questions in any sixty seconds, wherever they begin."""
    assert all(earlier <= later for earlier, later in pairwise(moments))
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= MINUTE:
            first += 1
        most = max(most, last - first + 1)
    return most
