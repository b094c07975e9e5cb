"""Which person's number somebody means, and what the audit has about them."""

from __future__ import annotations

from obdtrack.access.audit import AuditFilter, person_of
from obdtrack.calls import opt_outs, search
from obdtrack.calls.search import CallFilter
from obdtrack.domain import phone
from obdtrack.domain.texts import N_
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services

_SHORTEST = 8
"""Digits that a number without its country code has at least, to be taken for one."""

_MOST_CALLS = 500

_SEVERAL = N_("Several numbers end so. Write it with its country code, like +918867135001.")


def number_meant(text: str) -> str:
    """Return as E.164 the number that somebody typed in any spelling, or an erased one's name.

    Digits without a country code are those of the one number that was called, or is on the
    do-not-call list, and ends in them. Raises ObdtrackError (invalid) if it is no whole number and
    none or several are meant.
    """
    said = phone.reported(text)
    if said and (said.startswith("+") or phone.is_erased(said)):
        return said
    if said and said.isdigit() and len(said) >= _SHORTEST:
        ending = {*search.numbers_ending(said), *opt_outs.whole_ending(said)}
        known = [number for number in ending if phone.fits(number, said)]
        if len(known) == 1:
            return known[0]
        if known:
            raise ObdtrackError(Code.INVALID, _SEVERAL, fields={"number": [_SEVERAL]})
    raise ObdtrackError(Code.INVALID, phone.NOT_WHOLE, fields={"number": [phone.NOT_WHOLE]})


def entries_about(number: str, services: Services) -> AuditFilter:
    """Return what finds the audit's entries about a number and the calls to it."""
    calls = search.newest(CallFilter(number=number), _MOST_CALLS)
    return AuditFilter(person=person_of(number, services), calls=[call.id for call in calls])
