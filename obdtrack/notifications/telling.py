"""Tells people of alarms, and somebody outside that obdtrack is alive."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from requests import Request

from obdtrack.domain.times import to_text
from obdtrack.errors import ObdtrackError
from obdtrack.notifications.alarms import TELLING, note_told, to_tell
from obdtrack.notifications.targets import AlarmMessage, AlarmTarget, reach, targets, tell
from obdtrack.providers.http.exchange import ExchangeError
from obdtrack.services import Services
from obdtrack.settings import Settings
from obdtrack.store import models, tasks

log = structlog.get_logger()

_SUBJECTS = {
    "opened": "Alarm: {}",
    "open": "Still: {}",
    "ended": "Over: {}",
}


def tell_what_is_due(target_id: UUID, services: Services) -> None:
    """Tell a target all that it is to be told, one after the other, each noted once it went out.

    Raises ObdtrackError for the first that was not taken; it is tried again with what follows it.
    """
    known = [one for one in targets(services.settings) if one.id == target_id]
    for target in known:
        for alarm, first in to_tell(target, services.now()):
            services.store.close()  # a mail server may take seconds
            message = compose(alarm, services.settings, first=first)
            tell(target, message, services)
            log.info("alarm_told", rule=alarm.rule, about=message.fields["type"], to=target.title)
            note_told(target, alarm, services)
    with services.store.write():
        if not any(to_tell(target, services.now(), 1) for target in known):
            tasks.plan(TELLING, {target_id: None})


def compose(alarm: models.Alarm, settings: Settings, *, first: bool) -> AlarmMessage:
    """Return what is said of an alarm as it stands; `first` if nothing of it was said before."""
    kind = "ended" if alarm.ended_at else "opened" if first else "open"
    detail, until = alarm.detail, None
    since = to_text(alarm.opened_at.replace(microsecond=0))
    when = f"Since {since}."
    if alarm.ended_at:
        until = to_text(alarm.ended_at.replace(microsecond=0))
        when = f"It is over: it began at {since} and ended at {until}."
    base = settings.public_url
    calls = [f"{base}/calls/{call}" if base else call for call in detail["calls"]]
    paragraphs = [
        detail["what"],
        when,
        "\n".join(["Calls, for example:", *(f"  {call}" for call in calls)]) if calls else "",
        "" if alarm.ended_at else f"What to do: {detail['to_do']}",
        f"All alarms: {base}/alarms" if base else "",
    ]
    fields = {
        **_fields(kind, base),
        **detail,
        "id": str(alarm.id),
        "rule": alarm.rule,
        "since": since,
        "until": until,
    }
    return _message(_SUBJECTS[kind].format(detail["title"]), paragraphs, fields)


def try_targets(services: Services) -> list[tuple[AlarmTarget, str | None]]:
    """Send every target a test; returns with each what went wrong, None if nothing did."""
    base, found = services.settings.public_url, list[tuple[AlarmTarget, str | None]]()
    paragraphs = [
        "This is a test: nothing is wrong. Alarms will reach you this way.",
        f"All alarms: {base}/alarms" if base else "",
    ]
    message = _message("Test of the alarms", paragraphs, _fields("test", base))
    for target in targets(services.settings):
        try:
            tell(target, message, services)
            found.append((target, None))
        except ObdtrackError as error:
            found.append((target, error.message))
    return found


def _fields(kind: str, base: str) -> dict[str, Any]:
    return {"type": f"alarm.{kind}", "url": f"{base}/alarms" if base else None}


def _message(subject: str, paragraphs: list[str], fields: dict[str, Any]) -> AlarmMessage:
    text = "\n\n".join(filter(None, paragraphs)) + "\n"
    return AlarmMessage(f"[obdtrack] {subject}", text, fields)


def ping(services: Services) -> None:
    """Let the monitor outside know that work goes on here; it misses us if we do not."""
    services.store.close()
    try:
        reach(Request("GET", services.settings.heartbeat_url))
    except (OSError, ExchangeError) as error:
        log.warning("heartbeat_not_sent", reason=str(error))
