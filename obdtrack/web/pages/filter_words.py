"""What a filter offers and what it says of itself, in the words of the pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from obdtrack.calls.search import NO_REASON, CallFilter
from obdtrack.domain.status import Source
from obdtrack.statistics.counters import MOST_ATTEMPTS
from obdtrack.web.pages.labels import REASON, source_word, status_look, why_text
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.language import ngettext
from obdtrack.web.pages.privacy import Reader

Choices = list[tuple[object, str]]


def reason_choices(found: Iterable[str], wanted: str | None) -> Choices:
    """Return the reasons to choose from: those found on this page first."""
    words = dict.fromkeys([*found, *filter(None, [wanted]), NO_REASON, *REASON])
    return [(word, _reason(word)) for word in words]


def source_choices() -> Choices:
    """Return how statuses are known."""
    return [(source, source_word(source, "")) for source in Source]


def attempt_choices() -> Choices:
    """Return the numbers of attempts that figures tell apart."""
    return [(number, _attempts(number)) for number in range(1, MOST_ATTEMPTS + 1)]


def hour_choices() -> Choices:
    """Return the hours of a day."""
    return [(hour, f"{hour:02}:00–{hour:02}:59") for hour in range(24)]


def same_words(words: Iterable[str], typed: str | None) -> Choices:
    """Return words that are chosen by themselves, with the one that was typed."""
    return [(word, word) for word in dict.fromkeys([*words, *filter(None, [typed])])]


def filter_words(wanted: CallFilter, typed: Mapping[str, str]) -> Iterator[str]:
    """Say, in a few words each, what a filter wants beside a time."""
    if wanted.attention:
        yield _("needs attention")
    for status in wanted.statuses:
        yield status_look(status).word.lower()
    if wanted.reason:
        yield _reason(wanted.reason)
    if wanted.source:
        yield _("known from: %(source)s", source=source_word(wanted.source, ""))
    if wanted.attempts:
        yield _attempts(wanted.attempts)
    if wanted.hour is not None:
        yield f"{wanted.hour:02}:00–{wanted.hour:02}:59"
    if wanted.conflict:
        yield _("in conflict")
    yield from (typed[name] for name in ("name", "caller", "flow") if typed.get(name))


def kept_filters(
    wanted: CallFilter, typed: Mapping[str, str], reader: Reader
) -> list[tuple[str, str, str]]:
    """Return what the address asks for by no field of its own: parameter, value and words.

    The parameter of a number holds it sealed, or names another call to it.
    """
    words = {
        "number": wanted.number and _("to %(number)s", number=reader.number(wanted.number)),
        "ending": wanted.ending
        and _("to numbers that end in %(digits)s", digits=wanted.ending[-4:]),
        "masked": wanted.masked and _("to numbers like %(number)s", number=wanted.masked),
        "reference": wanted.reference and _("with the reference %(text)s", text=wanted.reference),
        "talked": wanted.talked is not None
        and _("that ended within %(most)s seconds of being answered", most=wanted.talked),
        "mid": wanted.mid and _("of the submission %(text)s", text=wanted.mid),
    }
    words["number_of"] = words["number"]
    words["number"] = words["number"] or words["ending"]
    return [(name, typed[name], said) for name, said in words.items() if said and typed.get(name)]


def _reason(word: str) -> str:
    return _("No reason given") if word == NO_REASON else why_text(word)


def _attempts(number: int) -> str:
    if number == MOST_ATTEMPTS:
        return _("%(least)s attempts or more", least=number)
    return ngettext("%(num)s attempt", "%(num)s attempts", number)
