"""Erases a person's number: a keyed hash takes its place everywhere, and no trace of it is left.

The calls stay, with all that happened, under a pseudonym (a keyed hash). It can be run again,
also after it was interrupted: what is replaced stays so.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import islice
from typing import NamedTuple

from obdtrack.access import audit
from obdtrack.access.audit import Action, Actor
from obdtrack.access.pseudonym import person_number, pseudonym
from obdtrack.calls import queries
from obdtrack.calls.journal import open_journal
from obdtrack.calls.placing import submissions
from obdtrack.campaigns.recipients import leave_out
from obdtrack.domain import phone
from obdtrack.domain.events import Event
from obdtrack.domain.number_patterns import Spellings
from obdtrack.domain.progress import Watcher, WorkDone, unwatched
from obdtrack.domain.status import Kind, Source, Status
from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.privacy import mentions
from obdtrack.services import Services, new_id
from obdtrack.store import models
from obdtrack.store.schema import TABLES
from obdtrack.store.vacuum import vacuum

BATCH = 200
"""Rows changed in one transaction, so that reports wait for milliseconds at most."""

REASON = "number-erased"

_MOST_PASSES = 5


class Erased(NamedTuple):
    """What an erasure did: the name in the number's place, and rows changed by table.

    `concluded` calls were still waiting for a report, and are `unresolved` now. `cleared` is False
    if old bytes may be left in the database's files, because somebody kept reading them.
    """

    name: str
    rows: dict[str, int]
    concluded: int
    cleared: bool


def erase(text: str, actor: Actor, services: Services, watch: Watcher = unwatched) -> Erased:
    """Replace a number, in any spelling, wherever it is stored.

    Raises ConfigError without OBDTRACK_SECRET_KEY, and ObdtrackError: invalid if `text` is no
    whole number or is our own, conflict if it is being called now, unavailable if the database is
    out of use.
    """
    number = _erasable(text, services)
    name = pseudonym(number, services.encryption)
    concluded = _conclude(number, name, actor, services)
    spellings = Spellings(number)
    rows: Counter[type[models.Table]] = Counter()
    for _ in range(_MOST_PASSES):  # what came in behind the search is found by the next one
        watch(WorkDone("rows changed", rows.total()))
        changed = _replace_all(spellings, name, services)
        rows += changed
        if not changed:
            break
    watch(WorkDone("rewriting files", rows.total(), rows.total()))
    cleared = vacuum(services.store, rows or TABLES)
    by_table = {table._meta.table_name: count for table, count in rows.items()}
    return Erased(name, by_table, concluded, cleared)


def _erasable(text: str, services: Services) -> str:
    if not services.settings.secret_key:
        raise ConfigError("OBDTRACK_SECRET_KEY is not set: without it a hash could be guessed.")
    number = person_number(text)
    if number == phone.whole(services.settings.bridge):
        raise ObdtrackError(Code.INVALID, "That is OBDTRACK_BRIDGE: the number that calls.")
    return number


def _conclude(number: str, name: str, actor: Actor, services: Services) -> int:
    """Stop waiting for reports on calls to this number: polling would bring it back."""
    now = services.now()
    with open_journal(services, now=now) as journal:
        leave_out(number, REASON, services)  # first: who is being called meanwhile is seen next
        waiting = queries.waiting_calls(number)
        if any(call.status == Status.SUBMITTING for call in waiting):
            raise ObdtrackError(
                Code.CONFLICT, "The number is being called now; try again soon.", retry_after=20
            )
        audit.record(Action.NUMBER_ERASED, name, actor, services)
        for call in waiting:
            event = Event(new_id(), Kind.RESOLUTION, Source.SYSTEM, now, Status.UNRESOLVED, REASON)
            if journal.call(call.id):
                journal.append(call.id, event)
        submissions.drop_variables(number, unless=partial(_is_without, number, services))
        journal.stop_polling(number)
    return len(waiting)


def _is_without(number: str, services: Services, sealed: bytes) -> bool:
    """Whether values of variables, as they are stored, certainly do not hold this number."""
    try:
        values = services.encryption.open(bytes(sealed)).values()
    except ValueError:
        return False
    return not any(map(Spellings(number).found_in, values))


def _replace_all(
    spellings: Spellings, name: str, services: Services
) -> Counter[type[models.Table]]:
    changed: Counter[type[models.Table]] = Counter()
    found = mentions.mentions(spellings)
    while batch := list(islice(found, BATCH)):
        with services.store.write():
            for mention in batch:
                changed[mention.table] += mentions.replace(mention, spellings, name)
    return +changed
