"""Which calls of the provider's log may be the one whose response we never got."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from obdtrack.domain.naming import ProviderIds
from obdtrack.domain.phone import fits
from obdtrack.domain.reports import FoundCall, Report
from obdtrack.domain.times import settled

EARLY = timedelta(seconds=10)
LATE = timedelta(seconds=15)
"""How far from our request the provider's time of its call may lie: clocks differ a little. What
lies further off may be somebody else's call to the number."""

AROUND = timedelta(minutes=15)
"""How far from it calls are looked for that a person is shown: a queue may have held ours."""

_DAY = timedelta(days=1)
_NO_ZONE = timedelta(minutes=10)
"""Less than this no time zone is off."""


class SoughtCall(NamedTuple):
    """What is known of the call: number and bridge in E.164, and when it can have been created.

    The others are what was asked for: a flow or an audio, and the campaign's name if it had one.
    """

    to: str
    bridge: str
    since: datetime
    until: datetime
    flow_id: str | None = None
    audio: str | None = None
    name: str | None = None


def window(
    requested_at: datetime, settled_at: datetime, longest: timedelta
) -> tuple[datetime, datetime]:
    """Return when the provider can have created a call that we asked for in this time.

    No request is under way for longer than `longest`, however late its end was written down.
    """
    return requested_at - EARLY, min(settled_at, requested_at + longest) + LATE


def surroundings(wanted: SoughtCall) -> tuple[datetime, datetime]:
    """Return from when to when calls are looked for, and may be mistaken for the wanted one."""
    return wanted.since - AROUND, wanted.until + AROUND


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
        and _fits(wanted.bridge, _bridges(call.report))
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


def _fits(known: str, told: Collection[str]) -> bool:
    return not told or any(fits(known, number) for number in told)


def _bridges(report: Report) -> list[str]:
    return [number for number in (report.caller, report.bridge) if number]


def _judged(found: FoundCall, wanted: SoughtCall) -> Candidate | None:
    began = found.created_at or found.report.started_at
    off = timedelta(0)
    if began is not None:
        began = settled(began, wanted.since)
        off = max(wanted.since - began, began - wanted.until, off)
    if off > _DAY:
        return None
    doubts = (
        _doubt_of_number(found.report),
        None if _bridges(found.report) else "it does not say which number called",
        _doubt_of_time(began, off),
        *_doubts_of_request(found, wanted),
    )
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
    if off < _NO_ZONE:
        seconds = math.ceil(off.total_seconds())
        return f"it was made {seconds} s from the time of our request" if off else None
    hours, minutes = divmod(-(-off // timedelta(minutes=1)), 60)
    return f"its time is {hours}:{minutes:02} h off (see OBDTRACK_PROVIDER_TIMEZONE)"


def _doubts_of_request(found: FoundCall, wanted: SoughtCall) -> Iterator[str]:
    """Say how a call was asked for otherwise than ours, as far as the provider writes that."""
    told, ours = found.report.flow_id, wanted.flow_id
    if told and told != ours:
        yield "it is of another flow" if ours else "it is of a flow"
    for what, told, ours in (
        ("audio", found.audio, wanted.audio),
        ("campaign", found.name, wanted.name),
    ):
        if told and ours and told != ours:
            yield f"it is of another {what}"
