"""What stands against a call before anybody presses the button: its number, its hours, a wish."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from babel.dates import format_datetime
from flask_babel import get_locale

from obdtrack.calls import opt_outs
from obdtrack.calls.placing.calling_rules import opted_out
from obdtrack.domain import phone
from obdtrack.domain.calling_hours import (
    CallingHours,
    RingPlan,
    is_open,
    may_begin,
    next_beginning,
)
from obdtrack.domain.submission import CallRequest
from obdtrack.services import Services
from obdtrack.web.pages.language import gettext as _


class Consideration(NamedTuple):
    """One thing that was looked at: whether it allows the call, and a sentence."""

    fine: bool
    sentence: str


class Beforehand(NamedTuple):
    """What was found out about a call that was not placed yet.

    `guessed` is whether its number came without a country code, and whose country was supposed.
    """

    number: str
    guessed: bool
    verdicts: list[Consideration]

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against it."""
        return all(one.fine for one in self.verdicts)


def look_before(wanted: CallRequest, typed: str, services: Services) -> Beforehand:
    """Return what stands against a call, and what does not; nothing is sent."""
    guessed = phone.whole(typed) is None
    verdicts = [
        _of_number(wanted.to, guessed=guessed),
        _of_wish(wanted.to, services),
        of_hours(wanted.call_type, wanted.interval, services),
    ]
    return Beforehand(wanted.to, guessed, verdicts)


def of_hours(call_type: str | None, interval: int, services: Services) -> Consideration:
    """Say what the clock shows where the hours are kept, and whether such a call may ring now."""
    settings, now = services.settings, services.now()
    hours = settings.hours_of(call_type)
    if hours is None:
        return Consideration(True, _("No calling hours are set: calls may ring at any time."))
    plan = RingPlan(timedelta(minutes=interval), settings.redials)
    said = _(
        "It is %(clock)s there (%(zone)s); calls are allowed %(hours)s.",
        clock=f"{now.astimezone(hours.zone):%H:%M}",
        zone=hours.zone.key,
        hours=_span(hours),
    )
    if may_begin(hours, now, plan):
        return Consideration(True, said)
    if is_open(hours, now):
        *_times, last = plan.times(now)
        later = _(
            "Dialed again every %(minutes)d minutes it might ring at %(clock)s: do not dial again, "
            "or wait.",
            minutes=interval,
            clock=f"{last.astimezone(hours.zone):%H:%M}",
        )
        return Consideration(False, f"{said} {later}")
    return Consideration(False, f"{said} {_from(next_beginning(hours, now, plan), hours)}")


def _of_number(number: str, *, guessed: bool) -> Consideration:
    region = phone.country_of(number) or ""
    country = get_locale().territories.get(region, region)
    if guessed:
        said = _(
            "It will call %(number)s: without a country code it is taken for a number of "
            "%(country)s, as the calling number is.",
            number=phone.spaced(number),
            country=country,
        )
    else:
        said = _(
            "It will call %(number)s (%(country)s).", number=phone.spaced(number), country=country
        )
    return Consideration(True, said)


def _of_wish(number: str, services: Services) -> Consideration:
    if not services.settings.suppression:
        return Consideration(True, _("Whether somebody opted out of calls is not looked at."))
    since = opted_out([number], services).get(number)
    if since is None:
        return Consideration(True, _("The number has not opted out of calls."))
    said = _("The number does not want calls, since %(day)s.", day=_at(since, "d MMM y"))
    if opt_outs.parts_listed(number):
        doubt = _(
            "That was reported without a country code and may be about another number: whoever "
            "keeps the do-not-call list decides."
        )
        said = f"{said} {doubt}"
    return Consideration(False, said)


def _span(hours: CallingHours) -> str:
    if hours.opens == hours.closes:
        span = _("at any hour")
    else:
        opens, closes = f"{hours.opens:%H:%M}", f"{hours.closes:%H:%M}"
        span = _("from %(opens)s to %(closes)s", opens=opens, closes=closes)
    return _("%(span)s, on days that are not closed", span=span) if hours.closed else str(span)


def _from(beginning: datetime | None, hours: CallingHours) -> str:
    if beginning is None:
        return str(_("There are no such hours soon."))
    when = _at(beginning.astimezone(hours.zone), "d MMM HH:mm")
    return str(_("It can be placed from %(when)s there.", when=when))


def _at(moment: datetime, pattern: str) -> str:
    return format_datetime(moment, pattern, tzinfo=moment.tzinfo, locale=get_locale())
