"""Which alarms are open: they open and end as trouble comes and goes, each once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from obdtrack.domain.redaction import mask_within
from obdtrack.notifications.targets import AlarmTarget, targets
from obdtrack.services import Services, new_id
from obdtrack.store import bulk_sql, models, tasks

log = structlog.get_logger()

TELLING = "telling"
"""What the tasks are called by which somebody is told of alarms, each task about one of them."""

REMINDED_AFTER = timedelta(days=1)
"""How long after they were told last people are told that an alarm is still open."""

_AT_ONCE = 15
"""Messages of one turn, each of which may take 15 s: a turn must end before its lease does."""


class Trouble(NamedTuple):
    """What a rule found wrong now, in sentences without phone numbers and secrets.

    `calls` are some examples. `since` is None if it cannot be told.
    """

    title: str
    what: str
    to_do: str
    calls: tuple[UUID, ...] = ()
    since: datetime | None = None

    @property
    def detail(self) -> dict[str, object]:
        """Return what is stored to be told and shown."""
        texts = {"title": self.title, "what": self.what, "to_do": self.to_do}
        return {**mask_within(texts), "calls": [str(call) for call in self.calls]}


Subject = tuple[str, str]
"""A rule, and what it is about: the id of a campaign, or nothing if there is only one."""


class ToTell(NamedTuple):
    """An alarm of which a target is to be told; `first` if it never was."""

    alarm: models.Alarm
    first: bool


def open_alarms() -> list[models.Alarm]:
    """List the alarms that are open, the newest first."""
    return bulk_sql.load_where(models.Alarm, "WHERE ended_at IS NULL ORDER BY id DESC")


def past_alarms(limit: int, before: UUID | None = None) -> list[models.Alarm]:
    """List the alarms that are over, the newest first, that came before this one."""
    latest = before or UUID(int=(1 << 128) - 1)
    over = "WHERE ended_at IS NOT NULL AND id < ? ORDER BY id DESC LIMIT ?"
    return bulk_sql.load_where(models.Alarm, over, latest.bytes, limit)


def follow(
    found: Mapping[Subject, Trouble], undecided: Collection[str], services: Services
) -> None:
    """Open an alarm for each new trouble and end those whose trouble is over.

    Alarms of the rules that are `undecided` stay as they are. Who is to be told of what has become
    of them has it planned, in the same transaction.
    """
    before = {(row.rule, row.subject): row for row in open_alarms()}
    new = [key for key in found if key not in before]
    over = [key for key in before if key not in found and key[0] not in undecided]
    changed = [
        key for key, row in before.items() if key in found and row.detail != found[key].detail
    ]
    if new or over or changed:
        with services.store.write():
            now = services.now()
            opened = [key for key in new if _open(key, found[key], now)]
            for key in over:
                _change(before[key], ended_at=now)
            for key in changed:
                _change(before[key], detail=found[key].detail)
        for key in opened:
            log.warning("alarm_opened", rule=key[0], what=found[key].detail["what"])
        for key in over:
            log.info("alarm_ended", rule=key[0])
    _plan(services, at_once=bool(new or over))


def _open(key: Subject, trouble: Trouble, now: datetime) -> bool:
    row = models.Alarm.insert(
        id=new_id(),
        rule=key[0],
        subject=key[1],
        opened_at=trouble.since or now,
        detail=trouble.detail,
    )
    return bool(row.on_conflict_ignore().as_rowcount().execute())


def _change(row: models.Alarm, **columns: object) -> None:
    alarm = models.Alarm
    alarm.update(columns).where((alarm.id == row.id) & alarm.ended_at.is_null()).execute()


def _plan(services: Services, *, at_once: bool) -> None:
    """Have every target told what it is to be told; `at_once` also those that do not answer."""
    known, now = targets(services.settings), services.now()
    rows = open_alarms() if known else []
    telling = models.AlarmTelling
    there = telling.select(telling.alarm_id, telling.target_id).where(
        telling.alarm_id.in_([row.id for row in rows])
    )
    told = {(row.alarm_id, row.target_id) for row in there} if rows else set()
    missing = [(row.id, one.id) for row in rows for one in known if (row.id, one.id) not in told]
    if missing:
        with services.store.write():
            telling.insert_many(missing, [telling.alarm_id, telling.target_id]).execute()
    waiting = [
        one.id
        for one in known
        if (at_once or not tasks.planned(TELLING, one.id)) and to_tell(one, now, 1)
    ]
    if waiting:
        with services.store.write():
            tasks.plan(TELLING, dict.fromkeys(waiting, services.shared_now()))


def to_tell(target: AlarmTarget, now: datetime, limit: int = _AT_ONCE) -> list[ToTell]:
    """List of what a target is to be told, the oldest first: what opened, what is over.

    Also what is open still a day after it was told last. Nobody is told of the beginning of what
    is over.
    """
    alarm, telling = models.Alarm, models.AlarmTelling
    open_still = alarm.ended_at.is_null()
    long_ago = telling.told_at.is_null() | (telling.told_at <= now - REMINDED_AFTER)
    rows: Any = (
        telling.select(telling.told_at, alarm)
        .join(alarm, on=(alarm.id == telling.alarm_id), attr="alarm")
        .where((telling.target_id == target.id) & telling.end_told_at.is_null())
        .where(~open_still | long_ago)
        .order_by(telling.alarm_id)
        .limit(limit)
    )
    return [ToTell(row.alarm, first=row.told_at is None) for row in rows]


def note_told(target: AlarmTarget, alarm: models.Alarm, services: Services) -> None:
    """Store that a target was told of an alarm as it was read."""
    column = "end_told_at" if alarm.ended_at else "told_at"
    with services.store.write():
        keys = ("alarm_id", "target_id")
        bulk_sql.update(
            models.AlarmTelling, (column,), keys, [(services.now(), alarm.id, target.id)]
        )
