"""What must not be read is taken out of texts, bytes and JSON."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obdtrack.domain.phone import masked
from obdtrack.domain.redaction import (
    hide,
    in_texts,
    mask_all,
    mask_within,
    remove_named,
    remove_secrets,
    take_out,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("918867135001 is on the DND list", "+9188•••••001 is on the DND list"),
        ('{"to": 918867135001}', '{"to": +9188•••••001}'),
        ("?to=+918867135001&id=1", "?to=+9188•••••001&id=1"),
        ("/calls/00918867135001", "/calls/+0091•••••••001"),
        ("from 918867135001 to 918919520000", "from +9188•••••001 to +9189•••••000"),
        ("call +91 88671 35001 again", "call +9188•••••001 again"),
        ("call +91 (88671)-35001.", "call +9188•••••001."),
    ],
)
def test_whatever_looks_like_a_number_is_masked_in_a_text(text: str, shown: str) -> None:
    assert mask_all(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "70fa87e0-9df9-4327-bc80-a561c48703d8:1",
        "2026-11-23 11:57:23+05:30",
        "flow 23 took 12345 ms",
        "3 numbers accepted for delivery.",
        "+9188•••••001",
        "no call is known by the id 0b7ac4a1-1234-4321-b87e-872112345491:1",
        "{00000000-0000-4000-8000-918867135001}",
    ],
)
def test_ids_times_and_counts_stay_readable(text: str) -> None:
    assert mask_all(text) == text


@given(st.text("abc:=/&? \n", max_size=5), st.text("0123456789", min_size=12, max_size=15))
def test_no_text_around_a_number_keeps_its_middle_from_being_hidden(
    around: str, number: str
) -> None:
    text = mask_all(f"{around} {number} {around}")
    assert number[4:-3] not in text
    assert masked(number) in text


def test_numbers_are_masked_in_the_texts_of_json_and_ids_are_left_whole() -> None:
    known = UUID("0193573f-0f3e-7b0c-8867-135001886713")
    part = {"to": ["918867135001", 7, None], "id": known, "more": {"text": "to 918867135001"}}
    assert mask_within(part) == {
        "to": ["+9188•••••001", 7, None],
        "id": str(known),
        "more": {"text": "to +9188•••••001"},
    }


def test_raw_text_shows_no_digits_of_the_number_it_is_about() -> None:
    assert hide("a918867135001b", "+918867135001") == "a9188•••••001b"
    assert hide("to=%2B918867135001&x=n918919520000") == "to=%2B9188•••••001&x=n9189•••••000"


def test_json_is_changed_text_by_text_and_keys_may_be_left_out() -> None:
    part = {"token": "x", "deep": [{"Token": "x", "word": "a"}]}
    found = in_texts(part, str.upper, without=lambda key: key.lower() == "token")
    assert found == {"deep": [{"word": "A"}]}


def test_of_two_secrets_the_longer_is_taken_out_first() -> None:
    assert take_out("abcd ab", {"ab": "1", "abcd": "2", "": "3"}) == "2 1"
    assert take_out(b"abcd", {b"bc": b"-"}) == b"a-d"


SECRET = 'sesame/"open"'
SPELLED = ('sesame/"open"', "sesame%2F%22open%22", 'sesame/\\"open\\"', 'sesame\\/\\"open\\"')


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_secret_is_removed_however_it_is_spelled(spelled: str) -> None:
    found = remove_secrets(f"a={spelled}", f"b={spelled}".encode(), (SECRET,))
    assert found == ("a=removed", b"b=removed")


def test_a_short_validation_key_is_removed_only_under_its_name() -> None:
    body = b'{"validation_key": "ab", "word": "ab"}'
    found = remove_named("token=ab&x=ab", body, "ab", ("token", "validation_key"))
    assert found == ("token=removed&x=ab", b'{"validation_key": "removed", "word": "ab"}')
