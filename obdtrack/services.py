"""What every workflow is given: the store, the provider, the clock, the limits, the secrets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from obdtrack.domain.feed import FeedEvent
from obdtrack.domain.fold import CallState
from obdtrack.domain.texts import Said
from obdtrack.errors import Code, ObdtrackError
from obdtrack.limits import ProcessLimits
from obdtrack.providers.base import Provider
from obdtrack.settings import Settings
from obdtrack.store import feed
from obdtrack.store.clock import uptime
from obdtrack.store.database import Store
from obdtrack.store.encryption import Encryption


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """Return a UUIDv7: unique everywhere, and later ones sort after earlier ones."""
    return uuid7()


class ProvidersOwn(Protocol):
    """What belongs to a provider, by its name."""

    @property
    def provider(self) -> str:
        """The provider's name."""


class Standing(NamedTuple):
    """As much of a call's state as its row tells without being read as a whole."""

    status: str
    conflict: bool
    report_count: int
    attempt_count: int


class CallChange(NamedTuple):
    """What a unit of work did to one call: where it stood `before` (None: it is new), and since.

    `path` are the states it came to, one for each event that was added. The last holds; `rest` is
    its `calls.states.rest_of`. One that was `rebuilt` stands otherwise by the same events.
    """

    call_id: UUID
    before: Standing | None
    path: tuple[CallState, ...]
    rest: Mapping[str, Any]
    campaign_id: UUID | None = None
    rebuilt: bool = False

    @property
    def state(self) -> CallState:
        """Where the call stands now."""
        return self.path[-1]


Listener = Callable[[Sequence[CallChange], "Services"], None]
"""Called once for each unit of work that changed calls, in its transaction, before the figures that
all share are locked: what one raises undoes it all."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts a workflow works with. Clock and provider are arguments so that tests set them.

    Calls are placed with `provider`; of `others` reports are taken, and their calls are polled for.
    `now` is the time of day, `uptime` the seconds since the machine was started.
    `read_store` is a replica of the store's database, if there is one: pages and look-ups read it.
    """

    settings: Settings
    store: Store
    provider: Provider
    encryption: Encryption
    now: Callable[[], datetime] = field(default=utc_now)
    uptime: Callable[[], float] = field(default=uptime)
    limits: ProcessLimits = field(default_factory=ProcessLimits, repr=False)
    listeners: tuple[Listener, ...] = ()
    others: tuple[Provider, ...] = ()
    read_store: Store | None = None
    process_ids: dict[int, UUID] = field(default_factory=dict, repr=False)
    providers: Mapping[str, Provider] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = {provider.name: provider for provider in (self.provider, *self.others)}
        object.__setattr__(self, "providers", found)

    def provider_of(self, kept: ProvidersOwn) -> Provider:
        """Return the provider of a call or delivery; ObdtrackError (conflict) if there is none."""
        if found := self.providers.get(kept.provider):
            return found
        raise ObdtrackError(
            Code.CONFLICT, Said("No account of %(provider)s is configured.", provider=kept.provider)
        )

    def tell(self, events: Iterable[FeedEvent]) -> None:
        """Add events to the feed, if there is one. Must run in the transaction of what they tell.

        Where there is none nothing is taken from `events`.
        """
        if self.settings.events_days:
            feed.append(events)

    def shared_now(self) -> datetime:
        """Return the time by which leases run: the database's, if it may be on another machine.

        Raises peewee.OperationalError if the database does not tell it.
        """
        return self.store.clock.now() if self.store.clock else self.now()

    @property
    def process_id(self) -> UUID:
        """Return what distinguishes this process from others on the same database.

        A server may fork after the application was made: each of its processes has an id of its
        own.
        """
        return self.process_ids.setdefault(os.getpid(), new_id())
