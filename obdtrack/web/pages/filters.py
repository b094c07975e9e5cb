"""Which calls a list shows, as its address says it; a full number is in it only sealed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from unicodedata import category
from uuid import UUID

from werkzeug.datastructures import MultiDict

from obdtrack.calls.search import ENDING, NO_REASON, CallFilter
from obdtrack.domain.status import Source, Status
from obdtrack.domain.texts import N_, Said
from obdtrack.domain.times import from_text, to_text
from obdtrack.errors import Code, ObdtrackError
from obdtrack.statistics.counters import MOST_ATTEMPTS
from obdtrack.statistics.questions import half_hour
from obdtrack.store.encryption import Encryption
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.preferences import ZONES, Zone, day_start, is_choice

Args = MultiDict[str, str]

PERIODS: dict[str, tuple[str, timedelta | None]] = {
    "hour": (N_("Last hour"), timedelta(hours=1)),
    "today": (N_("Today"), None),
    "yesterday": (N_("Yesterday"), None),
    "day": (N_("Last 24 hours"), timedelta(days=1)),
    "week": (N_("Last 7 days"), timedelta(days=7)),
    "month": (N_("Last 30 days"), timedelta(days=30)),
    "quarter": (N_("Last 90 days"), timedelta(days=90)),
    "any": (N_("Any time"), None),
}
_DAYS_AGO = {"today": 0, "yesterday": 1}
"""Periods that are a day of the reader's calendar."""

USUAL = "week"
ATTENTION = "attention"
DAYS = "days"
MASKED = re.compile(r"[0-9]{4}•+[0-9]{3}")
"""A number as lists show it, without its plus."""

_SEALED_FOR = timedelta(hours=12)


class Filter(NamedTuple):
    """What is wanted, the period's name, and whether it is about one person or reference.

    `wrong` says by parameter what is invalid; `wanted` is then wider than requested, and no list of
    it may be shown. `days` are those of the period DAYS, as typed.
    """

    wanted: CallFilter
    period: str
    searched: bool
    wrong: dict[str, str]
    days: dict[str, str]
    expired: bool = False

    @property
    def title(self) -> str:
        """The period in words."""
        return _("Selected days") if self.period == DAYS else _(PERIODS[self.period][0])

    @property
    def counted(self) -> dict[str, str]:
        """What an address asks for all calls by that the figures of this filter count."""
        name = {"name": self.wanted.name} if self.wanted.name else {}
        return {**name, "period": self.period, **self.days}


def read_filter(args: Args, zone: Zone, now: datetime, encryption: Encryption) -> Filter:
    """Read the parameters of an address."""
    wrong = misnamed(args, _KNOWN, several="status")
    sealed = args.get("number", "")
    opened = (open_text(sealed, now, encryption) if sealed else None) or ""
    statuses = _statuses(args, wrong)
    period, since, until = _period(args, zone, now, wrong)
    ending = opened if opened.isdigit() else _read("ending", args, wrong)
    wanted = CallFilter(
        statuses=tuple(word for word in statuses if word != ATTENTION),
        number=opened if opened and not opened.isdigit() else None,
        ending=ending,
        name=_read("name", args, wrong),
        reference=_read("reference", args, wrong),
        mid=_read("mid", args, wrong),
        since=since,
        until=until,
        talked=int(talked) if (talked := _read("talked", args, wrong)) else None,
        attention=ATTENTION in statuses,
        masked=_read("masked", args, wrong),
        reason=_read("reason", args, wrong),
        source=_read("source", args, wrong),
        attempts=int(_read("attempts", args, wrong) or 0) or None,
        conflict=bool(_read("conflict", args, wrong)),
        flow=_read("flow", args, wrong),
        hour=int(hour) if (hour := _read("hour", args, wrong)) else None,
        shift=zone.shift(now) if hour else 0,
    )
    _read("tz", args, wrong)
    _read("caller", args, wrong)
    searched = any(
        (sealed, args.get("number_of"), wanted.ending, wanted.reference, wanted.mid, wanted.masked)
    )
    if searched and "period" not in args and period != DAYS:
        wanted, period = wanted._replace(since=None), "any"
    days = {name: args[name] for name in ("from", "to") if period == DAYS and args.get(name)}
    return Filter(wanted, period, searched, wrong, days, expired=bool(sealed) and not opened)


