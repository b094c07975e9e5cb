"""Which call a report is about, by the ids and the number it gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from obdtrack.domain.phone import fits, is_erased
from obdtrack.domain.reports import Report
from obdtrack.domain.submission import canonical_id, is_uuid, submission_uuid


class Named(Protocol):
    """A call as the provider names it: `provider_id` is `uuid:n` or `uuid`, `mid` the uuid."""

    @property
    def provider_id(self) -> str | None:
        """The provider's id, canonical."""

    @property
    def mid(self) -> str | None:
        """The submission's part of it."""

    @property
    def to_number(self) -> str:
        """The number it went to, E.164 or the name of an erased one."""


N = TypeVar("N", bound=Named)


class Names(NamedTuple):
    """The ids in a report, canonical: of the call, and of what may be its submission."""

    provider_id: str | None
    mid: str | None
    submissions: tuple[str, ...]

    def all(self) -> set[str]:
        """Return every name under which somebody may be writing about the same call."""
        return {name for name in (self.provider_id, self.mid, *self.submissions) if name}


def names_of(report: Report) -> Names:
    """Return how a report names its call.

    Composed reports put either id under either key: `mid` may be `uuid:n`, the id a bare uuid.
    """
    provider_id = canonical_id(report.provider_id) if report.provider_id else None
    mid = canonical_id(report.mid) if report.mid else None
    if provider_id is None and mid is not None and ":" not in mid:
        return Names(None, mid, (mid,))  # as almost every report does
    of_id = (submission_uuid(provider_id),) if provider_id else ()
    of_mid = (mid, submission_uuid(mid)) if mid else ()
    return Names(provider_id, mid, tuple(dict.fromkeys(of_id + of_mid)))


def may_be(report: Report, names: Names, calls: Sequence[N]) -> list[N]:
    """Return those of a submission's calls that a report naming the submission may be about.

    If it is one, it is certain. A submission of one number is named by its uuid alone; of several,
    the number must fit exactly one. A number that is not whole rules out what it does not fit, and
    so does the `n` of another number. Of an erased number nothing is known that could contradict.
    Where ids are no UUIDs a campaign may be called as some call is: only with a number are they
    certain.
    """
    if report.to and (exact := [call for call in calls if call.to_number == report.to]):
        return exact if len(exact) == 1 else [c for c in exact if not _is_another(names, c)]
    return [
        call
        for call in calls
        if not _is_another(names, call)
        and (not _contradicts(report, call) if report.called else is_uuid(call.mid or ""))
    ]


def is_about(report: Report, call: Named, calls: Sequence[Named]) -> bool:
    """Whether a report is certainly about `call`, which is one of its submission's `calls`."""
    names = names_of(report)
    if names.provider_id == call.provider_id:
        return True
    if call.mid not in names.submissions or _is_another(names, call):
        return False
    found = may_be(report, names, calls)
    return len(found) == 1 and found[0].provider_id == call.provider_id


def why_unmatched(report: Report, names: Names, calls: Iterable[Named], left: int) -> str:
    """Return why a report has no call; of its submission's `calls`, `left` may be the one."""
    if left > 1:
        told = "have this number" if report.called else "be meant: it gives no number"
        return f"{left} calls of this submission may {told}"
    if any(_contradicts(report, call) for call in calls):
        return "the number it gives is not one that its submission went to"
    if names.provider_id:
        return f"no call is known by the id {names.provider_id}"
    if names.mid:
        return f"no call is known of submission {names.mid}"
    return "it names neither a call nor a submission; a number alone is never enough"


def _contradicts(report: Report, call: Named) -> bool:
    """Whether the report gives numbers, and none of them can be the call's."""
    if not report.called or is_erased(call.to_number):
        return False
    return not any(fits(call.to_number, number) for number in report.called)


def _is_another(names: Names, call: Named) -> bool:
    """Whether one of the ids is that of another number of the call's submission."""
    return call.provider_id != call.mid and any(
        name not in (call.provider_id, call.mid) and submission_uuid(name) == call.mid
        for name in (names.provider_id, names.mid)
        if name
    )
