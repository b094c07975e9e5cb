"""Numbers are masked on pages; in full only for the scope `pii`."""

from __future__ import annotations

from typing import NamedTuple

from flask import g

from obdtrack.access.audit import record_pii_use
from obdtrack.access.keys import Access, Scope
from obdtrack.domain import phone
from obdtrack.domain.redaction import hide
from obdtrack.web.http.auth import services
from obdtrack.web.http.browser_security import is_page


class Reader(NamedTuple):
    """Who reads a page, and with which scopes."""

    name: str | None
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the reader's key has this scope."""
        return scope in self.scopes

    @property
    def sees_numbers(self) -> bool:
        """Whether numbers in lists are shown in full."""
        return Scope.PII in self.scopes

    def number(self, number: str, *, in_full: bool | None = None) -> str:
        """Return a number as this reader may see it."""
        shown = self.sees_numbers if in_full is None else in_full
        return number if shown else phone.masked(number)

    def text(
        self, text: str, *numbers: str, others: bool = True, in_full: bool | None = None
    ) -> str:
        """Return a text about calls to these numbers as this reader may see it."""
        shown = self.sees_numbers if in_full is None else in_full
        return text if shown else hide(text, *numbers, others=others)


def note_pii_use() -> None:
    """Leave a trace, once an hour, of who reads pages with numbers in full."""
    access: Access | None = g.get("access")
    if access is not None and is_page() and Scope.PII in access.scopes:
        record_pii_use(access, services())