def misnamed(args: Args, known: Collection[str], several: str | None = None) -> dict[str, str]:
    """Return what is wrong with the names in an address: unknown, or given more than once."""
    wrong = {name: N_("There is no such filter.") for name in args if name not in known}
    for name, values in args.lists():
        if len(values) > 1 and name in known and name != several:
            wrong[name] = N_("Given more than once; only one value is allowed.")
    return wrong


NO_PLACE = N_("This cursor did not come from the previous page.")


def refusal(wrong: Mapping[str, str]) -> ObdtrackError:
    """Return the error (422) for an address whose filters cannot be meant."""
    sentences = " ".join(f"{name}: {text}" for name, text in wrong.items())
    fields = {name: [text] for name, text in wrong.items()}
    return ObdtrackError(
        Code.INVALID,
        Said("Some filters are invalid. %(sentences)s", sentences=sentences),
        fields=fields,
    )


def read_days(
    args: Args, zone: Zone, wrong: dict[str, str]
) -> tuple[datetime | None, datetime | None]:
    """Return the first moment of `from` and the first after `to`; None where no day is given."""
    since, until = _read_day("from", args, zone, wrong), _read_day("to", args, zone, wrong, 1)
    if since and until and until <= since:
        wrong["to"] = N_("This is before the start day.")
    return since, until


def read_id(args: Args, wrong: dict[str, str], name: str = "before") -> UUID | None:
    """Return the id from which a list goes on, as the page before gave it; None for its start."""
    try:
        return UUID(args[name]) if args.get(name) else None
    except ValueError:
        wrong[name] = NO_PLACE
        return None


def seal_text(text: str, now: datetime, encryption: Encryption) -> str:
    """Seal a number, or what was typed, so that an address can hold it for some hours."""
    until = to_text(now + _SEALED_FOR)
    return encryption.seal({"sought": text, "until": until}).decode().rstrip("=")


def open_text(sealed: str, now: datetime, encryption: Encryption) -> str | None:
    """Return what was sealed; None if it is too old or not ours."""
    try:
        held = encryption.open((sealed + "=" * (-len(sealed) % 4)).encode())
        return held["sought"] if from_text(held["until"]) > now else None
    except (ValueError, KeyError, TypeError):
        return None


def _period(
    args: Args, zone: Zone, now: datetime, wrong: dict[str, str]
) -> tuple[str, datetime | None, datetime | None]:
    period = args.get("period") or USUAL
    # A period that differs from what the form had shown (`was`) takes the place of the days.
    changed = args.get("period") in PERIODS and args.get("was", period) != period
    if (args.get("from") or args.get("to")) and not changed:
        return DAYS, *read_days(args, zone, wrong)
    if period not in PERIODS:
        if period != DAYS:
            wrong["period"] = Said(_NONE_OF, text=period[:40], known=", ".join(PERIODS))
        period = USUAL
    if period in _DAYS_AGO:
        midnight = zone.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
        first = (midnight - timedelta(days=_DAYS_AGO[period])).astimezone(UTC)
        return period, first, None if period == "today" else midnight.astimezone(UTC)
    length = PERIODS[period][1]
    return period, half_hour(now - length) if length else None, None


def is_plain(text: str) -> bool:
    """Whether a text is free of control characters; joined emoji are text like any other."""
    return not any(category(letter) in ("Cc", "Cs") for letter in text)


