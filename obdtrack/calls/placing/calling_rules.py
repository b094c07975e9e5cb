"""What must hold before anybody is rung: the hours, and the wish of the person called."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from obdtrack.access.pseudonym import pseudonym
from obdtrack.calls import opt_outs
from obdtrack.calls.journal import Journal
from obdtrack.calls.placing import submissions
from obdtrack.calls.placing.place import Condition
from obdtrack.calls.placing.submissions import PendingCall, PendingSubmission
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
from obdtrack.domain.texts import Said
from obdtrack.domain.times import to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.services import Services

OPTED_OUT = "opted-out"
CALLED_RECENTLY = "called-recently"


def dialling_rules(
    request: CallRequest, services: Services, *, skip: bool = False
) -> list[Condition]:
    """Return the conditions under which calls like this one may be placed, as the settings say.

    They are checked when the intention is stored. Each raises ObdtrackError (conflict) with the
    reason; with `skip`, numbers that opted out are left out instead.
    """
    settings = services.settings
    rules: list[Condition] = []
    if settings.suppression:
        rules.append(_unless_opted_out(services, skip=skip))
    if hours := settings.hours_of(request.call_type):
        dialling = RingPlan(timedelta(minutes=request.interval), settings.redials)
        rules.append(_within(hours, dialling))
    return rules


def unless_twins(services: Services, *, skip: bool = False) -> Condition:
    """Return the condition that no such call was made moments ago, if the guard is on.

    It raises ObdtrackError (conflict) naming the earlier call; with `skip`, numbers that were
    called are left out instead.
    """

    def refuse_twins(intention: PendingSubmission, _: Journal) -> PendingSubmission | None:
        twins = recent_twins(intention.calls, intention.created_at, services)
        if not twins:
            return None
        if skip:
            return intention.skipping(dict.fromkeys(twins, CALLED_RECENTLY))
        seconds = services.settings.duplicate_guard_seconds
        if len(intention.calls) == 1:
            (twin,) = twins.values()
            said = f"The same call was placed less than {seconds} seconds ago: {twin}."
            raise ObdtrackError(Code.CONFLICT, said)
        raise _refused(
            intention,
            {
                call: f"Called less than {seconds} seconds ago: {twin}."
                for call, twin in twins.items()
            },
            "were called with the same content moments ago",
        )

    return refuse_twins


def recent_twins(
    calls: Sequence[PendingCall], now: datetime, services: Services
) -> dict[UUID, UUID]:
    """Return for each of these calls that has a twin, made moments ago, the id of the twin."""
    told = {call.fingerprint: call.id for call in calls if call.fingerprint}
    since = now - timedelta(seconds=services.settings.duplicate_guard_seconds)
    found = submissions.recent_duplicates(told.keys(), since) if told else {}
    return {told[fingerprint]: twin for fingerprint, twin in found.items()}


def opted_out(numbers: Collection[str], services: Services) -> dict[str, datetime]:
    """Return since when those of these numbers (E.164) have opted out that have.

    They may stand on the list under the name of their erasure.
    """
    names = {number: {number} for number in numbers}
    if len(names) == 1 or opt_outs.is_any_erased():  # the hashes of a long list take seconds
        for number, theirs in names.items():
            theirs.add(pseudonym(number, services.encryption))
    since = opt_outs.of_numbers(set().union(*names.values()))
    return {
        number: min(since[name] for name in theirs & since.keys())
        for number, theirs in names.items()
        if not theirs.isdisjoint(since)
    }


def _unless_opted_out(services: Services, *, skip: bool) -> Condition:
    def refuse_opted_out(intention: PendingSubmission, _: Journal) -> PendingSubmission | None:
        asked = {call.request.to: call for call in intention.calls}
        found = opted_out(asked, services)
        if not found:
            return None
        if skip:
            return intention.skipping(dict.fromkeys((asked[to].id for to in found), OPTED_OUT))
        told = {to: f"Opted out of calls on {to_text(since)}." for to, since in found.items()}
        if len(asked) > 1:
            by_call = {asked[to].id: sentence for to, sentence in told.items()}
            raise _refused(intention, by_call, "do not want to be called")
        ((to, since),) = found.items()
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "%(to)s does not want to be called (since %(since)s). Nothing was sent.",
                to=masked(to),
                since=to_text(since),
            )
            + (_IN_DOUBT if opt_outs.parts_listed(to) else ""),
            fields={"to": [told[to]]},
        )

    return refuse_opted_out


_IN_DOUBT = (
    " The opt-out was reported without a country code and may be another number's: an operator "
    "decides by `suppress add` or `suppress remove`."
)


def _refused(
    intention: PendingSubmission, told: Mapping[UUID, str], predicate: str
) -> ObdtrackError:
    """Return the refusal of a list of which some numbers may not be called."""
    places = {call.id: place for place, call in enumerate(intention.calls)}
    return ObdtrackError(
        Code.CONFLICT,
        Said(
            "%(number)s of the %(calls)s numbers %(predicate)s. Nothing was sent; "
            'with "skip": true they are left out and the others are called.',
            number=len(told),
            calls=len(intention.calls),
            predicate=predicate,
        ),
        fields={f"to.{places[call_id]}": [sentence] for call_id, sentence in told.items()},
    )


def _within(hours: CallingHours, dialling: RingPlan) -> Condition:
    def refuse_outside(intention: PendingSubmission, _: Journal) -> None:
        now = intention.created_at
        if may_begin(hours, now, dialling):
            return
        beginning = next_beginning(hours, now, dialling)
        again = (
            f"try again at {to_text(beginning)}" if beginning else "there are no such hours soon"
        )
        raise ObdtrackError(
            Code.CONFLICT,
            Said(
                "%(now)s Nothing was sent; %(again)s.", now=_why(hours, dialling, now), again=again
            ),
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
