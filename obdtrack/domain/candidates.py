"""Which calls of the provider's log may be the one whose response we never got."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.naming import ProviderIds
from obdtrack.domain.phone import fits
from obdtrack.domain.reports import FoundCall, Report

BEFORE = timedelta(minutes=2)
AFTER = timedelta(minutes=10)
"""How far the provider's time of a call may lie from our request: clocks differ, queues hold."""

LONGEST = timedelta(minutes=5)
"""No request is under way for longer, however late it is written down that it failed."""

_DAY = timedelta(days=1)


class SoughtCall(NamedTuple):
    """What is known of the call: number and bridge in E.164, and when it can have been created."""

    to: str
    bridge: str
    since: datetime
    until: datetime


def window(requested_at: datetime, given_up_at: datetime) -> tuple[datetime, datetime]:
    """Return when the provider can have created a call that we asked for in this time."""
    return requested_at - BEFORE, min(given_up_at, requested_at + LONGEST) + AFTER


def rivals_made(wanted: SoughtCall) -> tuple[datetime, datetime]:
    """Return from when to when calls were made that what fits the wanted one may fit as well."""
    return wanted.since - LONGEST - AFTER, wanted.until + BEFORE


class Candidate(NamedTuple):
    """A call that may be the wanted one; `doubt` is why that is not certain, None if it is.

    `in_time` is whether it began in the wanted time, None if it does not say when.
    """

    found: FoundCall
    doubt: str | None
    in_time: bool | None


def candidates(
    found: Iterable[FoundCall], wanted: SoughtCall, taken: Collection[str], ids: ProviderIds
) -> list[Candidate]:
    """Return the calls that may be the wanted one, the likeliest first.

    Left out is what contradicts: another number, another bridge, a time more than a day off (no
    time zone is so far), and what is some other call's already; `taken` holds such canonical ids.
    """
    possible = [
        _judged(call, wanted)
        for call in found
        if (name := call.report.provider_id)
        and ids.canonical(name) not in taken
        and _fits(wanted.to, call.report.called)
        and _fits(wanted.bridge, filter(None, [call.report.caller or call.report.bridge]))
    ]
    likely = [candidate for candidate in possible if candidate is not None]
    return sorted(likely, key=lambda c: (c.doubt is not None, not c.in_time))


def certain(found: Sequence[Candidate], ids: ProviderIds) -> str | None:
    """Return the canonical id of the one candidate that certainly is the wanted call, if one is.

    None if another one may be it: one that began in the same time.
    """
    undoubted = {canonical_id(one, ids) for one in found if one.doubt is None}
    in_time = {canonical_id(one, ids) for one in found if one.in_time}
    return undoubted.pop() if len(undoubted) == 1 and undoubted >= in_time else None


def explained(found: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates of which none is certain, each with a reason why it is not."""
    return [one._replace(doubt=one.doubt or "another one may be it as well") for one in found]


def canonical_id(candidate: Candidate, ids: ProviderIds) -> str:
    """Return the provider's id of a candidate, in the spelling in which ids are compared."""
    return ids.canonical(candidate.found.report.provider_id or "")


def _fits(known: str, said: Iterable[str]) -> bool:
    told = list(said)
    return not told or any(fits(known, number) for number in told)


def _judged(found: FoundCall, wanted: SoughtCall) -> Candidate | None:
    began = found.created_at or found.report.started_at
    off = timedelta(0)
    if began is not None:
        off = max(wanted.since - began, began - wanted.until, off)
    if off > _DAY:
        return None
    doubts = (_doubt_of_number(found.report), _doubt_of_time(began, off))
    in_time = None if began is None else not off
    return Candidate(found, "; ".join(filter(None, doubts)) or None, in_time)


def _doubt_of_number(report: Report) -> str | None:
    if report.to:
        return None if report.to.startswith("+") else "its number has no country code"
    if not report.called:
        return "it does not say which number was called"
    return "it names several numbers" if len(report.called) > 1 else "its number is masked"


def _doubt_of_time(began: datetime | None, off: timedelta) -> str | None:
    if began is None:
        return "it does not say when it was created"
    hours, minutes = divmod(-(-off // timedelta(minutes=1)), 60)
    return (
        f"its time is {hours}:{minutes:02} h off (see OBDTRACK_PROVIDER_TIMEZONE)" if off else None
    )
