"""Texts that pages show: they are marked where they stand, and translated where they are shown."""

from __future__ import annotations

from typing import Any


def N_(text: str) -> str:  # noqa: N802  # the name that translators' tools and programmers know
    """Mark a text for the catalogues, and return it as it is."""
    return text


class Said(str):
    """A sentence with values in it: English for everybody, and pages can say it otherwise.

    `Said("There is no call %(id)s.", id=5)` is the text `There is no call 5.`
    """

    __slots__ = ("template", "values")

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Said:
        """Make the English sentence, which knows what it was made of."""
        made = super().__new__(cls, template % values)
        made.template, made.values = template, values
        return made
