"""Single values, statuses and settings: what the provider writes, and what we make of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from obdtrack.domain.reports import RawDelivery, Report
from obdtrack.domain.status import Status
from obdtrack.errors import ConfigError
from obdtrack.providers.mobtexting.reports import (
    PayloadReader,
    load_json,
    read_call,
    read_delivery,
    read_duration,
    read_money,
    read_time,
)
from obdtrack.providers.mobtexting.vocabulary import ALIASES, meaning_of

UTC_ZONE = ZoneInfo("UTC")
INDIA = ZoneInfo("Asia/Kolkata")
HALF_PAST = datetime(2021, 4, 9, 16, 27, 39, tzinfo=UTC)


def report_of(query: str, **fields: str) -> Report:
    reading = read_delivery(RawDelivery("GET", query, {}, "", b""), PayloadReader(UTC_ZONE, fields))
    assert isinstance(reading, Report)
    return reading


@pytest.mark.parametrize(
    "written",
    [
        "2021-04-09 16:27:39",
        " 2021-04-09 16:27:39 ",
        "2021-04-09T16:27:39",
        "2021-04-09T16:27:39Z",
        "2021-04-09T16:27:39.000000Z",
        "2021-04-09T21:57:39+05:30",
        "2021-04-09 21:57:39 05:30",
        "2021-04-09 21:57:39 +0530",
        "2021-04-09 11:27:39 -05:00",
        "1617985659",
        1617985659,
        "1617985659000",
        1617985659000,
        "1617985659.000",
        "1617985659000000",
        "1617985659000000000",
        "20210409162739",
        "20210409 162739",
        "20210409T162739",
        "2021/04/09 16:27:39",
        "2021.04.09 16:27:39",
        "2021-04-09 04:27:39 PM",
        "2021-04-09 4:27:39\u202fpm",
        "2021-04-09, 4:27:39 p.m.",
        "2021-04-09 16:27:39 UTC",
        "2021-04-09 16:27:39 GMT",
        "2021-04-09 16:27:39 +0000 UTC",
        "2021-04-09 21:57:39 IST",
        "2021-04-09 21:57:39 +0530 IST",
        "2021-04-09 21:57:39 GMT+5:30",
        "2021/04/09 21:57:39 05:30",
        "Fri, 09 Apr 2021 16:27:39 GMT",
        "Fri, 9 Apr 2021 21:57:39 +0530",
        "9 April 2021 16:27:39",
        "09-Apr-2021 16:27:39",
        "Apr 9, 2021 4:27:39 PM",
        "09/Apr/2021:21:57:39 +0530",
        "Fri Apr  9 16:27:39 2021",
        "Fri Apr  9 21:57:39 IST 2021",
        "Fri Apr 09 2021 21:57:39 GMT+0530 (India Standard Time)",
    ],
)
def test_one_moment_is_read_from_every_form_it_is_written_in(written: object) -> None:
    moment = read_time(written, UTC_ZONE)
    assert moment == HALF_PAST
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "written", ["9999-12-31 23:59:59", "0001-01-01 00:00:00", "2201-01-01 00:00:00"]
)
def test_a_year_in_which_nobody_was_called_is_no_moment(written: str) -> None:
    assert read_time(written, INDIA) is None
    assert report_of(f"id=x:1&start_at={written}").extra == {"start_at": written}


@pytest.mark.parametrize("mark", "/-.")
def test_a_date_that_begins_with_day_or_month_is_read_as_the_order_says(mark: str) -> None:
    written = f"09{mark}04{mark}2021 16:27:39"
    assert read_time(written, UTC_ZONE) is None
    assert read_time(written, UTC_ZONE, "dmy") == HALF_PAST
    assert read_time(written, UTC_ZONE, "mdy") == datetime(2021, 9, 4, 16, 27, 39, tzinfo=UTC)


@pytest.mark.parametrize("order", [None, "dmy", "mdy"])
def test_a_date_with_one_reading_is_read_whatever_the_order(order: str | None) -> None:
    day_first = read_time("27/11/2026 09:05", UTC_ZONE, order)
    month_first = read_time("11/27/2026 09:05", UTC_ZONE, order)
    assert day_first == month_first == datetime(2026, 11, 27, 9, 5, tzinfo=UTC)
    assert read_time("05/05/2021 09:05", UTC_ZONE, order) is not None


@pytest.mark.parametrize(
    ("written", "hour"),
    [("12:05:00 AM", 0), ("12:05:00 PM", 12), ("01:05:00 AM", 1), ("11:05:00 pm", 23),
     ("00:05:00 AM", 0), ("13:05:00 PM", 13), ("9:05", 9)],
)  # fmt: skip
def test_the_half_of_the_day_is_told_by_am_and_pm(written: str, hour: int) -> None:
    moment = read_time(f"2021-04-09 {written}", UTC_ZONE)
    assert moment is not None
    assert (moment.hour, moment.minute) == (hour, 5)


def test_text_without_a_zone_is_in_the_zone_that_was_set() -> None:
    assert read_time("2021-04-09 21:57:39", INDIA) == HALF_PAST


def test_text_with_a_zone_of_its_own_keeps_it_whatever_was_set() -> None:
    assert read_time("2021-04-09T16:27:39Z", INDIA) == HALF_PAST
    assert read_time(1617985659, INDIA) == HALF_PAST


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        "2021-04-09",
        "20210409",
        "16:27:39",
        "0000-00-00 00:00:00",
        "2021-13-09 16:27:39",
        "2021-04-09 16:27:39 AM",
        "2021-04-09T16",
        "2021-04-09T16+05:30",
        "20210409T16",
        "2021-W14-5",
        "2021-W14-5T16:27:39",
        "2021W145T162739",
        "2021-099T16:27:39",
        "09/04/2021",
        "09/04/2021 16:27:39",
        "09.04.2021 04:27:39 p.m.",
        "31/02/2021 16:27:39",
        "2021-04-09 16:27:39 EST",
        "2021-04-09 16:27:39 +99:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "161798565",
        "202104091627",
        "20211309162739",
        "918867135001",
        "١٦١٧٩٨٥٦٥٩",
        1617985659.5,
        [],
        "{{start_at}}",
        "2021-04-09 16:27:39" * 100,
    ],
)
def test_what_is_not_a_moment_is_not_read_as_one(written: object) -> None:
    assert read_time(written, UTC_ZONE) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.5000", "0.5000"),
        ("-0.10", "-0.10"),
        (".25", ".25"),
        (" 2 ", "2"),
        (1, "1"),
        (0, "0"),
        (0.15, "0.15"),
        (Decimal("0.1500"), "0.1500"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_money_stays_as_exact_as_it_was_written(written: object, read: str) -> None:
    assert read_money(written) == read


@pytest.mark.parametrize(
    "written",
    [
        *(None, True, "", "NaN", "Infinity", "1e400", "₹1", "1,5", "٣", "1" * 40, [], {}),
        *(float("nan"), float("inf"), 1e300, Decimal("NaN"), Decimal("Infinity")),
    ],
)
def test_what_is_no_plain_amount_is_no_money(written: object) -> None:
    assert read_money(written) is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        *(("23", 23), (23, 23), ("23.0", 23), (0, 0)),
        *(("00:00:19", 19), ("1:00:19", 3619), ("00:19", 19), ("100:00:00", 360000)),
        *(("90:00", 5400), ("1m 5s", 65), ("1m5s", 65), ("1h 2m 3s", 3723), ("23 sec", 23)),
        *(("23s", 23), ("23 Seconds", 23), ("PT1M5S", 65), ("PT1H", 3600), ("2 hrs 5 mins", 7500)),
        *(("1 min, 5 sec", 65), ("5 m", 300), ("2000 ms", 2), ("00:00:23.000", 23), ("0 s", 0)),
    ],
)
def test_a_length_is_read_in_seconds(written: object, seconds: int) -> None:
    assert read_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        *(None, True, "", -5, "-5", "-00:00:05", "-23.5", "00:00:60", "00:61:00", "1:2:3:4"),
        *("abc", "9999999999", "٢٣", [], 10**30, "23,5", "1E400", "PT", "5m s", "1h30", "5 meters"),
    ],
)
def test_what_is_no_length_is_not_read_as_one(written: object) -> None:
    assert read_duration(written) is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("23.5", 23), ("0.999", 0), ("00:00:23.500", 23), ("0:23,9", 23), ("PT23.5S", 23),
     ("1m 5.9s", 65), ("1999 ms", 1)],
)  # fmt: skip
def test_a_second_that_did_not_pass_in_full_is_not_counted_and_stays_to_be_seen(
    written: str, seconds: int
) -> None:
    report = report_of(f"id=a1&duration={written}")
    assert report.duration_seconds == seconds
    assert type(report.duration_seconds) is int
    assert report.extra == {"duration": written}


@pytest.mark.parametrize(
    "field", ["dtmf", "hangup_by", "flow_id", "status", "to", "mid", "duration"]
)
@pytest.mark.parametrize(
    "word",
    ["null", "NULL", "None", "nOnE", "undefined", "NaN", "nil", "-", "--", "\u2013", "N/A",
     "(null)", "<nil>", "\\N", "[object Object]", '""', " null "],
)  # fmt: skip
def test_a_word_for_nothing_is_no_fact_and_stays_to_be_seen(field: str, word: str) -> None:
    report = report_of(urlencode({"id": "a1", field: word}))
    assert report == Report(provider_id="a1", extra={field: word})


@pytest.mark.parametrize("keys", ["*", "#", "0", "A", "1*#", "00"])
def test_what_a_telephone_can_send_is_no_word_for_nothing(keys: str) -> None:
    assert report_of(urlencode({"id": "a1", "dtmf": keys})).dtmf == keys


@pytest.mark.parametrize("word", ["NA", "NO", "0", "Nobody", "-1"])
def test_a_word_that_may_be_a_status_is_kept(word: str) -> None:
    assert report_of(urlencode({"id": "a1", "status": word})).provider_status == word


@pytest.mark.parametrize(
    ("word", "status", "answered", "reason"),
    [
        ("ANSWER", Status.COMPLETED, True, None),
        ("Answered", Status.COMPLETED, True, None),
        ("COMPLETED", Status.COMPLETED, True, None),
        ("RECEIVED", Status.COMPLETED, True, "not-forwarded"),
        ("MISSED", Status.COMPLETED, True, "agent-missed"),
        ("BUSY", Status.BUSY, False, None),
        ("NOANSWER", Status.NO_ANSWER, False, None),
        ("NO ANSWER", Status.NO_ANSWER, False, None),
        ("no-answer", Status.NO_ANSWER, False, None),
        ("CANCEL", Status.CANCELED, False, None),
        ("CONGESTION", Status.FAILED, False, "congestion"),
        ("CHANUNAVAIL", Status.FAILED, False, "channel-unavailable"),
        ("queued", Status.QUEUED, None, None),
        ("RINGING", None, None, None),
        ("", None, None, None),
    ],
)
def test_a_word_means_what_the_provider_says_it_means(
    word: str, status: Status | None, answered: bool | None, reason: str | None
) -> None:
    assert meaning_of(word) == (status, answered, reason)


def test_a_word_we_lack_is_kept_as_it_was_written_up_to_a_hundred_characters() -> None:
    assert report_of("id=a1&status=Ring.Timeout").provider_status == "Ring.Timeout"
    assert report_of("id=a1&status=" + "x" * 500).provider_status == "x" * 99 + "…"


SAMPLES = {
    **dict.fromkeys(("to", "caller", "bridge"), "12345678"),
    **dict.fromkeys(("duration_seconds", "billable_seconds", "charges"), "12345678"),
    **dict.fromkeys(("started_at", "ended_at", "reported_at"), "2021-04-09T16:27:39Z"),
    "recording_url": "https://example.com/1.wav",
}


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, keys in ALIASES.items() for key in keys]
)
def test_every_alias_fills_its_field_in_any_spelling(name: str, key: str) -> None:
    field = "provider_status" if name == "status" else name
    other_id = "mid" if name == "provider_id" else "id"
    for spelling in (key, key.upper(), key.replace("_", "-"), key.replace("_", "").title()):
        report = report_of(f"{other_id}=x1&{spelling}={SAMPLES.get(name, 'x2')}")
        assert getattr(report, field) is not None
        assert report.extra == {}


def test_the_operators_key_wins_over_a_built_in_one_and_can_take_it_over() -> None:
    assert report_of("ref=mine&id=theirs", provider_id="ref").provider_id == "mine"
    assert report_of("to=918867130000&from=918068280000", to="from").to == "+918068280000"


def test_a_built_in_key_serves_while_the_operators_key_is_missing() -> None:
    assert report_of("id=theirs", provider_id="ref").provider_id == "theirs"


@pytest.mark.parametrize(
    "fields", [{"colour": "x"}, {"provider_id": "header:Authorization"}, {"dtmf": "token"}]
)
def test_a_setting_that_makes_no_sense_is_refused_at_the_start(fields: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="OBDTRACK_WEBHOOK_FIELDS"):
        PayloadReader(UTC_ZONE, fields)


@pytest.mark.parametrize("entry", [None, [], "a1", 5, {}, {"status": "BUSY"}, {"to": "91xxxx"}])
def test_an_entry_without_id_or_number_is_no_call(entry: object) -> None:
    assert read_call(entry, PayloadReader(UTC_ZONE)) is None


def test_json_is_parsed_without_floats() -> None:
    parsed = load_json(b'\xef\xbb\xbf {"a": 0.5000, "b": 1, "c": 1e400, "d": NaN, "e": [1.0]} ')
    assert parsed == {"a": "0.5000", "b": 1, "c": "1e400", "d": "NaN", "e": ["1.0"]}


@pytest.mark.parametrize("digits", [19, 5_000])
def test_an_integer_no_column_can_hold_stays_text(digits: int) -> None:
    assert load_json(b"9" * digits) == "9" * digits
    assert load_json(b"9" * 18) == int("9" * 18)


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"[" * 100_000, b"\xff", b'{"a": 1,}'])
def test_what_is_not_strict_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        load_json(body)


def test_a_report_with_too_many_fields_keeps_ours_and_the_first_hundred_others() -> None:
    report = report_of("&".join(f"k{n}={n}" for n in range(500)) + "&id=a1")
    assert report.provider_id == "a1"
    assert len(report.extra) == 101
    assert report.extra["(more)"] == "400 fields left out"


def test_long_values_under_other_keys_are_cut_and_show_it() -> None:
    extra = report_of(f"id=a1&remark={'x' * 5000}&{'k' * 500}=1").extra
    assert extra["remark"] == "x" * 1999 + "…"
    assert extra["k" * 99 + "…"] == "1"
