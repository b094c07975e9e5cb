"""What somebody may have meant by what they typed into the one search box."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from flask import url_for

from obdtrack.domain import phone
from obdtrack.storage import calls, figures, models, search
from obdtrack.storage.search import ENDING, Wanted
from obdtrack.storage.vault import Vault
from obdtrack.web.pages.filters import is_plain, seal_text

_LONGEST = 200
_SPACES = "  .-()/+\u2010\u2011\u2012\u2013"


class Hit(NamedTuple):
    """One meaning that leads somewhere: what it is, and where to."""

    kind: str
    address: str


def find_hits(text: str, now: datetime, vault: Vault) -> list[Hit]:
    """Give every meaning of `text` under which there are calls."""
    text = text.strip()[:_LONGEST]
    if not text or not is_plain(text):
        return []
    exact = calls.find(text)
    if exact is not None:
        return [Hit("a call's id", url_for("pages_call.show", call_id=exact.id))]
    found = [_submission(text), _number(text, now, vault), _reference(text), _campaign(text)]
    return [hit for hit in found if hit is not None]


def _submission(text: str) -> Hit | None:
    return _list("a submission's id", Wanted(mid=text), mid=text)


def _reference(text: str) -> Hit | None:
    return _list("a reference", Wanted(reference=text), reference=text)


def _campaign(text: str) -> Hit | None:
    if not figures.is_campaign(text):
        return None
    return Hit("a campaign", url_for("pages_campaigns.show", name=text))


def _number(text: str, now: datetime, vault: Vault) -> Hit | None:
    number = phone.loosely(text)
    if number and search.is_any(Wanted(number=number)):
        return _list("a number", Wanted(number=number), number=seal_text(number, now, vault))
    digits = _digits(text).lstrip("0")  # a trunk zero is dialled at home only
    if not ENDING <= len(digits) <= 15:
        return None
    full = _whole(digits)
    if full:
        return _list("a number", Wanted(number=full), number=seal_text(full, now, vault))
    return _list("a number's last digits", Wanted(ending=digits), ending=digits)


def _whole(digits: str) -> str | None:
    """Give the number these last digits belong to, if they are too many to stand in an address."""
    if len(digits) < 7:
        return None
    found = search.newest(Wanted(ending=digits), 1)
    return found[0].to_number if found else None


def _list(kind: str, wanted: Wanted, **address: str) -> Hit | None:
    found: list[models.Call] = search.newest(wanted, 2)
    if len(found) == 1:
        return Hit(kind, url_for("pages_call.show", call_id=found[0].id))
    return Hit(kind, f"{url_for('pages_calls.index')}?{urlencode(address)}") if found else None


def _digits(text: str) -> str:
    bare = text.translate(str.maketrans("", "", _SPACES))
    return bare if bare.isascii() and bare.isdigit() else ""
