"""`/metrics`: what it tells, to whom, and that counting costs a report next to nothing."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import peewee
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from obdtrack.calls.reports.receive import ReceivedDelivery
from obdtrack.domain.status import Outcome
from obdtrack.web.http import probes
from obdtrack.web.http.probes import Remembered
from obdtrack.web.http.request_metrics import BUCKETS, Meter, Metered
from tests.conftest import Caller
from tests.factories import CALLBACK_PATH, report_body
from tests.operations.conftest import Account


class Scrape(dict[tuple[str, tuple[str, ...]], float]):
    """The samples of one scrape, by name and the values of their labels."""

    def __init__(self, reader: Caller) -> None:
        self.response = reader.client.get("/metrics", headers=reader.headers)
        for family in text_string_to_metric_families(self.response.text):
            for sample in family.samples:
                self[sample.name, tuple(sorted(sample.labels.values()))] = sample.value

    def told(self, name: str, *labels: str) -> float | None:
        return self.get((f"obdtrack_{name}", tuple(sorted(labels))))


def test_strangers_are_told_nothing(account: Account):
    assert account.caller.client.get("/metrics").status_code == 401


def test_requests_are_told_by_part_and_code(account: Account, reader: Caller):
    account.reported_calls(2)
    account.caller.deliver(b"{}", headers={"Authorization": "Bearer wrong"})
    scrape = Scrape(reader)
    assert scrape.told("requests_total", "callback", "200") == 2
    assert scrape.told("requests_total", "callback", "401") == 1
    assert scrape.told("requests_total", "api", "201") == 2


def test_stored_deliveries_are_told_by_outcome(account: Account, reader: Caller):
    account.reported_calls(2)
    account.caller.deliver(b"no report at all")
    scrape = Scrape(reader)
    assert scrape.told("deliveries_total", "matched") == 2
    assert scrape.told("deliveries_total", "unreadable") == 1
    assert scrape.told("deliveries_waiting", "unreadable") == 1


def test_the_time_until_a_report_was_stored_is_told(account: Account, reader: Caller):
    account.reported_calls(3)
    scrape = Scrape(reader)
    assert scrape.told("request_seconds_count", "callback") == 3
    assert scrape.told("request_seconds_bucket", "callback", "+Inf") == 3
    assert scrape.told("request_seconds_sum", "callback") > 0


def test_queues_and_their_ages_are_told(account: Account, reader: Caller):
    account.place()
    account.clock.forward(minutes=20)
    scrape = Scrape(reader)
    assert scrape.told("calls", "queued") == 1
    assert scrape.told("calls_oldest_seconds", "queued") == 1200
    assert (scrape.told("checks_due"), scrape.told("checks_due_oldest_seconds")) == (1, 300)


@pytest.mark.parametrize(
    "name",
    [
        "silent_calls",
        "known_only_by_polling",
        "repaired_by_polling_total",
        "clock_offset_seconds",
        "background_late",
    ],
)
def test_alarms_are_told_as_zero_while_all_is_well(reader: Caller, name: str):
    assert Scrape(reader).told(name) == 0


def test_the_newest_report_is_told_as_a_time(account: Account, reader: Caller):
    assert Scrape(reader).told("last_report_timestamp_seconds") is None
    account.report(account.place())
    reader.client.application.watch.stock._known = None
    told = Scrape(reader).told("last_report_timestamp_seconds")
    assert told == account.clock.now.timestamp()


def test_a_scrape_needs_no_new_look_at_the_database(account: Account, reader: Caller):
    Scrape(reader)
    account.place()
    assert Scrape(reader).told("calls", "queued") == 0


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=1.0.0",
        'application/openmetrics-text;version="1.0.0"',
        'application/openmetrics-text; version="1.0.0"; charset=utf-8;q=0.9,text/plain;q=0.1',
        "application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        "application/openmetrics-text;version=2.0.0",
    ],
)
def test_openmetrics_is_spoken_to_those_who_ask(reader: Caller, accept: str):
    response = reader.client.get("/metrics", headers={**reader.headers, "Accept": accept})
    assert response.status_code == 200
    assert response.content_type.startswith("application/openmetrics-text")
    assert list(openmetrics(response.text))


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/html,*/*;q=0.8",
        'text/plain;version="0.0.4"',
        "text/plain;version=x",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=latest",
    ],
)
def test_everybody_else_gets_the_usual_text(reader: Caller, accept: str):
    response = reader.client.get("/metrics", headers={**reader.headers, "Accept": accept})
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain")
    assert list(text_string_to_metric_families(response.text))


def test_without_a_database_the_process_still_tells_of_itself(reader, monkeypatch):
    def gone(_):
        raise peewee.OperationalError("gone")

    monkeypatch.setattr(probes, "current_status", gone)
    scrape = Scrape(reader)
    assert scrape.told("database_up") == 0
    assert ("process_resident_memory_bytes", ()) in scrape


def test_nothing_is_lost_in_counting_from_many_threads():
    meter = Meter()

    def work(_: int) -> None:
        for _ in range(500):
            meter.note_request(CALLBACK_PATH, "200", 0.001)
        meter.note_batch([ReceivedDelivery(Outcome.MATCHED)] * 3)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    callback = meter.requests()["callback"]
    assert callback.codes == {"200": 8000}
    assert sum(callback.slots) == 8000
    assert meter.deliveries() == ({"matched": 48}, 16)


def test_what_took_longer_than_all_buckets_is_counted_too():
    meter = Meter()
    meter.note_request("/", "200", BUCKETS[-1] + 1)
    assert meter.requests()["other"].slots[-1] == 1


def test_an_application_that_raises_is_counted_as_500():
    def broken(environ, start_response):
        raise RuntimeError

    meter = Meter()
    with pytest.raises(RuntimeError):
        Metered(broken, meter)({"PATH_INFO": "/api/v1/calls"}, lambda *_: None)
    assert meter.requests()["api"].codes == {"500": 1}


def test_counting_costs_a_report_less_than_reading_its_json_a_few_times():
    """Some 1 µs on a quiet machine, beside some 150 for all of a report."""
    body = json.dumps(report_body())

    def app(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    def seconds(do, *arguments) -> float:
        begun = time.perf_counter()
        for _ in range(2000):
            do(*arguments)
        return time.perf_counter() - begun

    metered, request = Metered(app, Meter()), ({"PATH_INFO": CALLBACK_PATH}, lambda *_: None)
    counting = min(seconds(metered, *request) - seconds(app, *request) for _ in range(5))
    assert counting < 4 * min(seconds(json.loads, body) for _ in range(5))


def test_while_one_thread_asks_the_others_get_the_last_answer():
    slow, responses = threading.Event(), iter([1, 2])
    asking = threading.Event()

    def ask() -> int:
        response = next(responses)
        if response == 2:
            asking.set()
            slow.wait(10)
        return response

    remembered = Remembered(ask, seconds=0)
    assert remembered.get() == 1
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(remembered.get)
        asking.wait(10)
        assert remembered.get() == 1
        slow.set()
        assert second.result() == 2


def test_an_answer_is_asked_for_again_when_it_is_old():
    now, asked = [0.0], []
    remembered = Remembered(lambda: asked.append(1) or len(asked), 10, lambda: now[0])
    assert [remembered.get(), remembered.get()] == [1, 1]
    now[0] = 11
    assert remembered.get() == 2


def test_a_question_that_failed_is_asked_again():
    responses = iter([ValueError(), 7])

    def ask() -> int:
        response = next(responses)
        if isinstance(response, Exception):
            raise response
        return response

    remembered = Remembered(ask, 10)
    with pytest.raises(ValueError):
        remembered.get()
    assert remembered.get() == 7
