"""Reads values as text: what they say, what they do not say, and how they may be shown."""

from __future__ import annotations

import json
import re

from obdtrack.domain.redaction import in_texts
from obdtrack.providers.mobtexting.vocabulary import is_secret

ID_LENGTH = 100
TEXT_LENGTH = 2000

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_PLACEHOLDER = "{{"

# What programs write where they have nothing. `na` is not among them: to many telephone systems
# it is "no answer". Neither are `0`, `*` and `#`, which are keys of a telephone.
_NOTHING = frozenset(
    {
        *("", "null", "none", "nil", "undefined", "nan", "infinity", "-infinity", "n/a", "#n/a"),
        *("(null)", "<null>", "(nil)", "<nil>", "(none)", "<none>", "(undefined)", "\\n"),
        *("-", "--", "---", "\u2013", "\u2014", '""', "''", "[]", "{}", "[object object]"),
    }
)
_LONGEST_NOTHING = max(map(len, _NOTHING))


def clean(text: str) -> str:
    """Return `text` with what no database stores (NUL, lone surrogates) replaced by U+FFFD."""
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)


def cut(text: str, length: int) -> str:
    """Return at most `length` characters of `text`, the last an ellipsis if some were left out."""
    return text if len(text) <= length else text[: length - 1] + "…"


def scalar(value: object) -> str | None:
    """Return a text or a whole number as stripped text; None for anything else and for nothing.

    A placeholder that was never filled in (`{{id}}`) says nothing, and neither does a word for
    nothing (`null`, `None`, `undefined`, `NaN`, `-`, `N/A`, in any case).
    """
    if isinstance(value, str):
        text = value.strip()
        if _PLACEHOLDER in text:
            return None
        if (
            not "0" <= text[:1] <= "9"
            and len(text) <= _LONGEST_NOTHING
            and text.lower() in _NOTHING
        ):
            return None
        return text if text.isprintable() else clean(text)
    if not isinstance(value, int) or isinstance(value, bool) or value.bit_length() > 64:
        return None
    return str(value)


def shown(value: object) -> str:
    """Return any JSON value as storable text of bounded length, without what is secret."""
    if isinstance(value, str):
        return cut(clean(value), TEXT_LENGTH)
    try:
        text = json.dumps(in_texts(value, str, without=is_secret), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "(cannot be shown)"
    return cut(clean(text), TEXT_LENGTH)
