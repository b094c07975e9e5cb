"""`/metrics`: the figures of this process and of the database, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TypeVar

import structlog
from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from obdtrack.access.keys import Scope
from obdtrack.operations.alarm_rules import RULES
from obdtrack.operations.system_status import CAP, LOOKED_AT, Queue, SystemStatus
from obdtrack.web.http.auth import needs
from obdtrack.web.http.probes import Watch
from obdtrack.web.http.request_metrics import BUCKETS, Meter

log = structlog.get_logger()


def make_blueprint(watch: Watch) -> Blueprint:
    """Return the route that shows what `watch` counts and finds."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    @needs(Scope.READ)
    def metrics() -> Response:
        """Return all figures in the format the asker prefers."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(MetricsCollector(watch))
        encode, content_type = _encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    return blueprint


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """Return how to write the figures for this `Accept`; the usual text if it names no version.

    The library compares `version="1.0.0"` with its quotes, which RFC 9110 (5.6.6) allows.
    """
    try:
        return choose_encoder(accept.replace('"', ""))
    except (TypeError, ValueError):  # a version that is none
        return choose_encoder("")


class MetricsCollector:
    """Turns the plain numbers of a `Watch` into metrics when they are scraped."""

    def __init__(self, watched: Watch) -> None:
        self._watch = watched

    def describe(self) -> list[Metric]:
        """Name nothing beforehand: registering must not query the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return every metric; those of the database only if it responds."""
        yield from _of_process(self._watch.meter)
        try:
            stock = self._watch.stock.get()
        except Exception:  # this process's own figures are worth the more without a database
            log.warning("status_not_read", exc_info=True)
            yield GaugeMetricFamily(*_DATABASE_UP, 0)
            return
        yield GaugeMetricFamily(*_DATABASE_UP, 1)
        yield from _of_database(stock)


_DATABASE_UP = ("obdtrack_database_up", "Whether the database responded.")

Key = TypeVar("Key", bound=str)
Gauge = tuple[str, str, Callable[[SystemStatus], float | None]]

_GAUGES: tuple[Gauge, ...] = (
    ("checks_due", "Calls that are due to be polled.", lambda s: s.due.length),
    (
        "checks_due_oldest_seconds",
        "How long the first of them has been due.",
        lambda s: s.age(s.due.since),
    ),
    (
        "background_late",
        "Kinds of background work that no process does.",
        lambda s: s.late.length,
    ),
    (
        "last_report_timestamp_seconds",
        "When the newest report with a valid secret arrived.",
        lambda s: s.last_report_at.timestamp() if s.last_report_at else None,
    ),
    (
        "silent_calls",
        f"Accepted calls without a report though later ones got theirs (oldest {LOOKED_AT} looked "
        "at).",
        lambda s: s.silent,
    ),
    (
        "known_only_by_polling",
        f"Of the newest {LOOKED_AT} calls, those whose report never came: any number but zero "
        "means that reports are being lost.",
        lambda s: s.only_polled,
    ),
    (
        "clock_offset_seconds",
        "Detected offset of reported end times from their receipt; 0 if there is none.",
        lambda s: s.skew.offset.total_seconds() if s.skew else 0.0,
    ),
    (
        "sqlite_log_bytes",
        "Size of SQLite's log; it grows while another program keeps a reading transaction open.",
        lambda s: s.log_bytes,
    ),
    ("disk_free_bytes", "Free space where SQLite's file is.", lambda s: s.free_bytes),
)

_BACKLOG = (
    "Events that an active destination was not sent yet, or was not yet looked through for, by id."
)

_COUNTERS: tuple[Gauge, ...] = (
    (
        "repaired_by_polling",
        "Outcomes known only from polling: anything above zero means that reports are being lost.",
        lambda s: s.repaired,
    ),
    (
        "rejoined_reports",
        "Reports that waited though their call was known: anything above zero is a fault of ours, "
        "which has been made good.",
        lambda s: s.rejoined,
    ),
    ("rejected_deliveries", "Requests with a wrong secret.", lambda s: s.rejected),
    (
        "attempts_outside_hours",
        "Attempts that reports show outside the calling hours.",
        lambda s: s.outside_hours,
    ),
)


def _of_process(meter: Meter) -> Iterator[Metric]:
    answered = CounterMetricFamily(
        "obdtrack_requests", "Requests this process responded to.", labels=["part", "code"]
    )
    took = HistogramMetricFamily(
        "obdtrack_request_seconds",
        "Time until the response was ready; part callback is the time until a report was on disk.",
        labels=["part"],
    )
    for part, requests in meter.requests().items():
        # What appears only with the first refusal shows no increase by it.
        for code, number in {"503": 0, **requests.codes}.items():
            answered.add_metric([part, code], number)
        bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
        buckets = list(zip(bounds, accumulate(requests.slots), strict=True))
        took.add_metric([part], buckets, requests.seconds)
    outcomes, batches = meter.deliveries()
    stored = CounterMetricFamily(
        "obdtrack_deliveries", "Deliveries stored by this process.", labels=["outcome"]
    )
    for outcome, number in outcomes.items():
        stored.add_metric([outcome], number)
    yield answered
    yield took
    yield stored
    help_text = "Transactions this process stored deliveries in."
    yield CounterMetricFamily("obdtrack_delivery_commits", help_text, batches)


def _of_database(stock: SystemStatus) -> Iterator[Metric]:
    yield from _queues("calls", "status", "Calls that have not ended", stock.calls, stock)
    yield from _queues(
        "deliveries_waiting",
        "outcome",
        "Deliveries that are on no timeline",
        stock.deliveries,
        stock,
    )
    alarms = {rule.name: stock.alarms.get(rule.name, 0) for rule in RULES}
    for name, help_text, label, numbers in (
        ("all_calls", "Calls of all time, by the status they have now.", "status", stock.placed),
        ("campaigns", "Campaigns that have not ended.", "state", stock.campaigns),
        ("alarms_open", "Alarms that are open.", "rule", alarms),
        ("destination_backlog", _BACKLOG, "destination", stock.backlog),
    ):
        gauge = GaugeMetricFamily(f"obdtrack_{name}", help_text, labels=[label])
        for key, number in numbers.items():
            gauge.add_metric([key], number)
        yield gauge
    for family, table in ((GaugeMetricFamily, _GAUGES), (CounterMetricFamily, _COUNTERS)):
        for name, help_text, read in table:
            if (value := read(stock)) is not None:
                yield family(f"obdtrack_{name}", help_text, value)


def _queues(
    name: str, label: str, what: str, queues: Mapping[Key, Queue], stock: SystemStatus
) -> Iterator[Metric]:
    lengths = GaugeMetricFamily(
        f"obdtrack_{name}", f"{what}; {CAP} means that many or more.", labels=[label]
    )
    ages = GaugeMetricFamily(
        f"obdtrack_{name}_oldest_seconds", f"{what}: age of the oldest.", labels=[label]
    )
    for key, queue in queues.items():
        lengths.add_metric([key], queue.length)
        ages.add_metric([key], stock.age(queue.since) or 0.0)
    yield lengths
    yield ages
