"""What one report says about one call, in our words, and whether it says anything new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from obdtrack.domain.facts import FACTS, TIMES, CallFacts, FactKind, amount, record, stated
from obdtrack.domain.status import Status
from obdtrack.domain.times import Twofold, to_text


class RawDelivery(NamedTuple):
    """One HTTP request that reached the callback, as received."""

    method: str
    query: str
    headers: Mapping[str, str]
    content_type: str
    body: bytes


@record
class Report(CallFacts):
    """What one call detail record says. Everything may be missing; nothing is guessed.

    `to`, `caller` and `bridge` are `+digits`, times are aware UTC.
    `status` is None where the vocabulary has no word for `provider_status`.
    `numbers` are those of a list, or with hidden digits, that stand where `to` should: they name
    nobody, but may fit a number that is known.
    `extra` holds what came under keys we have no name for, as text.
    """

    provider_id: str | None = None
    mid: str | None = None
    to: str | None = None
    status: Status | None = None
    reason: str | None = None
    reported_at: datetime | None = None
    caller: str | None = None
    bridge: str | None = None
    flow_id: str | None = None
    numbers: Sequence[str] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def called(self) -> Sequence[str]:
        """What it gives for the number that was called: `to`, or else what stands in its place."""
        return (self.to,) if self.to else self.numbers or ()

    def whole(self) -> Report:
        """Return the report itself: a PlainReport returns the one that it stands for."""
        return self


class PlainReport(NamedTuple):
    """How a call ended, said in the usual form, of which every value was read for certain.

    `values` are what a Report is made of, a final `status` among them and no time that came twice.
    It names its call by `provider_id` or its submission by `mid`, both canonical.
    """

    values: Mapping[str, Any]
    provider_id: str | None
    mid: str | None
    to: str

    @property
    def called(self) -> Sequence[str]:
        """The number that was called."""
        return (self.to,)

    @property
    def status(self) -> Status:
        """How the call ended."""
        status: Status = self.values["status"]
        return status

    def whole(self) -> Report:
        """Return the report as it is read otherwise."""
        return Report(**self.values)

    def facts(self) -> dict[str, Any]:
        """Return the facts among its values, times as such."""
        return {name: value for name, value in self.values.items() if name in FACTS}

    def detail(self) -> dict[str, Any]:
        """Return what `facts` returns of the report."""
        known = {name: v for name, v in self.values.items() if name in _IN_DETAIL}
        for name in TIMES & known.keys():
            known[name] = _remembered_text(known[name])
        return known


class OptOut(NamedTuple):
    """A number's wish not to be called again (`voice:unsubscription`)."""

    number: str | None
    occurred_at: datetime | None


class Challenge(NamedTuple):
    """The provider's question whether this callback is ours; `validation_key` proves its side."""

    challenge: str
    validation_key: str | None


class Unreadable(NamedTuple):
    """A request no report could be read from, and why."""

    reason: str


class NotOurs(NamedTuple):
    """A request about something else than calls, and what it is."""

    reason: str


class Several(NamedTuple):
    """A request that holds several others: each as if it had come alone, and what it is."""

    parts: tuple[tuple[RawDelivery, Reading], ...]


class FoundCall(NamedTuple):
    """One call in the provider's own log: what it says, and what it says of our request.

    `created_at` is aware UTC; `audio` and `name` (the campaign's) are as the provider writes them.
    All are None if it gave none; they are no facts about an attempt.
    """

    report: Report
    created_at: datetime | None = None
    audio: str | None = None
    name: str | None = None


Reading = Report | OptOut | Challenge | NotOurs | Unreadable | Several
"""What a delivery turned out to be."""

Told = Reading | PlainReport | Exception
"""What was read of one that just arrived: in short if it is plain, or the fault of the reader."""


def reports_in(reading: Told | None) -> list[Report]:
    """Return the report that a request is, or the reports among its parts."""
    return [one for one in _told(reading) if isinstance(one, Report)]


