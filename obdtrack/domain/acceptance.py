"""Which of a request's numbers the provider took, and under which ids, by its one response.

An id is a number's if the response gives it beside that number. Where it gives no number at all the
order tells, as long as there is one entry for each. What is not certain is nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from obdtrack.domain.phone import fits, masked
from obdtrack.domain.submission import (
    AcceptedNumber,
    Failure,
    Placement,
    SendResponse,
    placement_of,
)


class Verdict(NamedTuple):
    """What a response means for one number: a failure, or what it was taken as."""

    failure: Failure | None
    number: AcceptedNumber | None = None

    @property
    def placement(self) -> Placement:
        """Whether the phone may ring, by the one table."""
        return placement_of(self.failure)


class Acceptance(NamedTuple):
    """What a response means for each number, and the entries that are none of theirs."""

    verdicts: list[Verdict]
    strangers: list[dict[str, Any]]


def share_out(response: SendResponse, numbers: Sequence[str]) -> Acceptance:
    """Return what a response means for each of these numbers (E.164, all different).

    One that is not listed is unknown; it was not accepted if the response says how many were, and
    lists just as many of ours.
    """
    if response.failure is not None:
        return Acceptance([Verdict(response.failure)] * len(numbers), [])
    listed = response.numbers
    if listed and all(entry.to is None for entry in listed):
        return _by_order(listed, numbers)
    found: dict[str, AcceptedNumber] = {}
    strangers = []
    for entry in listed:
        whose = _whose(entry, numbers)
        if whose is None or whose in found:
            strangers.append(_note(entry, "given twice" if whose else "not ours"))
        else:
            found[whose] = entry
    complete = response.accepted == len(found) == len(listed)
    missing = Failure.NOT_ACCEPTED if complete else Failure.NOT_LISTED
    return Acceptance([_verdict(found.get(one), missing) for one in numbers], strangers)


def _by_order(listed: Sequence[AcceptedNumber], numbers: Sequence[str]) -> Acceptance:
    if len(listed) != len(numbers):
        unknown = [Verdict(Failure.NOT_LISTED)] * len(numbers)
        return Acceptance(unknown, [_note(entry, "without a number") for entry in listed])
    return Acceptance([_verdict(entry, Failure.NOT_LISTED) for entry in listed], [])


def _whose(entry: AcceptedNumber, numbers: Sequence[str]) -> str | None:
    """Return the number that an entry is about; one that is not whole must fit no other of ours."""
    if entry.to is None or entry.to in numbers:
        return entry.to
    fitting = [number for number in numbers if fits(number, entry.to)]
    return fitting[0] if len(fitting) == 1 else None


def _verdict(entry: AcceptedNumber | None, missing: Failure) -> Verdict:
    if entry is None:
        return Verdict(missing)
    if entry.provider_id is None:
        return Verdict(Failure.ANSWER_WITHOUT_ID)
    return Verdict(None, entry)


def _note(entry: AcceptedNumber, why: str) -> dict[str, Any]:
    number = entry.to and masked(entry.to)
    return {"provider_id": entry.provider_id, "number": number, "why": why}
