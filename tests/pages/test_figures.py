"""The figures: what every change of a call leaves in the sums, and what a recount finds."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from flask import Flask

from obdtrack.access.keys import create_key
from obdtrack.services import Services
from obdtrack.statistics import questions
from obdtrack.statistics.counters import recount
from obdtrack.store import models
from obdtrack.store.database import Store
from obdtrack.store.encryption import Encryption
from obdtrack.web.pages.charts import add_up
from obdtrack.web.pages.template_helpers import money
from tests import factories
from tests.conftest import Caller
from tests.factories import (
    Clock,
    ScriptedProvider,
    accepted,
    call_log,
    log_row,
    with_settings,
)

WORDS = ["ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "RINGOUT"]


@pytest.fixture
def services(each_store: Store, provider: ScriptedProvider, clock: Clock) -> Services:
    settings = factories.settings()
    return Services(settings, each_store, provider, Encryption(settings.secret_key), clock)


@pytest.fixture
def caller(app: Flask, services: Services) -> Caller:
    return Caller(app.test_client(), create_key("tests", ["read", "place", "admin"], services))


def test_an_amount_is_written_in_the_currency_that_is_set(app: Flask, services: Services) -> None:
    for currency, language, text in (
        (None, "en", "1234567.5000"),
        ("INR", "en", "₹1,234,567.50"),
        ("INR", "hi", "₹12,34,567.50"),
    ):
        app.extensions["obdtrack"] = with_settings(services, currency=currency)
        with app.test_request_context(f"/?lang={language}"):
            assert money(Decimal("1234567.5000")) == text
            assert money(None) == "–"


def sums(store: Store) -> set[tuple[object, ...]]:
    figure = models.Statistic
    with store.connection_context():
        return set(figure.select().where(figure.calls != 0).tuples())


def test_a_recount_agrees_after_many_changes(
    caller: Caller, services: Services, provider: ScriptedProvider, clock: Clock
) -> None:
    chance = random.Random(7)
    provider.on_send = accepted(mid=None)
    placed: list[str] = []
    for _ in range(120):
        clock.forward(minutes=chance.choice([0, 1, 40]))
        if len(placed) < 5 or chance.random() < 0.4:
            name = chance.choice(["otp", "spring", "भारत", None])
            call = caller.place(**({"name": name} if name else {})).json
            placed.append(call["provider_id"])
        else:
            start = f"2026-11-23 {chance.randrange(10, 24)}:00:00"
            mid = chance.choice(placed).partition(":")[0]
            word = chance.choice(WORDS)
            charges = chance.choice([None, "0.5", "0.1234"])
            caller.report(mid=mid, status=word, start_at=start, end_at=start, charges=charges)
    counted = sums(services.store)
    with services.store.write():
        recount()
    assert counted == sums(services.store)


def test_a_call_found_by_asking_counts_as_repaired(
    caller: Caller, services: Services, provider: ScriptedProvider
) -> None:
    call = caller.place(name="otp").json
    provider.on_find = lambda **_: call_log(log_row())
    caller.post(f"/calls/{call['id']}/refresh")
    with services.store.connection_context():
        told = add_up(questions.totals("otp", None))
    assert (told.placed, told.percent("completed"), told.repaired) == (1, 100.0, 1)


def test_costs_are_exact(caller: Caller, services: Services, provider: ScriptedProvider) -> None:
    for _ in range(3):
        provider.on_send = accepted(mid=None, charges="0.1")
        caller.place(name="otp")
    with services.store.connection_context():
        told = add_up(questions.totals("otp", None))
    assert (told.cost, told.priced) == (Decimal("0.3000"), 3)


def test_calls_are_counted_by_half_hour(caller: Caller, services: Services, clock: Clock) -> None:
    begin = clock.now
    caller.place()
    clock.forward(hours=2)
    caller.place(reference="later")
    with services.store.connection_context():
        period = questions.span(begin, clock.now)
        first = questions.over_time(None, period, 2)
        by_hour = questions.by_hour_of_day(None, None, 11)
    assert [(bar.place, bar.calls) for bar in first] == [(0, 1)]
    assert sorted((bar.place, bar.calls) for bar in by_hour) == [(17, 1), (19, 1)]
