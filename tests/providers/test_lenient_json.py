"""The fast way through a plain report's JSON: it says what the exact reader says, or nothing."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from obdtrack.providers.mobtexting.lenient_json import load_json, load_liberally

_NAMES = st.sampled_from(["id", "to", "a:b", "é", '"', "{", ""]) | st.text(max_size=3)
_TEXTS = st.text(max_size=8) | st.sampled_from([":", "::", "\\u003a", "a\nb", '":', "{}"])
_NUMBERS = st.integers(-(10**21), 10**21).map(str) | st.sampled_from(
    ["0.5000", "1e3", "-0", "1E400", "-1.0", "NaN", "Infinity", f"{10**17}", f"-{10**17}"]
)
_WORDS = st.sampled_from(["true", "false", "null", "[]", "{}", '[1.50, ":"]', '{"n": 2.0}'])


def _written(text: str, *, escaped: bool) -> str:
    return json.dumps(text, ensure_ascii=escaped)


_VALUES = st.one_of(st.builds(_written, _TEXTS, escaped=st.booleans()), _NUMBERS, _WORDS)
_PAIRS = st.tuples(
    st.builds(_written, _NAMES, escaped=st.booleans()),
    st.sampled_from([":", ": ", " :", "\n:\t"]),
    _VALUES,
)
_OBJECTS = st.lists(_PAIRS, max_size=6).map(
    lambda pairs: "{" + ", ".join("".join(pair) for pair in pairs) + "}"
)


@given(_OBJECTS)
@example('{"a": 1, "a": 2}')
@example('{"a": 1, "a": 2, "b": "\\u003a"}')
@example('{"a" :1, "a":2, "b":"x\\":"}')
@example('{"a": 10.50}')
@example('{"a": 123456789012345678901}')
@example('{"a": "x:y", "b": -99999999999999999, "c": 999999999999999999}')
@example('{"a": 1000000000000000000}')
@example('{"a": -100000000000000000}')
def test_any_object_is_read_as_the_exact_reader_reads_it(text: str) -> None:
    exact = load_json(text)
    assert _typed(load_liberally(text)) == _typed(exact)


def _typed(value: object) -> str:
    # 1, 1.0 and True are equal to Python, and not to us.
    return repr(value)
