"""A plain report that takes the short way leaves the rows that the long way would have left."""

from __future__ import annotations

import re
from datetime import time
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obdtrack.application import LISTENERS
from obdtrack.calls.journal import Journal
from obdtrack.calls.placing.place import place_call
from obdtrack.calls.reports.deliveries import InboundRequest
from obdtrack.calls.reports.receive import receive_deliveries
from obdtrack.calls.states import from_snapshot, snapshot
from obdtrack.domain.fold import ended_at_once
from obdtrack.domain.reports import RawDelivery
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.database import Store
from obdtrack.store.encryption import Encryption
from tests import factories
from tests.factories import PROVIDER, Clock, ScriptedProvider, accepted, call_request, raw_delivery
from tests.providers.test_payloads import REQUESTS, request_in

ORDERS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
OLD = "2019-01-01 00:00:00"
TABLES = (
    models.EventRow, models.Call, models.Submission, models.ResponseRow, models.Delivery,
    models.FeedRow, models.Task, models.Statistic, models.CampaignName, models.Counter,
)  # fmt: skip
IDS = re.compile(r"UUID\('[0-9a-f-]{36}'\)|[0-9A-F]{32}|[0-9a-f]{8}-[0-9a-f-]{27}(?!:)")

any_report = st.fixed_dictionaries(
    {"status": st.sampled_from(["ANSWER", "BUSY", "NOANSWER", "CONGESTION", "MISSED", "queued"])},
    optional={
        "start_at": st.sampled_from(
            ["2026-11-23 11:57:23", "2026-11-23 16:00:00", OLD, "soon", ""]
        ),
        "end_at": st.sampled_from(["2026-11-23 11:57:39", "2026-11-23T17:27:39+05:30", None]),
        "unixtime": st.sampled_from(["1795435059", 1795435059, "0"]),
        "duration": st.sampled_from(["16", "0", "16.5", "", None, 16]),
        "charges": st.sampled_from(["0.50", "0.5000", "free"]),
        "to": st.sampled_from(["8867135001", 918867135002, "+91 88671 35001"]),
        "recording_url": st.just("https://recordings.example/1.wav"),
        "dtmf": st.sampled_from(["1", "*", 0]),
        "source": st.sampled_from([" ", "IVR", 7]),
        "event": st.just("call.ended"),
        "token": st.just("s3cret"),
        "id": st.sampled_from([f"{factories.MID}:1", f"{factories.MID}:2"]),
    },
)
any_story = st.lists(any_report, min_size=1, max_size=3)
any_call = st.fixed_dictionaries(
    {}, optional={"interval": st.sampled_from([5, 30]), "name": st.sampled_from(["a", "b"])}
)


@pytest.fixture
def services(sqlite_store: Store, provider: ScriptedProvider, clock: Clock) -> Services:
    hours = {
        "calling_window": (time(9), time(21)),
        "calling_window_timezone": ZoneInfo("Asia/Kolkata"),
    }
    chosen = factories.settings(**hours)
    encryption = Encryption(chosen.secret_key)
    return Services(chosen, sqlite_store, provider, encryption, clock, listeners=LISTENERS)


def rows_after(
    call: dict[str, Any], reports: list[RawDelivery], services: Services, *, at_once: bool
) -> list[list[str]]:
    """All that is stored of one call after these reports, without the ids that differ each time.

    They come one by one, or `at_once` in one batch.
    """
    with services.store.connection_context():
        for model in TABLES:
            model.delete().execute()
    place_call(call_request(**call), None, services)
    arrived = [InboundRequest(new_id(), services.now(), raw, PROVIDER) for raw in reports]
    for batch in [arrived] if at_once else [[one] for one in arrived]:
        receive_deliveries(batch, services)
    with services.store.connection_context():
        stored = [list(model.select().dicts()) for model in TABLES]
    for row in stored[TABLES.index(models.FeedRow)]:
        del row["position"]
    return [sorted(IDS.sub("id", repr(row)) for row in rows) for rows in stored]


@given(any_call, any_story, st.booleans())
@ORDERS
def test_the_short_way_leaves_the_rows_of_the_long_way(
    services: Services, call: dict[str, Any], bodies: list[dict[str, Any]], at_once: bool
) -> None:
    reports = [raw_delivery(**body) for body in bodies]
    short = rows_after(call, reports, services, at_once=at_once)
    with patch.object(services.provider, "read_plain", lambda _: None):
        assert short == rows_after(call, reports, services, at_once=at_once)


@pytest.mark.parametrize(
    "body",
    [
        {"mid": None, "id": f"{factories.MID}:1", "to": 918867135002},
        {"start_at": OLD},
        {"start_at": "2026-11-23 16:00:00"},
        {"charges": "0.50", "duration": 0},
    ],
)
def test_a_report_of_another_number_or_time_leaves_the_rows_of_the_long_way(
    services: Services, body: dict[str, Any]
) -> None:
    reports = [raw_delivery(**body)]
    short = rows_after({}, reports, services, at_once=False)
    with patch.object(services.provider, "read_plain", lambda _: None):
        assert short == rows_after({}, reports, services, at_once=False)


def test_what_a_snapshot_leaves_out_is_false_or_none_yet() -> None:
    columns = {"status": "queued", "status_source": "api", "status_as_of": "2026-11-23T12:00:00Z"}
    state = from_snapshot([columns, {}])
    assert (state.conflict, state.needs_attention, state.report_count) == (False, False, 0)
    assert snapshot(state, {}) == [{**columns, "status_as_of": factories.NOON}, {}]


def test_every_payload_file_leaves_the_rows_of_the_long_way(
    services: Services, provider: ScriptedProvider
) -> None:
    for raw in map(request_in, REQUESTS):
        plain = provider.read_plain(raw)
        if plain is None or not plain.to.startswith("+"):
            continue
        mid = plain.mid or provider.ids.submission(plain.provider_id or "")
        provider.on_send = accepted(mid, provider_id=plain.provider_id or f"{mid}:1")
        short = rows_after({"to": plain.to}, [raw], services, at_once=False)
        with patch.object(provider, "read_plain", lambda _: None):
            assert short == rows_after({"to": plain.to}, [raw], services, at_once=False)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ({}, {}),
        ({"interval": 30}, {"status": "BUSY", "start_at": None, "end_at": None}),
        ({"name": "a"}, {"charges": "0.50", "source": "IVR", "duration": 0}),
        ({}, {"mid": None, "id": f"{factories.MID}:1"}),
    ],
)
def test_usual_reports_take_the_short_way(
    services: Services, call: dict[str, Any], body: dict[str, Any]
) -> None:
    with patch.object(Journal, "end", side_effect=Journal.end, autospec=True) as ended:
        rows_after(call, [raw_delivery(**body)], services, at_once=False)
    assert ended.call_count == 1


@pytest.mark.parametrize(
    "wrong", [{"charges": None}, {"answered": None}, {"started_at": factories.NOON}]
)
def test_a_short_way_that_says_something_else_would_be_noticed(
    services: Services, wrong: dict[str, Any]
) -> None:
    def otherwise(report: Any, facts: Any, charges: Any) -> Any:
        return ended_at_once(report, {**facts, **wrong}, None)

    reports = [raw_delivery(charges="0.5")]
    short = rows_after({}, reports, services, at_once=False)
    with patch("obdtrack.calls.journal.ended_at_once", otherwise):
        assert short != rows_after({}, reports, services, at_once=False)
