"""Reports that do not come are noticed: calls left silent, and outcomes only asking brought."""

from __future__ import annotations

import pytest

from obdtrack.calls.polling.check import check_due
from obdtrack.domain.status import Outcome, Status
from obdtrack.operations import system_status
from obdtrack.operations.system_status import SystemStatus, current_status
from obdtrack.services import Services
from tests import factories
from tests.operations.conftest import Account


def quietly(_: float) -> None:
    """Wait for no turn."""


@pytest.fixture
def stock(services: Services):
    def take() -> SystemStatus:
        return current_status(services)

    return take


def test_a_call_without_a_report_is_silent_once_a_later_one_got_its(account: Account, stock):
    account.place()
    account.clock.forward(minutes=20)
    assert stock().silent == 0
    account.report(account.place())
    assert stock().silent == 1


def test_a_report_that_comes_at_last_ends_the_silence(account: Account, stock):
    mid = account.place()
    account.clock.forward(minutes=20)
    account.report(account.place())
    account.report(mid)
    assert stock().silent == 0


def test_a_young_call_is_not_silent(account: Account, stock):
    account.place()
    account.clock.forward(minutes=10)
    account.report(account.place())
    assert stock().silent == 0


def test_a_call_with_an_unknown_word_is_not_silent(account: Account, stock):
    account.report(account.place(), status="RINGOUT")
    account.clock.forward(minutes=20)
    account.report(account.place())
    assert stock().silent == 0


def lost_and_asked_for(account: Account, services: Services) -> str:
    """A call whose report never came, and that the provider was asked about when it was due."""
    mid = account.place()
    account.clock.forward(minutes=16)
    account.provider.on_find = lambda **_: factories.call_log(factories.log_row(id=f"{mid}:1"))
    assert check_due(services, 10, quietly) == 1
    return mid


def test_what_polling_repaired_is_counted_and_known_only_by_polling(
    account: Account, services: Services, stock
):
    lost_and_asked_for(account, services)
    assert (stock().repaired, stock().only_polled) == (1, 1)


def test_a_report_after_the_poll_clears_the_call_but_not_the_count(
    account: Account, services: Services, stock
):
    mid = lost_and_asked_for(account, services)
    row = factories.log_row()
    account.report(mid, start_at=row["start_at"], end_at=row["end_at"])
    assert (stock().repaired, stock().only_polled) == (1, 0)


def test_a_call_somebody_asked_about_too_early_is_not_lost_yet(account: Account, stock):
    call = account.caller.place().json
    account.provider.on_find = lambda **_: factories.call_log(
        factories.log_row(id=call["provider_id"])
    )
    account.caller.post(f"/calls/{call['id']}/refresh")
    assert stock().only_polled == 0


def test_queues_tell_their_length_and_the_age_of_the_first(account: Account, stock):
    account.place()
    account.caller.deliver(b"no report at all")
    account.clock.forward(minutes=20)
    account.place()
    found = stock()
    assert found.calls[Status.QUEUED].length == 2
    assert found.age(found.calls[Status.QUEUED].since) == 1200
    assert found.deliveries[Outcome.UNREADABLE].length == 1
    assert (found.due.length, found.age(found.due.since)) == (1, 300)


def test_counting_stops_at_a_bound(account: Account, stock, monkeypatch):
    monkeypatch.setattr(system_status, "CAP", 2)
    for _ in range(3):
        account.place()
    assert stock().calls[Status.QUEUED].length == 2


def test_no_figure_reads_a_table_from_end_to_end(sqlite_store, clock):
    asked: list[tuple] = []
    execute = sqlite_store.execute_sql
    with sqlite_store.connection_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sqlite_store,
            "execute_sql",
            lambda sql, *a, **k: asked.append((sql, *a)) or execute(sql, *a, **k),
        )
        (
            system_status.call_queues(),
            system_status.delivery_queues(),
            system_status.due_tasks("poll", clock.now),
        )
        system_status.last_report_at(), system_status.recent_ends(50)
        system_status.silent_calls(clock.now), system_status.only_polled(clock.now)
        patch.undo()
        for sql, *arguments in asked:
            plan = [row[3] for row in execute(f"EXPLAIN QUERY PLAN {sql}", *arguments)]
            whole = [step for step in plan if step.startswith("SCAN t") and "INDEX" not in step]
            assert not whole, sql
