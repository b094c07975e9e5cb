"""Reading a request to place calls: what the provider would refuse is refused here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

INTERVALS = ("0", "5", "15", "30", "45", "60")

_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_SOUND = re.compile(r"https?://\S+|[0-9A-Za-z-]+")
_LONGEST_FLOW_ID = 64
_VARIABLE = re.compile(r"variables\[([^\[\]]+)\]")

Errors = dict[str, list[str]]


class InvalidOrderError(Exception):
    """A request the provider would answer with 422; `errors` says why, by field."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("The given data was invalid.")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Order:
    """A request to call the numbers `to` (digits) from `bridge`; `interval` is in minutes."""

    bridge: str
    to: tuple[str, ...]
    flow_id: str | None
    audio: str | None
    name: str | None
    interval: int
    webhook_id: str | None
    variables: Mapping[str, str]


def read_order(body: Any) -> Order:
    """Read the decoded JSON body of a request. Raises InvalidOrderError."""
    fields = body if isinstance(body, dict) else {}
    errors = {
        name: [complaint] for name, check in _CHECKS.items() if (complaint := check(fields, name))
    }
    if errors:
        raise InvalidOrderError(errors)
    return Order(
        bridge=_text(fields, "bridge"),
        to=_numbers(fields),
        flow_id=_text(fields, "flow_id") or None,
        audio=_text(fields, "audio") or None,
        name=_text(fields, "name") or None,
        interval=int(_text(fields, "interval") or 0),
        webhook_id=_text(fields, "webhook_id") or None,
        variables={
            match[1]: str(value)
            for key, value in fields.items()
            if (match := _VARIABLE.fullmatch(key))
        },
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    """Return a field as text, numbers included; "" for anything that is neither."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def _numbers(fields: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(number.strip() for number in _text(fields, "to").split(","))


def _check_bridge(fields: Mapping[str, Any], name: str) -> str | None:
    text = _text(fields, name)
    if not text:
        return "The bridge field is required."
    return None if _NUMBER.fullmatch(text) else "The bridge format is invalid."


def _check_to(fields: Mapping[str, Any], name: str) -> str | None:
    if not _text(fields, name):
        return "The to field is required."
    fits = all(_NUMBER.fullmatch(number) for number in _numbers(fields))
    return None if fits else "The to format is invalid."


def _check_flow_id(fields: Mapping[str, Any], name: str) -> str | None:
    flow_id, audio = _text(fields, name), _text(fields, "audio")
    if not flow_id and not audio:
        return "The flow_id field is required when audio is not present."
    if len(flow_id) > _LONGEST_FLOW_ID:
        return "The flow_id is too long."
    return "Only one of flow_id and audio may be given." if flow_id and audio else None


def _check_audio(fields: Mapping[str, Any], name: str) -> str | None:
    text = _text(fields, name)
    return "The audio format is invalid." if text and not _SOUND.fullmatch(text) else None


def _check_interval(fields: Mapping[str, Any], name: str) -> str | None:
    if fields.get(name) is None or _text(fields, name) in INTERVALS:
        return None
    return "The selected interval is invalid."


def _check_variables(fields: Mapping[str, Any], name: str) -> str | None:
    return "Each variable goes under its own key, variables[name]." if name in fields else None


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], str], str | None]] = {
    "bridge": _check_bridge,
    "to": _check_to,
    "flow_id": _check_flow_id,
    "audio": _check_audio,
    "interval": _check_interval,
    "variables": _check_variables,
}