def numbers_in(reading: Told | None) -> set[str]:
    """Return the numbers that a request is about, as `phone.reported` gives them."""
    wishes = {one.number for one in _told(reading) if isinstance(one, OptOut)}
    named = {n for one in reports_in(reading) for n in one.called}
    return {number for number in wishes | named if number}


def _told(reading: Told | None) -> list[Told | None]:
    if isinstance(reading, PlainReport):
        return [reading.whole()]
    return [part for _, part in reading.parts] if isinstance(reading, Several) else [reading]


_ECHOES = ("caller", "bridge", "flow_id", "extra")
"""What events keep of a report beside its facts; most of it echoes our own request."""

_DETAIL = (*FACTS, *_ECHOES)
_IN_DETAIL = frozenset(_DETAIL)
_remembered_text = lru_cache(4096)(to_text)  # those of a burst repeat
MOMENTS = (*(name for name in FACTS if name in TIMES), "reported_at")
_moments = attrgetter(*MOMENTS)
_MONEY = frozenset(name for name, fact in FACTS.items() if fact.kind is FactKind.MONEY)
_DAY = timedelta(days=1)
_CLOCKS = timedelta(minutes=2)
"""How much the provider's clock and ours may differ."""


def facts(report: Report) -> dict[str, Any]:
    """Return what the report states as a JSON-ready dictionary; what it leaves out is left out."""
    detail = stated(report, _DETAIL)
    if not report.extra:
        del detail["extra"]
    return detail


def occurred_at(report: Report) -> datetime | None:
    """Return the provider's time for what the report tells, or None if it gave none."""
    return report.ended_at or report.started_at or report.reported_at


def believable(moment: datetime, placed_at: datetime, received_at: datetime) -> bool:
    """Whether a time of the provider's can be that of a call placed then and told of then.

    It cannot be if it is more than a day before or after. What is less may come of a wrong
    OBDTRACK_PROVIDER_TIMEZONE, which `doctor` finds and names.
    """
    return placed_at - _DAY <= moment <= received_at + _DAY


def within_life(report: Report, placed_at: datetime, received_at: datetime) -> Report:
    """Return the report without times that are not believable; they stay in `extra`, as text."""
    strange = {
        name: moment
        for name in MOMENTS
        if (moment := getattr(report, name)) and not believable(moment, placed_at, received_at)
    }
    if not strange:
        return report
    shown = {name: to_text(moment) for name, moment in strange.items()}
    return report._replace(extra={**report.extra, **shown}, **dict.fromkeys(strange))


def readings(report: Report, placed_at: datetime, received_at: datetime) -> list[Report]:
    """Return a report as it may be meant: first and last where its times are in an hour that came
    twice, and both can be those of a call placed then and told of then.
    """
    if Twofold not in map(type, _moments(report)):
        return [report]
    twofold = {name: m for name in MOMENTS if isinstance(m := getattr(report, name), Twofold)}
    since, until = placed_at - _CLOCKS, received_at + _CLOCKS
    possible = {
        name: [one for one in moment.both() if since <= one <= until] or [moment.both()[0]]
        for name, moment in twofold.items()
    }
    first = report._replace(**{name: moments[0] for name, moments in possible.items()})
    last = report._replace(**{name: moments[-1] for name, moments in possible.items()})
    return [first] if first == last else [first, last]


def adds_nothing(new: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether every fact in `new` already stands in `known` with the same value.

    A poll that repeats part of a webhook is the same fact; a webhook that brings more than the
    poll before it is not. What merely echoes our own request is not compared.
    """
    return all(
        known.get(name) == value or (name in _MONEY and _is_known(value, known.get(name)))
        for name, value in new.items()
        if name not in _ECHOES
    )


def _is_known(money: str, known: str | None) -> bool:
    """Whether an amount is the known one in other digits, but no more of them.

    `0.5000` after `0.50` says more: if it were left out, it would depend on the order of arrival
    which of the two the call shows.
    """
    if known is None:
        return False
    new, old = amount(money), amount(known)
    return new[0] == old[0] and new <= old
