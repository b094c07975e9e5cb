"""The dashboard and the rules in deploy/ look at figures there are, and say what they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from obdtrack.access.audit import Itself
from obdtrack.calls.reports.quarantine import COUNTER
from obdtrack.domain.campaign import CampaignState
from obdtrack.notifications import destinations
from obdtrack.notifications.destinations import Wishes
from obdtrack.services import Services
from obdtrack.store import models
from tests.conftest import Caller
from tests.operations.conftest import Account
from tests.operations.test_manual import ROOT, part
from tests.operations.test_metrics import Scrape

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "obdtrack.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
PROMTOOL = shutil.which("promtool")

GIVEN_BY_PROMETHEUS = {"job", "instance"}
"""The labels that every target gets."""


def questions() -> dict[str, str]:
    """Every expression of the dashboard as Prometheus is asked it, by where it stands."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        .replace("$job", "obdtrack")
        .replace("$__rate_interval", "5m")
        for panel in PANELS
        for target in panel["targets"]
    }


def rules() -> dict[str, str]:
    """Every alert's expression, by its name."""
    found = re.findall(r"alert: (\w+)\n +expr: (?:>-\n)?(.*?)\n +(?:for|labels):", TEXT, re.DOTALL)
    return dict(found)


TEXT = RULES.read_text()


def looked_at(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Every metric that an expression names, with what it says of its labels."""
    for name, said in re.findall(r"\b(obdtrack_\w+|process_\w+)(?:\{(.*?)\})?", expression):
        yield name, dict(re.findall(r'(\w+)(?:=~|!=|=)"(.*?)"', said))


@pytest.fixture
def labels(account: Account, reader: Caller, services: Services) -> dict[str, dict[str, set[str]]]:
    """Every sample of a true response: the values of its labels."""
    destinations.create(Wishes("https://hooks.example.com/"), Itself(), services)
    account.reported_calls(1)
    account.place()
    account.clock.forward(minutes=20)
    text = reader.client.get("/metrics", headers=reader.headers).text
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name, {})
        for sample in family.samples:
            for label, value in sample.labels.items():
                found.setdefault(sample.name, {}).setdefault(label, set()).add(value)
            found.setdefault(sample.name, {})
    return found


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
def test_every_figure_and_label_that_is_looked_at_is_there(labels: dict[str, dict[str, set[str]]]):
    states = {"state": {str(state) for state in CampaignState}}  # none is there without a campaign
    for where, expression in (questions() | rules()).items():
        grouped = re.findall(r"by \(([\w, ]+)\)", expression)
        named = set(re.findall(r"\w+", " ".join(grouped))) - GIVEN_BY_PROMETHEUS
        of_all: set[str] = set()
        for name, said in looked_at(expression):
            assert name in labels, f"{where}: {name}"
            there = labels[name] | (states if name == "obdtrack_campaigns" else {})
            of_all |= there.keys()
            for label, value in said.items():
                if label not in GIVEN_BY_PROMETHEUS:
                    assert set(value.split("|")) <= there[label], f"{where}: {label}={value}"
        assert named <= of_all, where


def test_each_alarm_of_the_manual_is_a_rule():
    manual = part("alarms").replace("\\|", "|")
    told = {(name, *said.items()) for name, said in looked_at(manual)}
    ruled = {(name, *said.items()) for text in rules().values() for name, said in looked_at(text)}
    assert len(told) > 12
    assert told == ruled


def test_the_dashboard_is_whole():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    (source, _) = DASHBOARD["templating"]["list"]
    for panel in PANELS:
        for part_ in (panel, *panel["targets"]):
            assert part_["datasource"]["uid"] == f"${{{source['name']}}}"
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        assert any(
            a[side] + a[size] <= b[side]
            for a, b in ((one, other), (other, one))
            for side, size in (("x", "w"), ("y", "h"))
        )


def test_no_panel_rounds_a_number_of_calls():
    """`short` would make 1.23 Mil of 1,234,567."""
    units = {panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS}
    assert units <= {"locale", "none", "s", "bytes"}


@pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
def test_a_large_number_is_told_to_its_last_digit(reader: Caller, services: Services):
    models.Counter.insert(name=COUNTER, value=123_456_789_012_345).execute()
    models.Statistic.insert(
        name="", slot=-1, status="completed", source="webhook", attempts=1, calls=1_234_567,
        priced=0, cost=0,
    ).execute()  # fmt: skip
    scrape = Scrape(reader)
    assert scrape.told("rejected_deliveries_total") == 123_456_789_012_345
    assert scrape.told("all_calls", "completed") == 1_234_567


# What Prometheus' own tool says of them.


@pytest.fixture(scope="module")
def promtool() -> str:
    return PROMTOOL or pytest.skip("promtool is not installed: apt-get install prometheus")


def test_the_rules_are_right_and_fire_when_they_should(promtool: str):
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(
            [promtool, *command], cwd=RULES.parent, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_seen_to_fire():
    tested = (RULES.parent / "alerts_test.yml").read_text()
    fired = set(re.findall(r'ALERTS\{alertname="(\w+)",alertstate="firing",', tested))
    fired |= set(re.findall(r"alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:\n", tested))
    assert fired == rules().keys()


def test_prometheus_can_read_every_expression_of_the_dashboard(promtool: str, tmp_path: Path):
    records = [
        {"record": f"panel:{count}", "expr": expression}
        for count, expression in enumerate(questions().values())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": records}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
