"""What must hold before anybody is rung: the hours, and the wish of the person called."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from obdtrack.access.pseudonym import pseudonym
from obdtrack.calls import opt_outs
from obdtrack.calls.journal import Journal
from obdtrack.calls.placing.place import Condition
from obdtrack.calls.placing.submissions import PendingCall
from obdtrack.domain.calling_hours import (
    CallingHours,
    RingPlan,
    is_open,
    last_beginning,
    may_begin,
    next_beginning,
)
from obdtrack.domain.phone import masked
from obdtrack.domain.submission import CallRequest
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services


def dialling_rules(request: CallRequest, services: Services) -> list[Condition]:
    """Return the conditions under which this call may be placed, as the settings say.

    They are checked when the intention is stored. Each raises ObdtrackError (conflict) with the
    reason.
    """
    settings = services.settings
    rules: list[Condition] = []
    if settings.suppression:
        rules.append(_unless_opted_out(request.to, services))
    if hours := settings.hours_of(request.call_type):
        dialling = RingPlan(timedelta(minutes=request.interval), settings.redials)
        rules.append(_within(hours, dialling))
    return rules


def _unless_opted_out(to: str, services: Services) -> Condition:
    def refuse_opted_out(_: PendingCall, __: Journal) -> None:
        found = opt_outs.of_numbers({to, pseudonym(to, services.encryption)})
        if found:
            since = to_text(min(found.values()))
            doubt = _IN_DOUBT if opt_outs.parts_listed(to) else ""
            raise ObdtrackError(
                Code.CONFLICT,
                f"{masked(to)} does not want to be called (since {since}). Nothing was sent."
                + doubt,
                fields={"to": [f"Opted out of calls on {since}."]},
            )

    return refuse_opted_out


_IN_DOUBT = (
    " The opt-out was reported without a country code and may be another number's: an operator "
    "decides by `suppress add` or `suppress remove`."
)


def _within(hours: CallingHours, dialling: RingPlan) -> Condition:
    def refuse_outside(intention: PendingCall, _: Journal) -> None:
        now = intention.created_at
        if may_begin(hours, now, dialling):
            return
        beginning = next_beginning(hours, now, dialling)
        again = (
            f"try again at {to_text(beginning)}" if beginning else "there are no such hours soon"
        )
        raise ObdtrackError(
            Code.CONFLICT,
            f"{_why(hours, dialling, now)} Nothing was sent; {again}.",
            retry_after=math.ceil((beginning - now).total_seconds()) if beginning else None,
        )

    return refuse_outside


def _why(hours: CallingHours, dialling: RingPlan, now: datetime) -> str:
    def there(moment: datetime) -> str:
        return f"{moment.astimezone(hours.zone):%H:%M}"

    if not is_open(hours, now):
        return f"Calls are placed {hours} only, and there it is {there(now)}."
    minutes = round(dialling.apart.total_seconds() / 60)
    *_, last = dialling.times(now)
    latest = last_beginning(hours, now, dialling)
    allowed = (
        f"it can be placed until {there(latest)}" if latest else "the hours are too short for it"
    )
    return (
        f"Calls ring {hours} only; with interval {minutes} this one may ring again until "
        f"{there(last)}. With that interval {allowed}, with interval 0 it can be placed now."
    )
