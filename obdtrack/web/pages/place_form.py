"""Reads the form that places one call, and says beside each field what is wrong, in its own words.

What the API would say names its fields and is for programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from marshmallow import ValidationError
from werkzeug.datastructures import MultiDict

from obdtrack.domain import phone
from obdtrack.domain.call_texts import MAX_METADATA, MAX_VALUE, MAX_VARIABLES, VARIABLE_NAME
from obdtrack.domain.strict_json import load_json
from obdtrack.web.api.schemas import PlaceCallSchema
from obdtrack.web.http.auth import services
from obdtrack.web.pages.language import gettext as _

Messages = dict[str, list[str]]
Fields = MultiDict[str, str]

PLAIN = ("to", "bridge", "flow_id", "audio", "name", "reference", "call_type")
IN_ORDER = (*PLAIN, "interval", "variables", "metadata")
_COUNT = re.compile("[0-9]{1,4}")


def read_form(given: Fields) -> tuple[dict[str, Any], Messages]:
    """Return the form as the API's body, loaded, and what is wrong with it, by field."""
    body: dict[str, Any] = {k: v.strip() for k in PLAIN if (v := given.get(k, "")).strip()}
    errors: Messages = {}
    if "to" in body:
        body["to"] = _number(body["to"], errors)
    interval = given.get("interval", "0")
    body["interval"] = int(interval) if _COUNT.fullmatch(interval) else -1
    if rows := [row for row in variable_rows(given) if any(row)]:
        body["variables"] = _variables(rows, errors)
    if text := given.get("metadata", "").strip():
        body["metadata"] = _metadata(text, errors)
    for field in _wrong(body):
        if field not in errors:
            errors[field] = [own_words(field, given)]
    return ({} if errors else PlaceCallSchema().load(body)), errors


def own_words(field: str, given: Fields) -> str:
    """Say what a field that was refused needs."""
    text = given.get(field, "").strip()
    return _NEEDS[field](text, given) if field in _NEEDS else _("This cannot be sent as it is.")


def home_country() -> str | None:
    """Return the country (like `IN`) of the usual calling number, where bare numbers belong."""
    return phone.country_of(services().settings.bridge or "")


def variable_rows(given: Fields) -> list[tuple[str, str]]:
    """Return the names and values of the form's rows, the empty ones too."""
    pairs = zip(given.getlist("variable"), given.getlist("value"), strict=False)
    return [(name.strip(), value.strip()) for name, value in pairs]


def read_variables(lines: str, errors: Messages) -> dict[str, str]:
    """Return variables written one per line; what is wrong with them is added to `errors`."""
    pairs = [line.partition("=") for line in lines.splitlines() if line.strip()]
    if any(not equals for _name, equals, _value in pairs):
        errors["variables"] = [_("Write one per line, like otp=123456.")]
        return {}
    return {name.strip(): value.strip() for name, _equals, value in pairs}


def _wrong(body: dict[str, Any]) -> set[str]:
    """Return all fields that are wrong; the schema compares fields only when each is right."""
    wrong = set(PlaceCallSchema().validate(body))
    if "bridge" not in body and not services().settings.bridge:
        wrong.add("bridge")
    try:
        PlaceCallSchema().one_of_flow_and_audio(body)
    except ValidationError as error:
        wrong.add(error.field_name)
    return wrong


def _number(text: str, errors: Messages) -> str:
    try:
        return phone.dialable_cell(text, home_country())
    except ValueError as error:
        errors["to"] = [
            _(
                "This is no number that can be called (%(why)s). "
                "Write it with its country code, like +918867135001.",
                why=str(error).partition(", or set")[0],
            )
        ]
        return text


def _variables(rows: Sequence[tuple[str, str]], errors: Messages) -> dict[str, str]:
    wrong = [sentence for name, value in rows if (sentence := _wrong_row(name, value))]
    names = [name for name, _value in rows]
    wrong += [
        _("There are two values for %(name)s.", name=name)
        for name in sorted({one for one in names if one and names.count(one) > 1})
    ]
    if len(rows) > MAX_VARIABLES:
        wrong.append(_("There are at most %(most)d variables.", most=MAX_VARIABLES))
    if wrong:
        errors["variables"] = wrong
    return {} if wrong else dict(rows)


def _wrong_row(name: str, value: str) -> str | None:
    if not name:
        return str(_("Give the value %(value)s a name.", value=value[:40]))
    if not VARIABLE_NAME.fullmatch(name):
        return str(
            _(
                "The name %(name)s may have letters, digits and _ only, and no digit in front.",
                name=name[:40],
            )
        )
    if not 1 <= len(value) <= MAX_VALUE:
        return str(
            _("The value of %(name)s has 1 to %(most)d characters.", name=name, most=MAX_VALUE)
        )
    return None


def _metadata(text: str, errors: Messages) -> Any:
    try:
        return load_json(text.encode())
    except ValueError:
        errors["metadata"] = [_('Not JSON; write it like {"order": 7}.')]
        return {}


def _as_long(limit: int) -> Callable[[str, Fields], str]:
    def needs(text: str, _given: Fields) -> str:
        if len(text) > limit:
            return str(
                _("At most %(most)d characters; this has %(count)d.", most=limit, count=len(text))
            )
        return str(_("It has characters that nobody sees; type it again."))

    return needs


def _flow(text: str, given: Fields) -> str:
    if bool(text) == bool(given.get("audio", "").strip()):
        return str(_("Enter what is heard: a flow or a sound, one of the two."))
    return str(_("The id of a flow has letters, digits and - _ . only."))


_NEEDS: dict[str, Callable[[str, Fields], str]] = {
    "to": lambda _text, _given: _("Enter the number to call."),
    "bridge": lambda text, _given: (
        _("This is no whole number. Write it with its country code, like +918068280000.")
        if text
        else _("Enter the number that calls: there is no usual one.")
    ),
    "flow_id": _flow,
    "audio": lambda _text, _given: _("Enter the id of a sound, or its address with https://."),
    "name": _as_long(100),
    "reference": _as_long(200),
    "call_type": lambda _text, _given: _("Choose what the call is for from the list."),
    "interval": lambda _text, _given: _("Choose from the list how soon it is dialed again."),
    "variables": lambda _text, _given: _("They have characters that nobody sees; type them again."),
    "metadata": lambda _text, _given: _(
        'Write a JSON object, like {"order": 7}, of at most %(most)d bytes.', most=MAX_METADATA
    ),
}
