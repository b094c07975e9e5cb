"""The benchmarks' own parts: what is filled in is what the product would have written."""

from __future__ import annotations

import pytest

from bench import reports
from bench.fill import Plan, fill
from bench.questions import QUESTIONS, About, report_of
from bench.samples import WORDS
from obdtrack.calls import queries
from obdtrack.calls.queries import STATE_COLUMNS
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.domain.fold import fold
from obdtrack.services import Services
from obdtrack.store import models
from obdtrack.store.database import SqliteStore, Store
from obdtrack.store.encryption import Encryption
from tests import factories

CALLS = 40
REPORTS = 4


def url_of(store: Store, request: pytest.FixtureRequest) -> str:
    if isinstance(store, SqliteStore):
        return f"sqlite:///{store.database}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def filled(each_store: Store, request: pytest.FixtureRequest) -> Store:
    each_store.close_all()
    fill(url_of(each_store, request), Plan(CALLS, REPORTS, first=7))
    return each_store


@pytest.fixture
def filled_context(filled: Store) -> Services:
    settings = factories.settings()
    provider = factories.ScriptedProvider()
    return Services(settings, filled, provider, Encryption(settings.secret_key))


class TestFill:
    def test_every_call_is_there_with_its_rows(self, filled: Store) -> None:
        with filled.connection_context():
            counts = [
                model.select().count()
                for model in (models.Submission, models.Call, models.Delivery, models.EventRow)
            ]
        assert counts == [CALLS, CALLS, CALLS * REPORTS, CALLS * (REPORTS + 2)]

    def test_stored_states_are_what_the_events_fold_to(self, filled: Store) -> None:
        with filled.connection_context():
            for call in models.Call.select():
                state = fold(queries.history([call.id])[call.id], call.interval)
                columns = state._asdict() | {"attempt_count": len(state.attempts)}
                assert {name: getattr(call, name) for name in STATE_COLUMNS} == {
                    name: columns[name] for name in STATE_COLUMNS
                }
                assert len(state.attempts) == REPORTS

    def test_calls_end_in_every_way(self, filled: Store) -> None:
        with filled.connection_context():
            statuses = {call.status for call in models.Call.select()}
        assert len(statuses) == len(set(WORDS))

    def test_a_report_finds_its_call(self, filled_context: Services) -> None:
        stored = [report_of(n, 1) for n in (7, 8, 7 + CALLS)]
        outcomes = [r.outcome for r in receive_deliveries(stored, filled_context)]
        assert outcomes == ["matched", "matched", "unmatched"]


def test_every_question_can_be_asked(filled_context: Services) -> None:
    with filled_context.store.connection_context():
        call = models.Call.get(models.Call.mid == reports.mid(9))
        delivery = models.Delivery.get(models.Delivery.call_id == call.id)
    about = About(
        services=filled_context,
        call_id=call.id,
        provider_id=call.provider_id,
        mid=call.mid,
        number=call.to_number,
        created_at=call.created_at,
        delivery_id=delivery.id,
        stored=[report_of(9, 1), report_of(10, 1)],
    )
    for ask in QUESTIONS.values():
        ask(about)


def test_a_template_keeps_its_length() -> None:
    requests = {len(reports.filled(reports.report_request(), n)) for n in (0, 5, 99_999_999)}
    assert len(requests) == 1
