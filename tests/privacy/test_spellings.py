"""A number is found however it is written, and nobody else's is taken for it."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from obdtrack.domain.number_patterns import Spellings
from obdtrack.domain.phone import whole
from tests.factories import NUMBER

NAME = "erased-0123456789abcdef"
OURS = Spellings(NUMBER)

SPELLINGS = [
    "+918867135001",
    "918867135001",
    "00918867135001",
    "0091-8867135001",
    "+91 88671 35001",
    "+91 (88671) 35001",
    "+91 (0) 88671 35001",
    "91.88671.35001",
    "91/88671/35001",
    "8867135001",
    "08867135001",
    "88671-35001",
    "088671 35001",
    "+91\u00a088671\u00a035001",
    "+91\u201188671\u201335001",
    "%2B918867135001",
    "%2b91%2088671%2035001",
    "91+88671+35001",
    "\\u002b91\\u00a08867135001",
    "91\\/8867135001",
]
NOT_OURS = [
    "+918867135002",
    "+18867135001",
    "+1 8867135001",
    "+1 886 713 5001",
    "18867135001",
    "88671350011",
    "2026-11-23 11:57:23",
    "70fa87e0-9df9-4327-bc80-a561c48703d8:1",
    "+9188•••••001",
    "91886713500",
]

separators = st.text(" .-()/\u00a0\u2010\u2015", max_size=3)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_usual_spelling_is_found_and_replaced_whole(spelling: str) -> None:
    text = f"to={spelling}&x=1"
    assert OURS.found_in(text)
    assert OURS.replaced(text, NAME) == f"to={NAME}&x=1"


@pytest.mark.parametrize("text", NOT_OURS)
def test_what_is_another_number_or_none_stays(text: str) -> None:
    assert not OURS.found_in(text)
    assert OURS.replaced(f"to={text}&x", NAME) == f"to={text}&x"


@given(st.lists(separators, min_size=12, max_size=12), st.sampled_from(["", "+", "00", "+ "]))
def test_whatever_is_read_as_the_number_is_found(between: list[str], begin: str) -> None:
    digits = zip(NUMBER[1:], between, strict=True)
    text = begin + "".join(digit + gap for digit, gap in digits)
    assume(not text.endswith(".1"))  # with a point before its last digit it may be a fraction
    assert whole(text) == NUMBER
    for written in (text, quote(text), quote_plus(text), json.dumps(text)):
        for body in (written, written.encode().decode("latin-1")):
            clean = OURS.replaced(f"a={body}&b", NAME)
            assert NAME in clean
            assert not OURS.found_in(clean)


@given(st.from_regex(r"[0-9a-z]{0,6}", fullmatch=True), st.text(max_size=5))
def test_all_its_digits_in_a_row_are_found_whatever_stands_around(left: str, right: str) -> None:
    text = f"{left}918867135001{right}"
    assert OURS.found_in(text)
    assert "918867135001" not in OURS.replaced(text, NAME)


def test_json_stays_json_around_a_bare_number() -> None:
    text = '{"to": 918867135001, "also": [8867135001, "x 918867135001"], "n": 8867135001.5}'
    clean = json.loads(OURS.replaced(text, NAME))
    assert clean == {"to": NAME, "also": [NAME, f"x {NAME}"], "n": f"{NAME}.5"}


def test_almost_json_keeps_its_form() -> None:
    text = "{'to': +91 88671 35001, status: ANSWER, mid: 918867135001,}"
    assert OURS.replaced(text, NAME) == f"{{'to': {NAME}, status: ANSWER, mid: \"{NAME}\",}}"


def test_bytes_with_something_between_all_digits_are_searched_as_well() -> None:
    wide = NUMBER.encode("utf-16-le").decode("latin-1")
    assert OURS.replaced(wide, NAME) == f"{NAME}\0"


def test_a_text_is_cut_at_the_number() -> None:
    assert OURS.pieces("a 918867135001 b") == ["a ", "918867135001", " b"]
    assert OURS.pieces("nothing") == ["nothing"]


@pytest.mark.parametrize(
    ("number", "also"),
    [
        ("+6561234567", "6123 4567"),
        ("+8613800138000", "138 0013 8000"),
        ("+5215512345678", "55 1234 5678"),
        ("+999123456789012", "999 1234 56789012"),
    ],
)
def test_numbers_of_other_countries_are_found_without_their_code(number: str, also: str) -> None:
    theirs = Spellings(number)
    for text in (number, number[1:], also):
        assert theirs.replaced(f"({text})", NAME) == f"({NAME})"


def test_no_text_takes_long() -> None:
    hostile = "+91 " * 8000 + "8 " * 8000 + "9188671350" * 3000
    assert not OURS.found_in(hostile)
    assert OURS.replaced(hostile, NAME) == hostile
