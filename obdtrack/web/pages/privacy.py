"""One rule for numbers on pages: in full everywhere or nowhere, by scope or once it was asked for.

With the scope `pii` they are in full. Who may place calls, and so may see numbers over the API, may
have them shown for the session, which is audited; a key that only reads never.
"""

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
    """Who reads a page, with which scopes, and whether they asked for numbers in full."""

    name: str | None
    scopes: frozenset[str]
    asked: bool = False

    def may(self, scope: str) -> bool:
        """Whether the reader's key has this scope."""
        return scope in self.scopes

    @property
    def sees_numbers(self) -> bool:
        """Whether numbers are shown in full."""
        return Scope.PII in self.scopes or (self.asked and self.may_ask)

    @property
    def may_ask(self) -> bool:
        """Whether the reader chooses between numbers in full and masked ones."""
        return Scope.PLACE in self.scopes and Scope.PII not in self.scopes

    def number(self, number: str) -> str:
        """Return a number as this reader may see it."""
        return number if self.sees_numbers else phone.masked(number)

    def text(self, text: str, *numbers: str, others: bool = True) -> str:
        """Return a text about calls to these numbers as this reader may see it."""
        return text if self.sees_numbers else hide(text, *numbers, others=others)


def note_pii_use() -> None:
    """Leave a trace, once an hour, of who reads pages with numbers in full."""
    access: Access | None = g.get("access")
    if access is not None and is_page() and Scope.PII in access.scopes:
        record_pii_use(access, services())
