"""Whatever reaches the callback is read without an error, the same way every time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from time import thread_time
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.domain.reports import RawDelivery, Report, Unreadable
from obdtrack.providers.mobtexting.reports import (
    PayloadReader,
    read_call,
    read_delivery,
    read_duration,
    read_time,
)
from obdtrack.providers.mobtexting.vocabulary import ALIASES

READER = PayloadReader(
    ZoneInfo("Asia/Kolkata"), {"dtmf": "header:X-Dtmf", "status": "result.state"}
)
UTC_ZONE = ZoneInfo("UTC")
SLOWEST_READING_SECONDS = 0.5
FIRST_SECOND_OF_1971 = 31_536_000

any_text = st.text(st.characters())
any_key = st.sampled_from([key for keys in ALIASES.values() for key in keys]) | any_text
any_key |= st.sampled_from(["payload", "data", "event", "challenge", "token", "type", "value"])
any_key |= st.sampled_from(["payload[id]", "data.id", "data[0][to]", "call[status]", "a[", "].b"])
any_number = st.integers() | st.floats()
any_word = st.sampled_from(["ANSWER", "{{id}}", "918867130000", "2021-04-09 16:27:39", '{"id":1,}'])
any_word |= st.sampled_from(["null", "1m 5s", "9/4/2021 4:27 PM", "sms:unsubscription", "1E400"])
any_value = st.recursive(
    st.none() | st.booleans() | any_number | any_text | any_word,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_key, inner, max_size=5),
    max_leaves=12,
)
any_json = st.builds(json.dumps, any_value, ensure_ascii=st.booleans())
json_like = st.text(st.sampled_from("{}[]:,\"'\\/*0129.-eE+ntrufalsiINy \n\0\ud800é=&%"))
any_form = st.lists(st.tuples(any_key, any_text | any_word | any_json))
any_body = st.one_of(
    st.binary(),
    (any_text | any_json | json_like).map(lambda text: text.encode("utf-8", "surrogatepass")),
    any_form.map(lambda pairs: urlencode(pairs, errors="surrogatepass").encode()),
    st.binary().map(lambda b: b'--x\r\nContent-Disposition: form-data; name="id"\r\n' + b),
    st.builds(
        lambda start, text: start + text.encode("utf-8", "replace"),
        st.sampled_from([b"{", b"[", b'{"id":', b"\xef\xbb\xbf{", b"%7b"]),
        json_like,
    ),
)
any_delivery = st.builds(
    RawDelivery,
    st.sampled_from(["GET", "POST", "PUT"]),
    any_text,
    st.dictionaries(st.just("x-dtmf"), any_text),
    any_text,
    any_body,
)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.items() for part in item for text in texts_in(part))
    elif isinstance(value, tuple):
        yield from (text for part in value for text in texts_in(part))


def assert_storable(reading: tuple[Any, ...]) -> None:
    for text in texts_in(reading):
        assert "\0" not in text
        text.encode()


@given(any_delivery)
def test_any_request_is_read_into_text_that_can_be_stored(delivery: RawDelivery) -> None:
    assert_storable(read_delivery(delivery, READER))


@given(any_delivery)
def test_the_same_request_is_always_read_the_same_way(delivery: RawDelivery) -> None:
    assert read_delivery(delivery, READER) == read_delivery(delivery, READER)


@given(any_value)
def test_any_entry_of_the_call_log_is_read_into_text_that_can_be_stored(entry: object) -> None:
    assert_storable(read_call(entry, READER) or ())


@given(any_delivery)
def test_what_is_read_stays_within_its_bounds(delivery: RawDelivery) -> None:
    reading = read_delivery(delivery, READER)
    assert all(len(text) <= 2000 for text in texts_in(reading))
    if isinstance(reading, Report):
        assert reading.provider_id or reading.mid or reading.to
        assert len(reading.extra) <= 101


moments = st.integers(FIRST_SECOND_OF_1971, 4_000_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
)
digits = st.from_regex("91[6-9][0-9]{9}", fullmatch=True)
FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %I:%M:%S %p",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y, %I:%M:%S %p",
    "%d-%b-%Y %H:%M:%S UTC",
    "%a, %d %b %Y %H:%M:%S +0000",
    "%B %d, %Y %I:%M:%S %p GMT",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)",
    "%Y%m%d%H%M%S",
    "%Y%m%dT%H%M%SZ",
)
time_like = st.text(st.sampled_from("0123456789-/:., TZAPMISGUTCWHN+()٣"), max_size=70)


@pytest.mark.parametrize("form", FORMATS)
@given(moment=moments)
def test_any_moment_is_read_back_whichever_way_it_is_written(form: str, moment: datetime) -> None:
    assert read_time(moment.strftime(form), UTC_ZONE, "dmy") == moment.replace(tzinfo=UTC)


@given(time_like | any_text, st.sampled_from([None, "dmy", "mdy"]))
def test_whatever_looks_like_a_time_is_a_moment_that_can_be_shown_or_none(
    text: str, order: str | None
) -> None:
    moment = read_time(text, ZoneInfo("Asia/Kolkata"), order)
    assert moment is None or (moment.tzinfo is UTC and 1971 <= moment.year < 2200)


@given(time_like | any_text)
def test_whatever_looks_like_a_length_is_a_number_of_seconds_or_none(text: str) -> None:
    seconds = read_duration(text)
    assert seconds is None or 0 <= seconds < 2**31


@given(st.integers(0, 359_999))
def test_a_length_is_the_same_number_of_seconds_whichever_way_it_is_written(seconds: int) -> None:
    minutes, rest = divmod(seconds, 60)
    hours, part = divmod(minutes, 60)
    for written in (
        f"{seconds}s",
        f"{seconds}.000",
        f"{hours:02}:{part:02}:{rest:02}",
        f"{minutes:02}:{rest:02}",
        f"{hours}h {part}m {rest}s",
        f"PT{minutes}M{rest}S",
        f"{seconds * 1000} ms",
    ):
        assert read_duration(written) == seconds


reports = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "to": digits,
        "start_at": moments.map(str),
        "duration": st.integers(0, 100_000),
        "status": st.sampled_from(["ANSWER", "BUSY", "NOANSWER", "CANCEL"]),
        "charges": st.decimals(0, 100, places=4).map(str),
    }
)


def as_query(report: dict[str, Any]) -> RawDelivery:
    return RawDelivery("GET", urlencode(report), {}, "", b"")


def as_form(report: dict[str, Any]) -> RawDelivery:
    return RawDelivery("POST", "", {}, "", urlencode(report).encode())


def as_json(report: dict[str, Any]) -> RawDelivery:
    return RawDelivery("POST", "", {}, "", json.dumps(report).encode())


def as_almost_json(report: dict[str, Any]) -> RawDelivery:
    return RawDelivery("POST", "", {}, "", json.dumps(report)[:-1].encode() + b",}")


@pytest.mark.parametrize("sent", [as_query, as_form, as_json, as_almost_json])
@given(report=reports)
def test_a_whole_report_is_read_back_whichever_way_it_is_sent(
    sent: Any, report: dict[str, Any]
) -> None:
    read = read_delivery(sent(report), PayloadReader(ZoneInfo("UTC")))
    assert isinstance(read, Report)
    assert (read.provider_id, read.to) == (report["id"], f"+{report['to']}")
    assert read.started_at == datetime.fromisoformat(report["start_at"]).replace(tzinfo=UTC)
    assert (read.duration_seconds, read.charges) == (report["duration"], report["charges"])
    assert (read.provider_status, read.extra) == (report["status"], {})


HOSTILE = {
    "brackets": b"[" * 100_000,
    "braces": b'{"a":' * 20_000,
    "brackets-in-a-text": b'{"a":"' + b"[" * 60_000 + b'"}',
    "escaped-quotes": b'{"' + b'\\"' * 32_000,
    "escaped-quotes-outside": b"{" + b'"\\' * 32_000,
    "apostrophes": b"{'" + b"\\'" * 32_000,
    "comments": b"{" + b"/*" * 32_000,
    "colons": b"{" + b":" * 64_000,
    "colons-and-blanks": b"{" + b": " * 32_000,
    "blanks": b"{:" + b" " * 64_000,
    "digits": b'{"id":' + b"1" * 64_000 + b"}",
    "digits-almost-json": b'{"id":' + b"1" * 64_000 + b",}",
    "number-of-digits": b'{"to":"' + b"1 " * 32_000 + b'"}',
    "one-key-often": b"&".join(b"id=%d" % n for n in range(8_000)),
    "one-json-key-often": b"{" + b",".join(b'"id":%d' % n for n in range(6_000)) + b"}",
    "many-keys": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(5_000)) + b"}",
    "parts": b"--b\r\n" + b"Content-Disposition: form-data; name=a\r\n\r\n1\r\n--b\r\n" * 1_300,
    "boundary": b"--" + b" " * 256_000 + b"content-disposition",
    "percent": b"%7b" * 21_000,
    "keys-that-are-paths": b"&".join(b"a[%d].b=%d" % (n, n) for n in range(5_000)),
    "one-long-path": b"a" + b"[b]" * 40_000 + b"=1",
    "objects-with-ids": b"{" + b",".join(b'"k%d":{"id":1}' % n for n in range(30)) + b"}",
    "commas": b"{" + b"," * 64_000,
    "commas-and-blanks": b"{" + b", " * 32_000,
    "comments-in-almost-json": b'{"id":1,' + b"//\n" * 20_000 + b"}",
    "control-characters": b'{"id":"' + b"\x01" * 64_000 + b'",}',
    "values-without-quotes": b'{"id":' + b"a:" * 32_000 + b"}",
    "escaped-ampersands": b"id=1" + b"&amp;" * 13_000 + b"a=1",
    "amps": b"id=1&" + b"amp;" * 16_000 + b"a=1",
    "utf-16": ("{" + '"id":1,' * 8_000).encode("utf-16-le"),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_body_made_to_be_slow_is_read_in_no_time(body: bytes) -> None:
    started = thread_time()
    read_delivery(RawDelivery("POST", "", {}, "", body), READER)
    assert thread_time() - started < SLOWEST_READING_SECONDS


def test_nesting_beyond_any_stack_is_said_to_be_too_deep() -> None:
    reading = read_delivery(RawDelivery("POST", "", {}, "", b"[" * 100_000), READER)
    assert reading == Unreadable("JSON nested deeper than 32")


def test_brackets_inside_a_text_are_no_nesting() -> None:
    body = b'{"id": "a1", "remark": "' + b"[" * 100 + b'"}'
    reading = read_delivery(RawDelivery("POST", "", {}, "", body), READER)
    assert isinstance(reading, Report)
    assert reading.extra == {"remark": "[" * 100}
