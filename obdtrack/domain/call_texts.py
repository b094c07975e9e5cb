"""Which texts a call may carry: variables of a flow, a reference, one line without controls."""

from __future__ import annotations

import re
import unicodedata

MAX_VARIABLES = 50
MAX_VALUE = 1000
MAX_METADATA = 4096
MAX_REFERENCE = 200

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def wrong_with_text(text: str) -> str | None:
    """Return a sentence on what no stored text may contain, None if it has nothing of that."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "Contains a broken character (a lone surrogate)."
    if not text.isprintable() and any(unicodedata.category(one) == "Cc" for one in text):
        return "Must not contain control characters."
    return None


def wrong_with_variable(name: object, content: object) -> str | None:
    """Return a sentence on what is wrong with a variable's name or value, None if nothing is."""
    if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
        return "A variable's name has letters, digits and '_', and starts with no digit."
    if not isinstance(content, str):
        return "A variable's value must be text; put it in quotes."
    if not 1 <= len(content) <= MAX_VALUE:
        return f"A variable's value has 1 to {MAX_VALUE} characters."
    return None
