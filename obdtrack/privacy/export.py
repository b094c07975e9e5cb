"""Gives what is stored about one person's number, as data they can be handed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.access.pseudonym import person_number, pseudonym
from obdtrack.calls import opt_outs, queries, responses, search
from obdtrack.calls.outside_hours import rang_outside
from obdtrack.calls.reports import deliveries
from obdtrack.calls.representation import (
    call_view,
    delivery_view,
    event_view,
    response_view,
    submission_view,
)
from obdtrack.calls.search import CallFilter
from obdtrack.calls.states import states_of
from obdtrack.campaigns import recipients
from obdtrack.domain.number_patterns import Spellings
from obdtrack.domain.redaction import mask_all
from obdtrack.domain.timeline import build_timeline
from obdtrack.domain.times import to_text
from obdtrack.privacy import mentions
from obdtrack.services import Services
from obdtrack.settings import Settings
from obdtrack.store import models
from obdtrack.store.columns import dumps

_PAGE = 200
_BYTES = bytes | memoryview

Row = dict[str, Any]


def export(text: str, actor: Actor, services: Services) -> Row:
    """Return a person's data, ready for JSON; `text` is the number in any spelling.

    `calls` holds every call to the number (also under the name of its erasure) as the API shows it,
    with its submission, its timeline, its raw reports and the provider's responses; `recipients`
    every row of a campaign's list that is theirs, whether they were called or not;
    `elsewhere` every other text in which the number appears, with the numbers of others masked.
    Raises ObdtrackError (invalid) if it is no whole number.
    """
    number = person_number(text)
    name = pseudonym(number, services.encryption)
    audit.record(Action.NUMBER_EXPORTED, name, actor, services)
    opted_out = opt_outs.of_numbers({number, name})
    theirs = [
        row for to in (number, name) for row in _calls_to(to, opted_out.get(to), services.settings)
    ]
    planned = recipients.of_numbers([number, name])
    in_lists = json.loads(dumps(recipients.recipient_views(planned, numbers_in_full=True)))
    return {
        "number": number,
        "exported_at": to_text(services.now()),
        "opted_out_at": to_text(min(opted_out.values())) if opted_out else None,
        "calls": theirs,
        "recipients": in_lists,
        "elsewhere": list(
            _elsewhere(Spellings(number), _ids(theirs) | {row["id"] for row in in_lists})
        ),
    }


def _calls_to(number: str, opted_out_at: datetime | None, settings: Settings) -> Iterator[Row]:
    before: UUID | None = None
    spellings = Spellings(number)
    while found := search.newest(CallFilter(number=number), _PAGE, before):
        states, events = states_of(found), queries.history([call.id for call in found])
        for call in found:
            state = states[call.id]
            timeline = build_timeline(events[call.id], state)
            outside = rang_outside(state.attempts, call.submission.call_type, settings)
            shown = {
                **call_view(call, state, numbers_in_full=True, opted_out_at=opted_out_at),
                "submission": submission_view(call.submission),
                "events": [event_view(e, number, outside, numbers_in_full=True) for e in timeline],
                "deliveries": [delivery_view(row, None) for row in deliveries.of_call(call.id)],
                "answers": [_answer(row, spellings) for row in responses.of_call(call.id)],
            }
            yield json.loads(dumps(shown))
        before = found[-1].id


def _answer(row: models.ResponseRow, spellings: Spellings) -> Row:
    """Return a response; that to a submission without the other numbers it went to."""
    shown = response_view(row)
    if row.submission_id is not None and shown["body"]:
        shown["body"] = _others_masked(shown["body"], spellings)
    return shown


def _ids(theirs: Iterable[Row]) -> set[str]:
    """Return the ids of the rows exported with these calls; an event goes by its call's."""
    return {
        row["id"]
        for call in theirs
        for row in (call, call["submission"], *call["deliveries"], *call["answers"])
    }


def _elsewhere(spellings: Spellings, exported: Collection[str]) -> Iterator[Row]:
    for mention in mentions.mentions(spellings):
        key = [str(UUID(bytes=bytes(k)) if isinstance(k, _BYTES) else k) for k in mention.key]
        if mention.table is not models.OptOutRow and key[0] not in exported:
            texts = {name: _others_masked(text, spellings) for name, text in mention.texts.items()}
            yield {"table": mention.table._meta.table_name, "key": key, "texts": texts}


def _others_masked(text: str, spellings: Spellings) -> str:
    with suppress(UnicodeError):  # bytes that were read as latin-1 are UTF-8, or they stay so
        text = text.encode("latin-1").decode("utf-8")
    pieces = spellings.pieces(text)
    return "".join(piece if number % 2 else mask_all(piece) for number, piece in enumerate(pieces))
