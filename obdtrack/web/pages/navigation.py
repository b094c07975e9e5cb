"""The pages that the header leads to, as the reader may open them, some of them in a menu."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from flask import request

from obdtrack.access.keys import Scope
from obdtrack.web.pages.language import N_, gettext
from obdtrack.web.pages.privacy import Reader


class Entry(NamedTuple):
    """One page of the header: where, its word, who may open it, and the blueprints within it."""

    endpoint: str
    word: str
    scope: Scope = Scope.READ
    within: tuple[str, ...] = ()


class Link(NamedTuple):
    """An entry as it is shown: `current` is `page` for this page, `true` for one within, or ''.

    `mark` is how many wait there, or ''.
    """

    endpoint: str
    word: str
    current: str
    mark: str


FIRST = (
    Entry("pages_calls.index", N_("Calls"), within=("pages_call",)),
    Entry(
        "pages_campaigns.index",
        N_("Campaigns"),
        within=("pages_campaign_plans", "pages_campaign_lists"),
    ),
    Entry("pages_attention.index", N_("Needs attention")),
    Entry("pages_deliveries.index", N_("Deliveries")),
    Entry("pages_place.form", N_("Place a call"), Scope.PLACE),
)
"""What stands in the header itself."""

ADMINISTRATION = (
    Entry("pages_health.index", N_("Health and settings")),
    Entry("pages_alarms.index", N_("Alarms")),
    Entry("pages_destinations.index", N_("Destinations"), Scope.ADMIN),
    Entry("pages_opt_outs.index", N_("Do-not-call list")),
    Entry("pages_people.index", N_("A person's data"), Scope.ADMIN),
    Entry("pages_keys.index", N_("Keys"), Scope.ADMIN),
    Entry("pages_audit.index", N_("Audit"), Scope.ADMIN),
    Entry("pages_docs.docs", N_("API")),
)
"""What stands in the menu beside it."""


def links(
    entries: tuple[Entry, ...], reader: Reader, marks: Mapping[str, str] = MappingProxyType({})
) -> list[Link]:
    """Return those that the reader may open, in the reader's language.

    `marks` has by endpoint how many wait there.
    """
    return [
        Link(one.endpoint, gettext(one.word), _current(one), marks.get(one.endpoint, ""))
        for one in entries
        if reader.may(one.scope)
    ]


def _current(entry: Entry) -> str:
    if request.endpoint == entry.endpoint:
        return "page"
    section = entry.endpoint.partition(".")[0]
    return "true" if request.blueprint in (section, *entry.within) else ""
