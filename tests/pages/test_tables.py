"""Tables that are downloaded: the pages' words, the reader's clock, and no formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from flask import Flask, Response

from obdtrack.domain.submission import Failure, SendResponse
from obdtrack.errors import ObdtrackError
from obdtrack.web.pages import tables
from obdtrack.web.pages.tables import TableColumn, TableFile, defused, file_name, table_response
from tests.conftest import FRONTS, Caller
from tests.factories import NUMBER, Clock, ScriptedProvider, accepted
from tests.pages.conftest import Visitor

WORDS = "=Insufficient balance"
OLD = {"environ_overrides": {"SERVER_PROTOCOL": "HTTP/1.0"}}
TABLE = TableFile("some", [TableColumn("Text", str)], ZoneInfo("UTC"))


@pytest.fixture
def three(caller: Caller, provider: ScriptedProvider, clock: Clock) -> None:
    """A call that was answered, one that is busy, and one that was refused."""
    provider.on_send = accepted(mid=None)
    first = caller.place(reference="=HYPERLINK(1)", name="diwali").json
    caller.report(mid=first["provider_id"][:-2], billing="16")
    clock.forward(minutes=1)
    caller.place(reference="second", name="diwali")
    clock.forward(minutes=1)
    provider.on_send = lambda _: SendResponse(Failure.INSUFFICIENT_BALANCE, WORDS, http_status=400)
    caller.place(reference="third")


def as_csv(visitor: Visitor, query: str = "", **options: Any) -> list[dict[str, str]]:
    response = visitor.open(f"/calls.csv?{query}", **options)
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))


def as_workbook(visitor: Visitor, query: str = "") -> list[dict[str, Any]]:
    response = visitor.open(f"/calls.xlsx?{query}")
    assert response.content_length == len(response.data)
    heading, *lines = openpyxl.load_workbook(io.BytesIO(response.data)).active.values
    return [dict(zip(heading, line, strict=True)) for line in lines]


def test_the_csv_has_the_words_of_the_pages_and_no_formulas(visitor: Visitor, three: None) -> None:
    refused, queued, answered = as_csv(visitor)
    assert [row["Status"] for row in (refused, queued, answered)] == [
        "Rejected", "Queued", "Answered",
    ]  # fmt: skip
    assert answered["Number"] == f"'{NUMBER}"
    assert answered["Reference"] == "'=HYPERLINK(1)"
    assert answered["Placed (UTC)"] == "2026-11-23 12:00:00"
    assert answered["Talk time (s)"] == "23"
    assert (answered["Cost"], answered["Billable seconds"]) == ("0.5000", "16")
    assert (answered["Attempts"], answered["Result of each attempt"]) == ("1", "1: Answered")
    assert answered["Caller"] == "tests"
    assert answered["Known from"] == "report"
    assert "balance" in refused["Why"]
    assert refused["Provider's words"] == f"'{WORDS}"


def test_the_workbook_has_the_same_with_numbers_as_text_and_times_as_times(
    visitor: Visitor, three: None
) -> None:
    visitor.client.set_cookie("obdtrack_mine", "Asia%2FKolkata")
    refused, _, answered = as_workbook(visitor)
    assert list(answered) == list(as_csv(visitor)[0])
    assert answered["Placed (Asia/Kolkata)"] == datetime(2026, 11, 23, 17, 30)
    assert answered["Number"] == NUMBER
    assert answered["Reference"] == "=HYPERLINK(1)"
    assert (answered["Cost"], answered["Talk time (s)"]) == (0.5, 23)
    assert refused["Provider's words"] == WORDS


def test_the_tables_have_the_calls_of_the_filter_and_masked_numbers(
    visitor: Visitor, guest: Visitor, three: None
) -> None:
    assert [row["Reference"] for row in as_csv(visitor, "status=rejected")] == ["third"]
    assert [row["Reference"] for row in as_workbook(visitor, "status=rejected")] == ["third"]
    assert {row["Number"] for row in as_workbook(guest)} == {"+9188•••••001"}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "calls-2026-11-16-to-2026-11-23"),
        ("period=any", "calls-until-2026-11-23"),
        ("status=busy&name=di wali&from=2026-11-20&to=2026-11-20", "calls-busy-di-wali-2026-11-20"),
        ("status=attention&period=day", "calls-attention-2026-11-22-to-2026-11-23"),
        ("ending=5001&name=" + NUMBER[1:], "calls-9188-001-found-until-2026-11-23"),
    ],
)  # fmt: skip
def test_the_file_is_called_by_the_filter_and_holds_no_number(
    visitor: Visitor, query: str, name: str
) -> None:
    for form in ("csv", "xlsx"):
        told = visitor.open(f"/calls.{form}?{query}").headers["Content-Disposition"]
        assert told == f"attachment; filename={name}.{form}"


def sent(response: Response) -> bytes:
    return b"".join(response.iter_encoded())


def broken() -> Iterator[str]:
    yield "first"
    raise ZeroDivisionError


def test_a_table_that_breaks_does_not_look_whole(app: Flask) -> None:
    with app.test_request_context():
        in_chunks = table_response(TABLE, broken(), "csv")
    assert "Content-Length" not in in_chunks.headers
    with pytest.raises(ZeroDivisionError):
        list(in_chunks.response)
    with app.test_request_context(**OLD), pytest.raises(ZeroDivisionError):
        table_response(TABLE, broken(), "csv")
    with app.test_request_context(), pytest.raises(ZeroDivisionError):
        table_response(TABLE, broken(), "xlsx")


@FRONTS
def test_over_http_1_0_a_table_is_sent_with_its_length(visitor: Visitor, three: None) -> None:
    response = visitor.open("/calls.csv", **OLD)
    assert response.content_length == len(response.data)
    assert response.data == visitor.open("/calls.csv").data


def test_who_asks_is_told_how_many_rows_left(app: Flask) -> None:
    told: list[int] = []
    with app.test_request_context():
        for form in ("csv", "xlsx"):
            sent(table_response(TABLE, ["a", "b"], form, told.append))
        with pytest.raises(ZeroDivisionError):
            list(table_response(TABLE, broken(), "csv", told.append).response)
    assert told == [2, 2, 1]


def test_a_workbook_of_too_many_rows_is_refused_and_leaves_no_file(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openpyxl.worksheet._writer import ALL_TEMP_FILES

    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    with app.test_request_context():
        table_response(TABLE, "ab", "xlsx")
        with pytest.raises(ObdtrackError, match="at most 2 rows"):
            table_response(TABLE, "abc", "xlsx")
    assert ALL_TEMP_FILES == []


@pytest.mark.parametrize("text", ["=1", "#N/A", "a\x00b", "\ufffe", "+91", "0012", "a\nb"])
def test_text_stays_text_in_a_workbook(app: Flask, text: str) -> None:
    with app.test_request_context():
        data = sent(table_response(TABLE, [text], "xlsx"))
    cell = openpyxl.load_workbook(io.BytesIO(data)).active["A2"]
    assert (cell.value or "", cell.data_type in "sn") == (
        text.replace("\x00", "\ufffd").replace("\ufffe", "\ufffd"), True,
    )  # fmt: skip


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\tx", "\rx", "\n=1"])
def test_what_a_spreadsheet_would_calculate_is_text(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


def test_numbers_may_be_negative() -> None:
    assert defused(Decimal("-0.50")) == "-0.50"


def test_a_file_name_has_letters_of_any_script(app: Flask) -> None:
    assert file_name("calls", "दिवाली/2026", None, " ") == "calls-दिवाली-2026"
    with app.test_request_context():
        told = table_response(TABLE._replace(name="दि"), [], "csv").headers["Content-Disposition"]
    assert told.endswith("filename*=UTF-8''%E0%A4%A6%E0%A4%BF.csv")


def test_times_are_shown_to_the_second(app: Flask) -> None:
    table = TableFile(
        "t", [TableColumn("At", lambda at: at, of_times=True)], ZoneInfo("Asia/Kolkata")
    )
    with app.test_request_context():
        text = sent(table_response(table, [datetime(2026, 1, 1, 0, 0, 1, 5, UTC)], "csv"))
    assert text.decode() == "\ufeffAt (Asia/Kolkata)\r\n2026-01-01 05:30:01\r\n"
