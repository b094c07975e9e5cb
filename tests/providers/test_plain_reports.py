"""What is read in short of a plain report is what is read of it otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.domain.reports import RawDelivery
from obdtrack.providers.mobtexting.ids import UuidIds
from obdtrack.providers.mobtexting.plain_reports import PlainReader
from obdtrack.providers.mobtexting.reports import PayloadReader, read_delivery
from obdtrack.providers.mobtexting.vocabulary import ALIASES
from tests.factories import report_body
from tests.providers.test_payloads import REQUESTS, expectation_of, request_in
from tests.providers.test_payloads_hostile import any_delivery, any_text, any_word

READER = PayloadReader(ZoneInfo("Europe/Berlin"), {"dtmf": "keys"}, "dmy")
PLAIN = PlainReader(READER, UuidIds())
TWICE, NEVER = "2026-10-25 02:30:00", "2026-03-29 02:30:00"  # in Berlin

any_value = st.none() | st.integers() | any_word | any_text
any_value |= st.sampled_from([TWICE, NEVER, "2026-11-23 11:57:39", "1.5", "00:16", "busy", "n/a"])
any_field = st.sampled_from([key for keys in ALIASES.values() for key in keys])
any_field |= st.sampled_from(["keys", "Call-ID", "source", "event", "api_token", "type"])
any_fields = st.dictionaries(any_field | any_text, any_value, max_size=6)


def in_short(raw: RawDelivery, reader: PayloadReader, plain: PlainReader) -> bool:
    """Whether it is read in short; if it is, that gives what is read otherwise."""
    found = plain.read(raw)
    assert found is None or found.whole() == read_delivery(raw, reader)
    assert found is None or found == plain.read(raw)
    return found is not None


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_a_payload_file_is_read_alike(path: Path) -> None:
    reader, _ = expectation_of(path)
    in_short(request_in(path), reader, PlainReader(reader, UuidIds()))


@given(any_delivery)
def test_any_request_is_read_alike(raw: RawDelivery) -> None:
    in_short(raw, READER, PLAIN)


@given(any_fields)
def test_any_fields_are_read_alike(fields: dict[str, Any]) -> None:
    body = json.dumps(report_body() | fields, ensure_ascii=False)
    in_short(RawDelivery("POST", "", {}, "", body.encode("utf-8", "replace")), READER, PLAIN)


@pytest.mark.parametrize("changes", [{}, {"mid": None, "id": "7"}, {"keys": 5, "source": "IVR"}])
def test_usual_reports_are_read_in_short(changes: dict[str, Any]) -> None:
    body = json.dumps(report_body(**changes)).encode()
    assert in_short(RawDelivery("POST", "", {}, "", body), READER, PLAIN)


@pytest.mark.parametrize(
    "changes",
    [{"start_at": TWICE}, {"duration": "1.5"}, {"status": "queued"}, {"api_token": "s3cret"}],
)
def test_what_is_in_doubt_is_left_to_the_long_way(changes: dict[str, Any]) -> None:
    body = json.dumps(report_body(**changes)).encode()
    assert not in_short(RawDelivery("POST", "", {}, "", body), READER, PLAIN)
