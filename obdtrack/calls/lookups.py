"""Watches searches by number of those who may not see numbers, so that nobody guesses one whole."""

from __future__ import annotations

from obdtrack.access import audit
from obdtrack.access.keys import Access
from obdtrack.access.pseudonym import pseudonym
from obdtrack.calls import search
from obdtrack.calls.search import ENDING, CallFilter
from obdtrack.domain import phone
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services

_NATIONAL_LENGTH = 10

RULE = (
    "A key that does not see numbers finds one by all of it, like +918867135001, or by its last "
    "four digits."
)


def admit(wanted: CallFilter, access: Access, services: Services) -> None:
    """Let somebody who may not see numbers search for this, and note what number they look for.

    A number is noted once an hour for each key; asked again it tells nothing new. Raises
    ObdtrackError: invalid if a part of a number is sought other than its four last digits, rate
    limited after too many that nobody was called at.
    """
    if wanted.ending is not None and len(wanted.ending) != ENDING:
        raise ObdtrackError(Code.INVALID, RULE, fields={"to": [RULE]})
    number = wanted.number or _as_number(wanted.reference) or _as_number(wanted.name)
    if number is None and wanted.ending is None:
        return
    subject = pseudonym(number, services.encryption) if number else f"ending in {wanted.ending}"
    if audit.is_noted_search(access, subject, services):
        return
    services.limits.guesses.admit(access.owner_id)
    audit.record_search(access, subject, services)
    if not search.is_any(wanted):
        services.limits.guesses.add(access.owner_id)


def _as_number(text: str | None) -> str | None:
    """Return a caller's own word as a number, if it may be one."""
    found = phone.reported(text)
    whole = found and (found.startswith("+") or len(found) == _NATIONAL_LENGTH)
    return found if whole else None
