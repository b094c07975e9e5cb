"""An import that is killed at any instant loses no row and stores none twice."""

from __future__ import annotations

import io
import os
import random
import signal
from dataclasses import replace
from typing import Any

import pytest

from obdtrack.campaigns import campaigns, imports, totals
from obdtrack.campaigns.imports import ImportOptions, import_file
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database import open_database
from obdtrack.store.sqlite import SqliteStore
from tests.campaigns.running import PLAN, RAVI, number

ROWS, KILLS = 3000, 8
LIST = "\n".join(["Phone,Order", *(f"{number(n)},order-{n}" for n in range(ROWS))]).encode()


def test_a_list_whose_import_is_killed_again_and_again_is_imported_once(
    services: Services, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 20)
    store, store_rows = services.store, imports._store
    url = f"sqlite:///{store.title}" if isinstance(store, SqliteStore) else postgres_url
    campaign_id, moment = campaigns.create("diwali", PLAN, RAVI, services), random.Random(1)

    def bring(to: Services) -> None:
        import_file(campaign_id, io.BytesIO(LIST), "text/csv", ImportOptions({}), RAVI, to)

    def be_killed_in(seconds: float) -> None:
        """Import, and be ended by the kernel after so much work on rows."""

        def store_some(*args: Any) -> Any:
            if not any(signal.getitimer(signal.ITIMER_PROF)):
                signal.setitimer(signal.ITIMER_PROF, seconds)
            return store_rows(*args)

        monkeypatch.setattr(imports, "_store", store_some)
        try:
            bring(replace(services, store=open_database(url)))
        finally:
            os._exit(0)

    cuts = []
    for _ in range(KILLS):
        seconds = moment.uniform(0.005, 0.06)
        store.close_all()  # no process may share a connection with another
        if not (child := os.fork()):
            be_killed_in(seconds)
        _, ended = os.waitpid(child, 0)
        assert os.WTERMSIG(ended) in (0, signal.SIGPROF)
        cuts.append(models.Recipient.select().count())
    assert cuts == sorted(cuts)
    assert set(cuts) - {0, ROWS}, "none was killed in the middle"
    bring(services)
    (kept,) = models.RecipientImport.select()
    assert (kept.result["rows"], kept.result["ready"], kept.result["duplicate"]) == (ROWS, ROWS, 0)
    assert totals.stored(campaign_id) == {"scheduled": ROWS}
    rows = [(row.row, row.to_number) for row in models.Recipient.select()]
    assert sorted(rows) == [(n + 2, number(n)) for n in range(ROWS)]
