"""Phone numbers: any usual spelling in, E.164 out, masked where they are not needed."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from obdtrack.domain.phone import (
    dialable,
    dialable_cell,
    fits,
    masked,
    numbers_in,
    parts_of,
    provider_digits,
    reported,
    whole,
)
from tests.factories import NUMBER

SPELLINGS = [
    "+918867135001",
    "918867135001",
    "00918867135001",
    "+91 88671 35001",
    " +91 88671-35001 ",
    "+91 (88671) 35001",
    "91.88671.35001",
    "0091-8867135001",
    "+91\u00a088671\u00a035001",
    "+91\u201188671\u201335001",
    "+91 (0) 88671 35001",
    "+91 (0)8867135001",
    "91 (0) 88671 35001",
    "+91 0 88671 35001",
    "0091 (0) 8867135001",
    "tel:+918867135001",
    "TEL:+91-88671-35001;ext=3",
    "tel:918867135001",
    "sip:918867135001@10.0.0.7:5060",
    "sips:+918867135001@pbx.example;transport=tls",
    "918867135001.0",
    "+918867135001.0",
    "'+918867135001",
    "'918867135001",
    "+९१ ८८६७१ ३५००१",
    "\u200e+918867135001\u200f",
]

digits = st.text("0123456789", min_size=8, max_size=15)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_any_usual_spelling_of_a_number_is_one_number(spelling: str) -> None:
    assert dialable(spelling) == NUMBER
    assert whole(spelling) == NUMBER
    assert reported(spelling) == NUMBER


@pytest.mark.parametrize(
    "national",
    [
        "8867135001",  # as one writes it in India
        "08867135001",
        "9188671350",  # cut short, it still begins like an Indian one
        "6561234567",  # an Indian mobile; with a plus, a house in Singapore
        "8221234567",  # and one in Seoul
        "011-23456789",
    ],
)
def test_a_number_without_its_country_code_is_not_dialled(national: str) -> None:
    with pytest.raises(ValueError, match=r"country code, like \+918867135001"):
        dialable(national)


@pytest.mark.parametrize("short", ["+6561234567", "006561234567", "+65 6123 4567"])
def test_a_short_number_is_dialled_if_it_says_that_it_is_international(short: str) -> None:
    assert dialable(short) == "+6561234567"


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "+",
        "hello",
        "+91886713500a",
        "+9188671350011234567",
        "+91",
        "+910000000000",
        "1,2",
        "९१",
    ],
)
def test_what_is_no_number_is_not_dialled(nonsense: str) -> None:
    with pytest.raises(ValueError, match="Not a phone number"):
        dialable(nonsense)


@pytest.mark.parametrize(
    "spelling",
    ["4930123456.0", "8867135001.0", "918867135001.5", "9.18867E+11", "9.18867135001E+11"],
)
def test_what_a_spreadsheet_left_of_a_number_is_not_completed(spelling: str) -> None:
    assert whole(spelling) is None
    with pytest.raises(ValueError, match="Not a phone number"):
        dialable(spelling)


def test_a_number_after_a_plus_is_taken_as_it_is_written() -> None:
    assert whole("+910000000000") == "+910000000000"
    assert whole("+9988776") == "+9988776"
    assert whole("+39 06 1234567") == whole("+39 (0)6 1234567") == "+39061234567"


@given(
    st.sampled_from(["7", "375", "36", "52", "54", "370", "1"]),
    st.text("0123456789", min_size=8, max_size=11),
)
def test_no_number_of_somebody_becomes_another(country: str, national: str) -> None:
    written = phonenumbers.PhoneNumber(country_code=int(country), national_number=int(national))
    if not national.startswith("0") and phonenumbers.is_valid_number(written):
        assert whole(f"+{country}{national}") == f"+{country}{national}"


def test_digits_that_no_country_has_are_no_whole_number() -> None:
    assert whole("910000000000") is None
    assert whole("13812345678") is None  # a Chinese mobile; with a plus it would be an American's
    assert reported("13812345678") == "13812345678"
    assert whole("008867135129") is None  # a wrongly padded Indian mobile is not one in Taiwan


def test_a_report_may_give_a_number_as_a_number() -> None:
    assert whole(918867135001) == reported(918867135001) == NUMBER
    assert reported(8867135001) == "8867135001"


@pytest.mark.parametrize(
    "spelling",
    ["8867135001", "08867135001", "088671 35001", "0-8867135001", "(0)8867135001", "8867135001.0",
     "sip:8867135001@pbx", "tel:08867135001", "'08867135001", "0008867135001"],
)  # fmt: skip
def test_a_number_without_country_code_stays_the_digits_it_is(spelling: str) -> None:
    assert reported(spelling) == "8867135001"
    assert whole(spelling) is None
    assert fits(NUMBER, "8867135001")
    assert not fits("+18867135001"[:-1] + "2", "8867135001")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("+6561234567", "61234567"),
        ("+6561234567", "6561234567"),  # the last ten digits of it are all of it
        ("+390612345678", "612345678"),
        ("+4915123456789", "15123456789"),
        ("+4915123456789", "5123456789"),  # cut to ten digits
    ],
)
def test_the_national_part_decides_whether_a_part_fits(known: str, said: str) -> None:
    assert fits(known, said)
    assert said in parts_of(known)
    assert not fits("+918867135001", said)


def test_fewer_digits_than_the_national_part_fit_nothing() -> None:
    assert not fits(NUMBER, "867135001")
    assert not fits("+6561234567", "1234567")


@pytest.mark.parametrize("mask", ["91886713xxxx", "918867XXX001", "88671*****", "91••••••5001"])
def test_a_masked_number_fits_where_all_its_shown_digits_do(mask: str) -> None:
    said = reported(mask)
    assert said is not None
    assert "•" in said
    assert whole(mask) is None
    assert fits(NUMBER, said)
    assert not fits("+919919999999", said)


def test_a_list_of_numbers_is_no_number_but_can_be_taken_apart() -> None:
    assert reported("918867135001, 918919520000") is None
    assert numbers_in("918867135001, 8919520000;x") == [NUMBER, "8919520000"]
    assert numbers_in(918867135001) == [NUMBER]


def test_an_erased_number_fits_only_its_own_name() -> None:
    name = "erased-0123456789abcdef"
    assert reported(name) == name
    assert fits(name, name)
    assert not fits(name, "8867135001")
    assert parts_of(name) == frozenset()


@pytest.mark.parametrize("digits", ["1234567", "123456789012345"])
def test_a_reported_number_has_seven_to_fifteen_digits(digits: str) -> None:
    assert reported(digits) == digits
    assert reported(digits[:6]) is None
    assert reported(digits.ljust(16, "0")) is None


@given(st.text("0123456789", min_size=1, max_size=16), st.sampled_from(["", "0", "00", "(0)"]))
@example("60042000000", "")
@example("783010000000", "")
def test_no_digit_is_ever_added_to_a_number(number: str, front: str) -> None:
    read = reported(front + number)
    # The trunk prefix of `+60 042 000000` or `+7 8 301 …` stands inside, and is left out there.
    without_prefix = {number[:n] + number[n + 1 :] for n in range(4) if number[n : n + 1] in "08"}
    assert read is None or any(
        digits.endswith(read.lstrip("+0")) for digits in {number, *without_prefix}
    )


@pytest.mark.parametrize(
    "value", [None, True, "", "anonymous", "12345", 918867135001.0, [1], {}, -918867135001]
)
def test_what_is_no_number_in_a_report_is_none(value: object) -> None:
    assert reported(value) is None


def test_the_provider_wants_digits_only() -> None:
    assert provider_digits(NUMBER) == "918867135001"


def test_a_masked_number_shows_its_beginning_and_its_end() -> None:
    assert masked(NUMBER) == "+9188•••••001"


@given(digits, st.data())
def test_numbers_that_differ_only_in_the_middle_look_the_same_when_masked(
    number: str, data: st.DataObject
) -> None:
    hidden = len(number) - 7
    middle = data.draw(st.text("0123456789", min_size=hidden, max_size=hidden))
    assert masked(f"+{number[:4]}{middle}{number[-3:]}") == masked(f"+{number}")


@given(st.text("0123456789", max_size=7))
def test_a_number_too_short_to_have_a_middle_is_hidden_whole(number: str) -> None:
    assert set(masked(f"+{number}")) <= {"•"}


@pytest.mark.parametrize(
    ("cell", "country", "found"),
    [
        ("918867135001", None, NUMBER),
        ("918867135001.0", None, NUMBER),
        ("8867135001", "IN", NUMBER),
        ("08867135001", "IN", NUMBER),
        ("+6561234567", "IN", "+6561234567"),
        ("006561234567", "IN", "+6561234567"),
        ("8867135001", None, "no country code"),
        ("1000000000", "IN", "there is no such number in IN"),
        ("9.18867E+11", "IN", "shortened by a spreadsheet"),
        ("9,18867E+11", None, "shortened by a spreadsheet"),
        ("12345", "IN", "too short"),
        ("1234567890123456", None, "too long"),
        ("N/A", None, "letters in it"),
        ("+91 1000000000", None, "there is no such number"),
        (" ", "IN", "empty cell"),
        ("918867135001, 918867135002", "IN", "more than one number"),
        ("-918867135001", "IN", "no phone number"),
        ("393331234567", "IT", "+393331234567"),
    ],
)
def test_a_cell_is_one_number_or_the_reason_why_it_is_none(
    cell: str, country: str | None, found: str
) -> None:
    if found.startswith("+"):
        assert dialable_cell(cell, country) == found
    else:
        with pytest.raises(ValueError, match=f"^{found}"):
            dialable_cell(cell, country)


def test_digits_that_are_a_number_at_home_and_another_abroad_are_none() -> None:
    with pytest.raises(ValueError, match=r"may be \+16029748302 or \+4916029748302"):
        dialable_cell("16029748302", "DE")


@given(st.from_regex(r"\+91[0-9]{10}", fullmatch=True))
@example("+918867135001")
@example("+916279123456")
def test_the_short_way_to_read_an_indian_mobile_leads_where_the_library_does(number: str) -> None:
    parsed = phonenumbers.parse(number)
    shape = phonenumbers.PhoneNumberFormat.E164
    certain = phonenumbers.is_valid_number(parsed)
    if certain and phonenumbers.format_number(parsed, shape) == number:
        assert dialable(number) == number
    elif not certain:
        with pytest.raises(ValueError):
            dialable(number)
