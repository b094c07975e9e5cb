"""Fields of requests: what each accepts, and a sentence for what it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from marshmallow import ValidationError, fields, validate

from obdtrack.calls.search import ENDING
from obdtrack.domain import phone
from obdtrack.domain.call_texts import (
    MAX_METADATA,
    MAX_VARIABLES,
    wrong_with_text,
    wrong_with_variable,
)
from obdtrack.domain.times import from_text
from obdtrack.errors import Code, ObdtrackError

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")


class Text(fields.String):
    """One line of text of 1 to `limit` characters, without control characters.

    Blanks around it are left out: nobody sees them, and nobody would find what has them.
    """

    def __init__(self, limit: int, **kwargs: Any) -> None:
        self.limit = limit
        metadata = {"minLength": 1, "maxLength": limit, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = _plain(super()._deserialize(value, attr, data, **kwargs)).strip()
        if not 1 <= len(text) <= self.limit:
            raise ValidationError(f"Must have 1 to {self.limit} characters; this has {len(text)}.")
        return text


class Token(Text):
    """An id given by the provider: letters, digits, `-`, `_` and `.`."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        whole_number = isinstance(value, int) and not isinstance(value, bool)
        text = super()._deserialize(str(value) if whole_number else value, attr, data, **kwargs)
        if not _TOKEN.fullmatch(text):
            raise ValidationError("Must be an id of letters, digits, '-', '_' and '.'.")
        return text


class Number(fields.String):
    """A phone number to call, in international form; given on as E.164."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        try:
            return phone.dialable(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class WholeNumber(fields.String):
    """A number of ours: whole, in any usual spelling; loaded as E.164."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        number = phone.whole(super()._deserialize(value, attr, data, **kwargs))
        if number is None:
            raise ValidationError(phone.NOT_WHOLE)
        return number


class SoughtNumber(fields.String):
    """A number to search for, as `phone.reported` reads it, which may lack its country code.

    Or its last four digits.
    """

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) == ENDING and text.isascii() and text.isdigit():
            return text
        number = phone.reported(text)
        if number is None or "•" in number:
            raise ValidationError(
                "Not a phone number. Write it like +918867135001, or without its country code "
                "like 8867135001, or its last four digits."
            )
        return number


class Audio(Text):
    """A sound file's id at the provider, or a public http(s) URL."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not (_TOKEN.fullmatch(text) or _is_web_address(text)):
            raise ValidationError("Must be a sound's id or an http:// or https:// URL.")
        return text


class _Object(fields.Dict):
    """A JSON object, as marshmallow reads it."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> dict[Any, Any]:
        found: dict[Any, Any] = super()._deserialize(  # type: ignore[no-untyped-call]  # marshmallow left this one out
            value, attr, data, **kwargs
        )
        return found


class Variables(_Object):
    """Values for a flow's placeholders: names as the provider allows them, values of text."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> dict[str, str]:
        given = super()._deserialize(value, attr, data, **kwargs)
        if len(given) > MAX_VARIABLES:
            raise ValidationError(f"At most {MAX_VARIABLES} variables; there are {len(given)}.")
        problems: dict[str, list[str]] = {}
        for name, content in given.items():
            if sentence := wrong_with_variable(name, content):
                problems[str(name)[:64]] = [sentence]
        if problems:
            raise ValidationError(problems)
        return {name: _plain(content) for name, content in given.items()}


class Metadata(_Object):
    """A small JSON object of the caller's own, given back as it came."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> dict[str, Any]:
        given = super()._deserialize(value, attr, data, **kwargs)
        try:
            text = json.dumps(given, allow_nan=False, ensure_ascii=False)
            size = len(text.encode())
        except (ValueError, RecursionError, UnicodeEncodeError):
            raise ValidationError("Must be plain JSON: no NaN, no broken characters.") from None
        if size > MAX_METADATA or "\\u0000" in text:
            raise ValidationError(f"Must be at most {MAX_METADATA} bytes of JSON without NUL.")
        return given


class Moment(fields.Field[datetime]):
    """A time with its zone, RFC 3339."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        try:
            return from_text(str(value))
        except (ValueError, OverflowError):
            raise ValidationError(
                "Must be a time with its zone, like 2026-11-23T11:57:39Z."
            ) from None


class Count(fields.Integer):
    """A whole number in plain digits: Python's own reader takes `1_0`, `+5` and `१०` as well."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise ValidationError("Must be a whole number in digits, like 50.")
        return super()._deserialize(value, attr, data, **kwargs)


class Choices(fields.List[str]):
    """Any of some words: the parameter again for each, or one with commas between them."""

    def __init__(self, words: Iterable[str], **kwargs: Any) -> None:
        self.words = list(words)
        super().__init__(fields.String(validate=validate.OneOf(self.words)), **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        given = [word for text in value for word in text.split(",")]
        if not set(given) <= set(self.words):
            raise ValidationError(f"Must be one or some of: {', '.join(self.words)}.")
        return list(dict.fromkeys(given))


class IdempotencyKeyText(Text):
    """The caller's own key for a request, in characters that every server hands over as sent."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if not (value.strip() and value.isascii() and value.isprintable()):
            raise ValidationError(
                f"Must have 1 to {self.limit} characters of ASCII: letters, digits and signs. "
                "Others, such as é, do not arrive as they were sent."
            )
        if "," in value:
            raise ObdtrackError(
                Code.MALFORMED,
                "Idempotency-Key was given twice, or has a comma, which is how a server joins two.",
            )
        return super()._deserialize(value, attr, data, **kwargs)


class Cursor(fields.String):
    """Where a list goes on, as the previous response said."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            return UUID(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise ValidationError(
                "Pass `next_cursor` from the previous response unchanged."
            ) from None


def _plain(text: str) -> str:
    if sentence := wrong_with_text(text):
        raise ValidationError(sentence)
    return text


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in text
