"""Kills, and freezes, servers that run a campaign, and counts whom the provider dialled."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import NamedTuple

import requests

from obdtrack.application import make_services
from obdtrack.calls import queries
from obdtrack.campaigns.control import control
from obdtrack.domain.campaign import CampaignAction
from obdtrack.domain.status import Kind, Status
from obdtrack.store import models
from tests.campaigns.running import RAVI, checked
from tests.end_to_end.conftest import Installation, until
from tests.factories import settings
from tests.torture.freezes import two_servers
from tests.torture.served import served

ENDINGS = ("00", "22", "29", "11", "00", "23", "00", "21", "00", "31")
"""Of the numbers: answered, reported before its response, silent, responded late, busy."""

SECONDS_TO_SETTLE = 60.0
SECONDS_UP = 0.4
"""How long a server that is killed again and again runs between its kills, more or less."""


class CampaignFate(NamedTuple):
    """What came of a campaign: figures, and what should not have been."""

    faults: int
    numbers: int
    dialled: int
    unknown: int
    interrupted: int
    twice: int
    lost: int


class Watched:
    """A campaign of an installation, seen in its database and at the provider."""

    def __init__(self, installed: Installation, numbers: int, seconds: float) -> None:
        self._provider_url = f"http://127.0.0.1:{installed.provider_port}"
        self.numbers = [f"+91886{n:05}{ENDINGS[n % len(ENDINGS)]}" for n in range(numbers)]
        self._services = make_services(settings(database_url=installed.database_url))
        per_minute = min(6000, round(60 * numbers / seconds))
        self.id = checked(self._services, self.numbers, per_minute=per_minute, max_in_flight=10_000)
        control(self.id, CampaignAction.START, RAVI, self._services)
        self._services.store.close_all()

    def dialled(self) -> Counter[str]:
        """Return how often the provider dialled each number."""
        found = requests.get(f"{self._provider_url}/simulator/calls", timeout=30).json()["data"]
        return Counter(f"+{str(call['to']).lstrip('+')}" for call in found)

    def judge(self, faults: int) -> CampaignFate:
        """Wait until nobody is left to call, and compare what is stored with whom was dialled."""
        until(lambda: not self._left(), SECONDS_TO_SETTLE)
        dialled, lost, unknown = self.dialled(), 0, 0
        sent = {
            row.to_number: row.call_id
            for row in models.Recipient.select().where(models.Recipient.status == "sent")
        }
        for number in self.numbers:
            call = queries.find(str(sent.get(number)))
            known = call is not None and call.to_number == number
            lost += not known or (dialled[number] > 0 and call.status == Status.REJECTED)
            unknown += known and call.status == Status.UNKNOWN
        interrupted = models.EventRow.select().where(models.EventRow.kind == Kind.INTERRUPTION)
        cut = interrupted.count()
        self._services.store.close_all()
        twice = sum(times > 1 for times in dialled.values())
        return CampaignFate(faults, len(self.numbers), len(dialled), unknown, cut, twice, lost)

    def _left(self) -> bool:
        """Whether somebody is still to be called, or about to be."""
        try:
            waits = models.Recipient.select().where(models.Recipient.status == "scheduled")
            return waits.exists() or any(
                models.Call.select().where(models.Call.status == Status.SUBMITTING)
            )
        finally:
            self._services.store.close()


def kill_campaign(kills: int, numbers: int, mutant: str = "sound", seed: int = 1) -> CampaignFate:
    """Kill a server so many times at random instants while it calls so many numbers."""
    moment = random.Random(seed)
    with served(f"{mutant},short_leases", OBDTRACK_PROVIDER_TIMEOUT="1") as server:
        watched = Watched(server, numbers, seconds=kills * SECONDS_UP)
        for _ in range(kills):
            time.sleep(moment.uniform(0.1, 2 * SECONDS_UP))
            server.kill()
            server.serve()
        return watched.judge(kills)


def freeze_campaign(
    times: int, numbers: int, database: str, mutant: str = "sound", seconds: float = 4
) -> CampaignFate:
    """Stop one of two servers that share a campaign, for longer than a lease, and let it go on."""
    with two_servers(database, mutant) as (freezing, _):
        watched = Watched(freezing, numbers, seconds=times * seconds * 2)
        for _ in range(times):
            time.sleep(1)
            with freezing.frozen():
                time.sleep(seconds)
        return watched.judge(times)
