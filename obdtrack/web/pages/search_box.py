"""What somebody may have meant by what they typed into the one search box."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple
from unicodedata import category, decimal, normalize
from urllib.parse import urlencode

from flask import url_for

from obdtrack.access.keys import Access
from obdtrack.calls import queries, search
from obdtrack.calls.lookups import admit
from obdtrack.calls.search import ENDING, CallFilter
from obdtrack.campaigns.recipients import planned_for
from obdtrack.domain import phone
from obdtrack.domain.redaction import hide
from obdtrack.services import Services
from obdtrack.statistics import questions
from obdtrack.store import models
from obdtrack.store.encryption import Encryption
from obdtrack.web.http.auth import look_up
from obdtrack.web.pages.filters import MASKED, is_plain, seal_text
from obdtrack.web.pages.language import gettext as _
from obdtrack.web.pages.privacy import Reader

_LONGEST = 200
_SUGGESTED, _MOST_BEGINNINGS = 50, 20
_BETWEEN = re.compile(r"[\s().\-/+]+")
_LEFT_OUT = re.compile(r"^'|^tel:|;.*|(?<=[0-9])\s*\(0\)", re.IGNORECASE)
"""What is written around a number, or into it, and not dialled."""

_TELLING = 7
"""Last digits that may identify a number, so that no address holds them."""

_DATE_DIGITS = 8
"""Digits that a name may have without being taken for one that holds a number."""

_SHORT_NATIONAL = 8
"""Digits that a whole number without its country code has at least."""


class Hit(NamedTuple):
    """One meaning that leads somewhere: what it is, and where to; `text` is what begins so."""

    kind: str
    address: str
    text: str | None = None


def find_hits(text: str, services: Services, watched: Access | None = None) -> list[Hit]:
    """Return every meaning of `text` under which there are calls.

    `watched` is who asks without being allowed to see numbers: see `lookups`.
    """
    known, ids = services.providers.values(), services.provider.ids
    text = text.strip()[:_LONGEST]
    # in its usual letters, without those that are invisible
    bare = "".join(c for c in normalize("NFKC", text) if category(c) != "Cf").strip()
    if not bare or not is_plain(text):
        return []
    exact = look_up(lambda: queries.find(text, known) or queries.find(bare.lower(), known))
    if exact is not None:
        return [Hit(_("a call's id"), url_for("pages_call.show", call_id=exact.id))]
    digits = _plain_digits(bare)
    if watched:
        digits = _watched(digits, bare, watched, services)
    found = [
        _first(_submission, (bare, bare.lower(), ids.canonical(bare))),
        _number(digits, services.now(), services.encryption),
        _first(_reference, _spellings(text, bare)),
        _first(_campaign, _spellings(text, bare)),
    ]
    hits = [hit for hit in found if hit is not None]
    return hits or _beginnings(text, is_watched=watched is not None)


def names_to_suggest(reader: Reader) -> list[str]:
    """Return the newest names of campaigns, without those in which this reader may not see all."""
    names = [campaign.name for campaign in questions.campaigns(_SUGGESTED)]
    return [name for name in names if reader.sees_numbers or not _may_hold_number(name)]


def _beginnings(text: str, *, is_watched: bool) -> list[Hit]:
    """Return the campaigns and references that begin so, in whatever case where an index has it.

    Who is watched is told of none that may hold a number: its digits could be guessed in turn.
    """
    campaigns = [
        Hit(_("campaign"), url_for("pages_campaigns.show", name=name), name)
        for name in _beginning(questions.names_from, text)
    ]
    references = [
        Hit(_("reference"), _address(reference=reference), reference)
        for reference in _beginning(search.references_from, text)
    ]
    hits = [*campaigns[:_MOST_BEGINNINGS], *references[:_MOST_BEGINNINGS]]
    return [hit for hit in hits if not (is_watched and _may_hold_number(hit.text or ""))]


def _may_hold_number(text: str) -> bool:
    return sum(map(str.isdigit, text)) > _DATE_DIGITS or hide(text) != text


def _beginning(find: Callable[[str], list[str]], text: str) -> list[str]:
    begun = {one for spelled in _spellings(text, text) for one in find(spelled)}
    return sorted(one for one in begun if one.casefold().startswith(text.casefold()))


def _spellings(text: str, bare: str) -> Iterable[str]:
    """Return the spellings to try, as it was typed first: an index finds each, but not any case."""
    return dict.fromkeys((text, bare, bare.lower(), bare.upper(), bare.capitalize(), bare.title()))


def _first(find: Callable[[str], Hit | None], spellings: Iterable[str]) -> Hit | None:
    return next(filter(None, map(find, spellings)), None)


def _submission(text: str) -> Hit | None:
    return _list(_("a submission's id"), CallFilter(mid=text), mid=text)


def _reference(text: str) -> Hit | None:
    return _list(_("a reference"), CallFilter(reference=text), reference=text)


def _campaign(text: str) -> Hit | None:
    if not questions.is_campaign(text):
        return None
    return Hit(_("a campaign"), url_for("pages_campaigns.show", name=text))


def _number(text: str, now: datetime, encryption: Encryption) -> Hit | None:
    number, digits = phone.whole(text), _BETWEEN.sub("", text)
    if shown := MASKED.fullmatch(digits):
        return _list(_("a masked number"), CallFilter(masked=f"+{shown[0]}"), masked=f"+{shown[0]}")
    if number:
        sealed = seal_text(number, now, encryption)
        if planned_for(number, 1):
            return Hit(_("a number"), _address(number=sealed))
        if search.is_any(CallFilter(number=number)):
            return _list(_("a number"), CallFilter(number=number), number=sealed)
    if number and text.startswith("+"):
        return None
    hit = _ending(digits, now, encryption)
    if hit is None and digits.startswith("0") and len(digits) > _SHORT_NATIONAL:
        return _ending(digits[1:], now, encryption)  # a trunk zero is dialled at home only
    return hit


def _watched(text: str, bare: str, reader: Access, services: Services) -> str:
    """Return what may be sought as a number by a reader who does not see numbers, or ""."""
    digits = _BETWEEN.sub("", text)
    if MASKED.fullmatch(digits):
        return text
    number, ending = phone.whole(text), digits if digits.isdigit() else None
    if number is not None or len(ending or "") == ENDING:
        ending = None if number else ending
        admit(CallFilter(number=number, ending=ending), reader, services)
        return number or ending or ""
    admit(CallFilter(reference=bare), reader, services)
    return ""


def _plain_digits(bare: str) -> str:
    """Return what may be a number in digits and dashes of ASCII, without what is not dialled."""
    plain = (
        "-" if category(letter) == "Pd" or letter == "\u2212" else str(decimal(letter, letter))
        for letter in bare
    )
    return _LEFT_OUT.sub("", "".join(plain))


def _ending(digits: str, now: datetime, encryption: Encryption) -> Hit | None:
    """Return the calls to all numbers that end so, however many numbers that are."""
    if not (digits.isdigit() and ENDING <= len(digits) <= 15):
        return None
    if len(digits) < _TELLING:
        return _list(_("a number's last digits"), CallFilter(ending=digits), ending=digits)
    numbers = search.numbers_ending(digits)
    if len(numbers) == 1:
        sealed = seal_text(numbers[0], now, encryption)
        return _list(_("a number"), CallFilter(number=numbers[0]), number=sealed)
    sealed = seal_text(digits, now, encryption)
    return _list(_("a number's last digits"), CallFilter(ending=digits), number=sealed)


def _list(kind: str, wanted: CallFilter, **address: str) -> Hit | None:
    found: list[models.Call] = search.newest(wanted, 2)
    if len(found) == 1:
        return Hit(kind, url_for("pages_call.show", call_id=found[0].id))
    return Hit(kind, _address(**address)) if found else None


def _address(**query: str) -> str:
    return f"{url_for('pages_calls.index')}?{urlencode(query)}"
