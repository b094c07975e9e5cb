"""The words for a user's URL that is told what happens, and for what it is sent."""

from __future__ import annotations

from datetime import timedelta

from obdtrack.domain.status import Word

DESTINATION = "destination"
"""The kind of the tasks by which destinations are sent what is new, each task about one of them."""

OLD_SECRET_SIGNS = timedelta(hours=24)
"""How long the secret before the last rotation signs, beside the new one."""


class DestinationState(Word):
    """Whether a destination is sent anything: `paused` by a person, `disabled` by itself."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class NotificationStatus(Word):
    """What became of one event on its way: `failed` is not tried again by itself."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
