"""Every payload file is read as the expectation beside it says."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from obdtrack.domain.reports import Challenge, NotOurs, OptOut, RawDelivery, Report, Unreadable
from obdtrack.domain.times import to_text
from obdtrack.providers.mobtexting import bodies, envelopes
from obdtrack.providers.mobtexting.lenient_json import load_liberally
from obdtrack.providers.mobtexting.reports import PayloadReader, load_json, read_call, read_delivery

FOLDER = Path(__file__).parents[1] / "payloads" / "mobtexting"
FILES = sorted(p for p in FOLDER.iterdir() if not p.name.endswith(".expected.json"))
REQUESTS = [path for path in FILES if path.suffix == ".http"]
CALLS = [path for path in FILES if path.name.startswith("callstatus__")]
KINDS = {
    Report: "report",
    OptOut: "opt-out",
    Challenge: "challenge",
    NotOurs: "not-ours",
    Unreadable: "unreadable",
}


def request_in(path: Path) -> RawDelivery:
    """The request in a `.http` file; the file's last line break is not part of the body."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    first, *lines = head.decode().splitlines()
    method, target, _ = first.split(" ")
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
    query = urlsplit(target).query
    content_type = headers.get("content-type", "")
    return RawDelivery(method, query, headers, content_type, body.removesuffix(b"\n"))


def expectation_of(path: Path) -> tuple[PayloadReader, dict[str, Any]]:
    expected = json.loads(path.with_name(f"{path.stem}.expected.json").read_text())
    given = expected.pop("given", {})
    zone = ZoneInfo(given.get("timezone", "UTC"))
    return PayloadReader(zone, given.get("fields", {}), given.get("date_order")), expected


def told(reading: Any) -> dict[str, Any]:
    """What a reading says, as its expectation file writes it: without what it leaves out."""
    values = asdict(reading) if is_dataclass(reading) else reading._asdict()
    return {
        name: to_text(value) if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None and value != {}
    }


def names(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", FILES, ids=names)
def test_every_payload_has_an_expectation(path: Path) -> None:
    assert path.with_name(f"{path.stem}.expected.json").exists()


def test_every_expectation_has_a_payload_that_is_read() -> None:
    expected = {path.name.removesuffix(".expected.json") for path in FOLDER.glob("*.expected.json")}
    assert expected == {path.stem for path in REQUESTS + CALLS}
    assert set(REQUESTS + CALLS) == set(FILES)


def is_read_as_expected(path: Path) -> bool:
    reader, expected = expectation_of(path)
    reading = read_delivery(request_in(path), reader)
    return {"kind": KINDS[type(reading)], **told(reading)} == expected


@pytest.mark.parametrize("path", REQUESTS, ids=names)
def test_a_request_is_read_as_expected(path: Path) -> None:
    assert is_read_as_expected(path)


TEXTS = ["json-as-quoted-text", "json-text-in-json-text", "payload-is-a-json-text-twice"]


@pytest.mark.parametrize("name", TEXTS)
def test_leaving_json_in_json_a_text_would_be_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (bodies, envelopes):
        monkeypatch.setattr(module, "load_texts", load_liberally)
    assert not is_read_as_expected(FOLDER / f"report__{name}.http")


@pytest.mark.parametrize("path", CALLS, ids=names)
def test_an_entry_of_the_call_log_is_read_as_expected(path: Path) -> None:
    reader, expected = expectation_of(path)
    found = read_call(load_json(path.read_bytes()), reader)
    assert found is not None
    created = {} if found.created_at is None else {"created_at": to_text(found.created_at)}
    assert {"kind": "call", **created, **told(found.report)} == expected


@pytest.mark.parametrize("path", REQUESTS, ids=names)
def test_no_secret_of_a_request_is_in_what_was_read(path: Path) -> None:
    reader, _ = expectation_of(path)
    assert "s3cret" not in repr(read_delivery(request_in(path), reader))
    assert "example-secret" not in repr(read_delivery(request_in(path), reader))