def _statuses(args: Args, wrong: dict[str, str]) -> list[str]:
    given = [word for text in args.getlist("status") for word in text.split(",") if word]
    strange = [word for word in given if word != ATTENTION and word not in set(Status)]
    if strange:
        wrong["status"] = Said("“%(text)s” is not a status.", text=strange[0][:40])
    elif ATTENTION in given and len(set(given)) > 1:
        wrong["status"] = Said("“%(text)s” cannot be combined with another status.", text=ATTENTION)
    return list(dict.fromkeys(given))


def _read(name: str, args: Args, wrong: dict[str, str]) -> str | None:
    """Return what a parameter holds; None if it is empty, or cannot be meant."""
    text = args.get(name, "").strip()
    if not text:
        return None
    usable, rule = _RULES[name]
    if usable(text):
        return text
    wrong[name] = Said(rule, text=text[:40], **_LIMITS.get(name, {}))
    return None


def _read_day(
    name: str, args: Args, zone: Zone, wrong: dict[str, str], days_later: int = 0
) -> datetime | None:
    text = args.get(name, "").strip()
    day = day_start(text, zone, days_later=days_later)
    if text and day is None:
        wrong[name] = Said("“%(text)s” is not a day; write it like 2026-11-27.", text=text[:40])
    return day


def _is_text(longest: int) -> Callable[[str], bool]:
    return lambda text: is_plain(text) and len(text) <= longest


_NONE_OF = N_("“%(text)s” is none of %(known)s.")
_TOO_LONG = N_("“%(text)s” is longer than %(most)s characters, or contains control characters.")
_LIMITS: dict[str, dict[str, object]] = {
    "name": {"most": 100},
    "flow": {"most": 100},
    "caller": {"most": 100},
    "reference": {"most": 200},
    "mid": {"most": 200},
    "ending": {"least": ENDING},
    "reason": {"none": NO_REASON},
    "source": {"known": ", ".join(Source)},
    "attempts": {"most": MOST_ATTEMPTS},
    "tz": {"known": ", ".join(ZONES)},
}
_RULES: dict[str, tuple[Callable[[str], object], str]] = {
    "talked": (re.compile("[0-9]{1,5}").fullmatch, N_("“%(text)s” is no number of seconds.")),
    "name": (_is_text(100), _TOO_LONG),
    "reference": (_is_text(200), _TOO_LONG),
    "mid": (_is_text(200), _TOO_LONG),
    "ending": (
        lambda text: text.isascii() and text.isdigit() and ENDING <= len(text) <= 15,
        N_("“%(text)s” is not %(least)s to 15 digits."),
    ),
    "masked": (
        lambda text: text.startswith("+") and MASKED.fullmatch(text[1:]),
        N_("“%(text)s” is not a number as lists show it, like +9188•••••001."),
    ),
    "reason": (
        re.compile("[a-z-]{1,60}").fullmatch,
        N_("“%(text)s” is not a reason like no-report; “%(none)s” stands for calls without one."),
    ),
    "source": (set(Source).__contains__, _NONE_OF),
    "attempts": (
        re.compile(f"[1-{MOST_ATTEMPTS}]").fullmatch,
        N_("“%(text)s” is not a number from 1 to %(most)s."),
    ),
    "conflict": ({"yes"}.__contains__, N_("“%(text)s” is not “yes”.")),
    "flow": (_is_text(100), _TOO_LONG),
    "caller": (_is_text(100), _TOO_LONG),
    "hour": (
        re.compile("1?[0-9]|2[0-3]").fullmatch,
        N_("“%(text)s” is not an hour from 0 to 23."),
    ),
    "tz": (is_choice, _NONE_OF),
}
"""What the texts of an address must be, and what is said of one that is not."""

CHOICES = ("tz", "theme", "lang")
"""What any page's address may hold."""

_KNOWN = {
    *_RULES,
    *CHOICES,
    "status",
    "number",
    "number_of",
    "period",
    "was",
    "from",
    "to",
    "before",
}
