"""Each fact that can be reported is declared once, and known everywhere."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

import obdtrack
from obdtrack.domain.facts import BY_WEIGHT, FACTS
from obdtrack.domain.fold import Attempt, CallState
from obdtrack.domain.reports import Report
from obdtrack.web.api.schemas import AttemptSchema, CallSchema

PRODUCT = Path(obdtrack.__file__).parent
SIMULATOR = PRODUCT / "providers/mobtexting/simulator"


def files_that_name(fact: str) -> set[str]:
    """The product's files with this word; the simulator is the provider's side."""
    files = [path for kind in ("py", "html", "js") for path in PRODUCT.rglob(f"*.{kind}")]
    return {
        str(path.relative_to(PRODUCT))
        for path in files
        if fact in path.read_text() and SIMULATOR not in path.parents
    }


@pytest.mark.parametrize("holder", [Report, Attempt, CallState])
def test_reports_attempts_and_calls_hold_every_fact(holder: type) -> None:
    assert {field.name for field in fields(holder)} > FACTS.keys()


@pytest.mark.parametrize("schema", [AttemptSchema, CallSchema])
def test_the_api_tells_every_fact(schema: type) -> None:
    assert schema().fields.keys() > FACTS.keys()


@pytest.mark.parametrize("fact", ["dtmf", "hangup_by"])
def test_a_fact_is_named_by_the_table_and_by_the_provider_that_reports_it(fact: str) -> None:
    named = files_that_name(fact)
    assert "domain/facts.py" in named
    assert {path for path in named if not path.startswith("providers/")} == {"domain/facts.py"}
    assert len(named) <= 4


def test_every_fact_has_its_weight_and_when_a_call_ended_has_the_most() -> None:
    assert sorted(BY_WEIGHT) == sorted(FACTS)
    assert (BY_WEIGHT[0], BY_WEIGHT[-1]) == ("ended_at", "started_at")
