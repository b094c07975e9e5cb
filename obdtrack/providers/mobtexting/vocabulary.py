"""The provider's vocabulary as tables: its keys, its statuses, and what must not be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from obdtrack.domain.status import Status
from obdtrack.errors import ConfigError

ALIASES: dict[str, tuple[str, ...]] = {
    "provider_id": ("id", "call_id", "unique_id", "uuid"),
    "mid": ("mid", "message_id", "group_id", "campaign_mid"),
    "to": ("to", "mobile", "receiver", "destination", "number", "called"),
    "caller": ("from", "caller_id"),
    "bridge": ("bridge", "did"),
    "status": ("status", "message_status", "call_status", "dial_status"),
    "started_at": ("start_at", "start_time", "started_at"),
    "ended_at": ("end_at", "end_time", "ended_at"),
    "reported_at": ("unixtime", "timestamp", "date"),
    "duration_seconds": ("duration", "call_duration"),
    "billable_seconds": ("billing", "billsec", "billable_seconds"),
    "charges": ("charges", "credits", "cost"),
    "dtmf": ("dtmf",),
    "hangup_by": ("hangup_by",),
    "recording_url": ("recording_url", "recording"),
    "flow_id": ("flow_id",),
}
"""Our name -> their keys, the best first.

The first of each is the placeholder or key of the provider's webhook page; the others are what its
responses and its customers' composed reports use. `plain` makes spellings of one key equal.
`billing` is seconds, not money (the provider's webhook page), as Asterisk's `billsec` is.
"""

IDENTITY = ("provider_id", "mid", "to")
"""What can tell which call a report is about."""

# Parts of names, so that `X-Webhook-Token` and `client_secret` are caught too.
_SECRETS = re.compile("token|secret|authorization|validationkey|password|apikey")

_KEYS_REMEMBERED = 256
"""Reports of one account have the same few keys, so what is worked out of a key is kept."""

# Below every rank a built-in alias can have, in whichever part of the request it stands.
_CONFIGURED = -10_000


class Place(NamedTuple):
    """Which of our fields a key fills; the lowest `rank` wins where several keys do."""

    name: str
    rank: int


class StatusMeaning(NamedTuple):
    """What a status word says in our words."""

    status: Status | None
    answered: bool | None = None
    reason: str | None = None


# The dial results on the provider's webhook page (they are Asterisk's), and `queued`, the word of
# its responses. Asterisk says CONGESTION for many set-up problems: it is no proof of a bad number.
_STATUSES: dict[str, StatusMeaning] = {
    "ANSWER": StatusMeaning(Status.COMPLETED, True),
    "ANSWERED": StatusMeaning(Status.COMPLETED, True),
    "COMPLETED": StatusMeaning(Status.COMPLETED, True),
    "RECEIVED": StatusMeaning(Status.COMPLETED, True, "not-forwarded"),
    "MISSED": StatusMeaning(Status.COMPLETED, True, "agent-missed"),
    "BUSY": StatusMeaning(Status.BUSY, False),
    "NOANSWER": StatusMeaning(Status.NO_ANSWER, False),
    "CANCEL": StatusMeaning(Status.CANCELED, False),
    "CONGESTION": StatusMeaning(Status.FAILED, False, "congestion"),
    "CHANUNAVAIL": StatusMeaning(Status.FAILED, False, "channel-unavailable"),
    "QUEUED": StatusMeaning(Status.QUEUED),
}
_NOT_KNOWN = StatusMeaning(None)

# How the platform and its customers call its products, in events and in opt-outs.
_OURS = frozenset({"voice", "voc", "obd", "ivr", "call", "calls", "outgoing", "all", "*"})
_OTHERS = frozenset({"sms", "mms", "whatsapp", "waba", "rcs", "viber", "email", "mail", "telegram",
                     "messenger", "instagram", "push"})  # fmt: skip
_PRODUCT_TYPES = frozenset({"product", "service"})
_FILLERS = str.maketrans("", "", " _-")


@lru_cache(_KEYS_REMEMBERED)
def plain(text: str) -> str:
    """Return a key without what spellings differ in: `Call-ID`, ` call id ` and `callid` are one.

    So is `callid[]`, the list of one that a form makes of a key.
    """
    text = text.replace("_", "").replace("-", "").replace(" ", "").replace("[]", "")
    return text.strip().lower()


CALLED = frozenset(map(plain, ALIASES["to"]))
"""The keys, as `plain` makes them, under which the called number stands."""


@lru_cache(_KEYS_REMEMBERED)
def is_secret(key: str) -> bool:
    """Whether what stands under `key` could let someone in, and so must not be kept."""
    return _SECRETS.search(plain(key)) is not None


def meaning_of(word: str) -> StatusMeaning:
    """Return the meaning of a provider's status; all None for a word the tables lack."""
    return _STATUSES.get(word) or _STATUSES.get(word.translate(_FILLERS).upper(), _NOT_KNOWN)


def other_product(event: str | None, kind: object, value: object) -> str | None:
    """Return the product that an opt-out is about, or None if calls are, or may be, among it.

    `event` is the product of the event's name, which decides. Without it, `value` names products
    where `kind` (its `type`) is `product` or `service`; one that we do not know may be ours.
    """
    if event is not None:
        return event.lower() if event.lower() not in _OURS else None
    if not isinstance(value, str) or str(kind).strip().lower() not in _PRODUCT_TYPES:
        return None
    named = value.lower().replace(",", " ").split()
    return ", ".join(named) if named and _OTHERS.issuperset(named) else None


def places(configured: Mapping[str, str]) -> dict[str, Place]:
    """Return which key fills which field: the built-in aliases under those the operator configured.

    `configured` is our name -> their key, which may start with `header:`. Raises ConfigError for
    a name that is not ours and for a key that holds a secret.
    """
    found = {
        spelling: Place(name, rank)
        for name, keys in ALIASES.items()
        for rank, key in enumerate(keys)
        for spelling in (key, plain(key))
    }
    for name, key in configured.items():
        if name not in ALIASES:
            known = ", ".join(ALIASES)
            raise ConfigError(f"OBDTRACK_WEBHOOK_FIELDS: no field {name!r}; there are {known}")
        bare = key.strip().removeprefix("header:")
        if is_secret(bare):
            raise ConfigError(f"OBDTRACK_WEBHOOK_FIELDS: {bare!r} holds a secret, not {name}")
        found[bare] = found[plain(bare)] = Place(name, _CONFIGURED)
    return found


def header_names(configured: Mapping[str, str]) -> tuple[str, ...]:
    """Return the headers, in lower case, that the operator wants fields read from."""
    keys = (key.strip() for key in configured.values())
    return tuple(key.removeprefix("header:").lower() for key in keys if key.startswith("header:"))


def path_names(configured: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of the operator's that lead into objects: `result.state`, `result[state]`."""
    keys = (key.strip() for key in configured.values())
    return tuple(
        key for key in keys if ("." in key or "[" in key) and not key.startswith("header:")
    )
