"""Which call a report is about, by the ids and the number it gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from obdtrack.domain.phone import fits, is_erased
from obdtrack.domain.reports import Report


class ProviderIds:
    """How a provider spells its ids; by default every call has one id in one spelling.

    `example` shows a person what an id looks like.
    """

    example = ""

    def is_id(self, text: str) -> bool:
        """Whether a person who writes this can mean an id of the provider's."""
        return bool(text.strip())

    def canonical(self, text: str) -> str:
        """Return an id in the one spelling in which ids are stored and compared."""
        return text

    def submission(self, provider_id: str) -> str:
        """Return the submission's id, which the id (canonical) of each of its calls tells."""
        return provider_id

    def is_unmistakable(self, mid: str) -> bool:
        """Whether a submission's id (canonical) is nobody else's by accident."""
        return False


class Named(Protocol):
    """A call as the provider names it: `mid` is its submission's id, which `provider_id` tells."""

    @property
    def provider_id(self) -> str | None:
        """The provider's id, canonical."""

    @property
    def mid(self) -> str | None:
        """The submission's part of it."""

    @property
    def to_number(self) -> str:
        """The number it went to, E.164 or the name of an erased one."""


class Naming(Protocol):
    """A report as it names its call; numbers are as `Report` has them."""

    @property
    def provider_id(self) -> str | None:
        """The id it gives of its call."""

    @property
    def mid(self) -> str | None:
        """The id it gives of its submission."""

    @property
    def to(self) -> str | None:
        """The number that was called."""

    @property
    def called(self) -> Sequence[str]:
        """All that it gives for the number that was called."""

    def whole(self) -> Report:
        """Return all that it says."""


class ProviderName(NamedTuple):
    """How its provider calls a call (canonical), and when it says it was asked for it."""

    call_id: UUID
    provider: str
    provider_id: str
    mid: str
    submitted_at: datetime | None


N = TypeVar("N", bound=Named)

OF_OTHER_NUMBER = "the number it gives is not one that its submission went to"


class Names(NamedTuple):
    """The ids in a report, canonical: of the call, and of what may be its submission."""

    provider_id: str | None
    mid: str | None
    submissions: tuple[str, ...]
    ids: ProviderIds

    def all(self) -> set[str]:
        """Return every name under which somebody may be writing about the same call."""
        return {name for name in (self.provider_id, self.mid, *self.submissions) if name}


def names_of(report: Naming, ids: ProviderIds) -> Names:
    """Return how a report of the provider that spells its ids so names its call.

    Composed reports put either id under either key: `mid` may be a call's, the id a submission's.
    """
    provider_id = ids.canonical(report.provider_id) if report.provider_id else None
    mid = ids.canonical(report.mid) if report.mid else None
    of_id = (ids.submission(provider_id),) if provider_id else ()
    of_mid = (mid, ids.submission(mid)) if mid else ()
    if of_mid and not of_id and of_mid[1] == mid:
        return Names(None, mid, of_mid[:1], ids)  # as almost every report does
    return Names(provider_id, mid, tuple(dict.fromkeys(of_id + of_mid)), ids)


def all_names(reports: Iterable[Report], ids: ProviderIds) -> set[str]:
    """Return every name under which somebody may be writing about the calls of these reports."""
    return set().union(*(names_of(report, ids).all() for report in reports))


def may_be(report: Naming, names: Names, calls: Sequence[N]) -> list[N]:
    """Return those of a submission's calls that a report naming the submission may be about.

    If it is one, it is certain. A submission of one number is named by its id alone; of several,
    the number must fit exactly one. A number that is not whole rules out what it does not fit, and
    so does the id of another call. Of an erased number nothing is known that could contradict.
    Where ids are not unmistakable a campaign may be called as some call is: only with a number are
    they certain.
    """
    if report.to and (exact := [call for call in calls if call.to_number == report.to]):
        return exact if len(exact) == 1 else [c for c in exact if not is_another(names, c)]
    return [
        call
        for call in calls
        if not is_another(names, call)
        and (
            not _contradicts(report, call)
            if report.called
            else names.ids.is_unmistakable(call.mid or "")
        )
    ]


def is_about(report: Report, call: Named, calls: Sequence[Named], ids: ProviderIds) -> bool:
    """Whether a report is certainly about `call`, which is one of its submission's `calls`."""
    names = names_of(report, ids)
    if names.provider_id == call.provider_id:
        return True
    if call.mid not in names.submissions or is_another(names, call):
        return False
    found = may_be(report, names, calls)
    return len(found) == 1 and found[0].provider_id == call.provider_id


def is_of_other_number(report: Report, call: Named) -> bool:
    """Whether a report gives a whole number, and none that it gives can be the call's.

    A composed report may have caller and callee the wrong way round.
    """
    to, known = report.to, call.to_number
    if to is None or to == known or not to.startswith("+") or is_erased(known):
        return False
    return not any(fits(known, number) for number in (report.caller, report.bridge) if number)


NOBODY_KNOWN = "no call is known"
"""How the reason of a report begins that waits for its call."""


def why_unmatched(report: Naming, names: Names, calls: Iterable[Named], left: int) -> str:
    """Return why a report has no call; of its submission's `calls`, `left` may be the one."""
    if left > 1:
        which = "have this number" if report.called else "be meant: it gives no number"
        return f"{left} calls of this submission may {which}"
    if any(_contradicts(report, call) for call in calls):
        return OF_OTHER_NUMBER
    if names.provider_id:
        return f"{NOBODY_KNOWN} by the id {names.provider_id}"
    if names.mid:
        return f"{NOBODY_KNOWN} of submission {names.mid}"
    return "it names neither a call nor a submission; a number alone is never enough"


def _contradicts(report: Naming, call: Named) -> bool:
    """Whether the report gives numbers, and none of them can be the call's."""
    if not report.called or is_erased(call.to_number):
        return False
    return not any(fits(call.to_number, number) for number in report.called)


def is_another(names: Names, call: Named) -> bool:
    """Whether one of the ids is that of another number of the call's submission."""
    return call.provider_id != call.mid and any(
        name not in (call.provider_id, call.mid) and names.ids.submission(name) == call.mid
        for name in (names.provider_id, names.mid)
        if name
    )
