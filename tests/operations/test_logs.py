"""Log lines: one event one line of JSON, whatever is in it, and no number in full."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack import logs
from tests.end_to_end.conftest import ROOT
from tests.factories import NUMBER

ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=60)

PROGRAM = """
import logging, structlog
from obdtrack.logs import configure_logs
configure_logs("info")
ours, theirs = structlog.get_logger(), logging.getLogger("library")
ours.warning("clock_skew", advice="set it")
ours.debug("details")
theirs.info("chatter")
theirs.warning("retrying\\nforged %s", "{number}")
try:
    raise ValueError("what is {number}?")
except ValueError as error:
    ours.exception("processing_failed", reason=str(error))
    theirs.exception("failed")
"""


@pytest.fixture(scope="module", params=[NUMBER, NUMBER[1:], "+91 88671 35001"])
def written(request: pytest.FixtureRequest) -> list[dict[str, str]]:
    """What a process of its own writes that meets this number; it must not be in there."""
    program = PROGRAM.replace("{number}", request.param)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert request.param not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_an_event_is_a_line_of_json_with_its_time_and_level(written: list[dict[str, str]]):
    first = dict(written[0])
    assert first.pop("timestamp").endswith("Z")
    assert first == {"event": "clock_skew", "level": "warning", "advice": "set it"}


def test_what_is_below_the_level_is_not_written(written: list[dict[str, str]]):
    events = [line["event"] for line in written]
    assert "details" not in events
    assert "chatter" not in events
    assert len(events) == 4


def test_a_librarys_line_has_the_same_form(written: list[dict[str, str]]):
    line = written[1]
    assert (line["logger"], line["level"]) == ("library", "warning")
    assert line["event"] == "retrying\nforged +9188•••••001"


def test_a_fault_is_told_where_it_happened_and_without_the_number(written: list[dict[str, str]]):
    for line in written[2:]:
        assert "Traceback" in line["exception"]
        assert "ValueError: what is +9188•••••001?" in line["exception"]
    assert written[2]["reason"] == "what is +9188•••••001?"


@given(event=ANY_TEXT, detail=ANY_TEXT)
def test_no_text_of_ours_makes_a_second_line(event: str, detail: str):
    line = str(logs._one_line(None, "", {"event": event, "path": detail}))
    assert line.splitlines() == [line]
    assert json.loads(line) == {"event": event, "path": detail}


@given(message=ANY_TEXT)
def test_no_text_of_a_library_makes_a_second_line(message: str):
    record = logging.LogRecord("library", logging.ERROR, "", 1, "%s", (message,), None)
    line = logs._OfLibraries().format(record)
    assert line.splitlines() == [line]
    assert json.loads(line)["level"] == "error"
