"""What can be reported of a dialling: each fact is declared once, here, and known everywhere.

Reports, attempts and states of calls hold these facts; events keep them in their detail. The API's
schema and the pages list them from `FACTS`. A new fact is one more line of `CallFacts`,
and its key at each provider that reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self, TypeVar, dataclass_transform, get_type_hints

from obdtrack.domain.texts import N_
from obdtrack.domain.times import from_text, to_text

_Class = TypeVar("_Class")


class FactKind(StrEnum):
    """What a value is: how it is read, compared, stored and shown follows from that."""

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    TIME = "time"
    BOOLEAN = "boolean"


_TEXT, _INTEGER, _TIME = FactKind.TEXT, FactKind.INTEGER, FactKind.TIME


class Fact(NamedTuple):
    """How one fact is treated.

    `label` names it among the facts of an event, `title` among those of a call, its value with a
    `unit`; pages show one without them in a way of their own. `weight` ranks what tells reports of
    one attempt apart: the heaviest is compared first. A `searchable` fact has a column of `calls`.
    `description` and `example` are the API's.
    """

    kind: FactKind
    label: str | None = None
    title: str | None = None
    unit: str = ""
    weight: int = 0
    searchable: bool = False
    description: str | None = None
    example: str | None = None


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[_Class]) -> type[_Class]:
    """Return the class as a dataclass of named values that nobody changes.

    The type checker sees to that; a frozen one takes three times as long to make, for each report.
    """
    return dataclass(slots=True, kw_only=True)(cls)


@record
class Record:
    """What a NamedTuple offers, for classes that share some of their values."""

    def _replace(self, **changes: Any) -> Self:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(**{**values, **changes})


@record
class CallFacts(Record):
    """The facts of one dialling, as reported: all may be missing, and nothing is guessed.

    Times are aware UTC, `charges` is exact decimal text, `answered` is None if that is not known.
    """

    provider_status: Annotated[str | None, Fact(_TEXT, N_("provider status"))] = None
    answered: Annotated[
        bool | None, Fact(FactKind.BOOLEAN, searchable=True, description="null: not known.")
    ] = None
    started_at: Annotated[datetime | None, Fact(_TIME, weight=-1, searchable=True)] = None
    ended_at: Annotated[datetime | None, Fact(_TIME, weight=1, searchable=True)] = None
    duration_seconds: Annotated[
        int | None,
        Fact(_INTEGER, N_("duration in seconds"), N_("Duration as reported"), N_("%(value)s s"),
             weight=1, searchable=True, description="As the provider reported it."),
    ] = None  # fmt: skip
    billable_seconds: Annotated[
        int | None,
        Fact(_INTEGER, N_("billable seconds"), N_("Billable seconds"), weight=1, searchable=True,
             description="Seconds the provider charges for, as it reported them."),
    ] = None  # fmt: skip
    charges: Annotated[
        str | None,
        Fact(FactKind.MONEY, N_("charges"), N_("Charges"), searchable=True,
             description="Exact decimal text.", example="0.5000"),
    ] = None  # fmt: skip
    dtmf: Annotated[
        str | None,
        Fact(_TEXT, N_("keys pressed"), N_("Keys pressed"),
             description="Keys that the person pressed."),
    ] = None  # fmt: skip
    hangup_by: Annotated[
        str | None,
        Fact(_TEXT, N_("hung up by"), N_("Hung up by"),
             description="Who hung up, in the provider's words."),
    ] = None  # fmt: skip
    recording_url: Annotated[str | None, Fact(_TEXT)] = None


FACTS: Mapping[str, Fact] = {
    name: fact
    for name, hint in get_type_hints(CallFacts, include_extras=True).items()
    for fact in hint.__metadata__
}
"""Every fact by its name, in the order in which they are shown."""

BY_WEIGHT = tuple(sorted(FACTS, key=lambda name: FACTS[name].weight, reverse=True))
"""What tells reports of one attempt apart, the most telling first."""

TIMES = frozenset(name for name, fact in FACTS.items() if fact.kind is FactKind.TIME)


def amount(text: str) -> tuple[Decimal, int, str]:
    """Return what amounts are compared by: their value, and only then how fully it is written."""
    return Decimal(text), len(text), text


_MEASURES: dict[FactKind, Callable[[Any], Any]] = {
    FactKind.MONEY: amount,
    FactKind.TIME: from_text,
}
_MEASURE_OF = {name: _MEASURES[fact.kind] for name, fact in FACTS.items() if fact.kind in _MEASURES}


def measure(name: str, value: Any) -> Any:
    """Return what values of this fact are compared by: times as instants, money as decimals.

    `value` is as an event's detail has it; None stays None.
    """
    read = _MEASURE_OF.get(name)
    return value if read is None or value is None else read(value)


def stated(facts: CallFacts, names: Iterable[str] = FACTS) -> dict[str, Any]:
    """Return what is known of these facts, ready for JSON; what is not is left out."""
    known = {name: value for name in names if (value := getattr(facts, name)) is not None}
    for name in TIMES:
        if name in known:
            known[name] = to_text(known[name])
    return known


def read_facts(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts among these values, as `stated` wrote them, by the names of `CallFacts`."""
    known = {name: value for name, value in detail.items() if name in FACTS}
    for name in TIMES:
        if text := known.get(name):
            known[name] = from_text(text)
    return known
