"""What a response of the provider means: a success, or which failure and in which words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from itertools import chain, islice
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from obdtrack.domain.redaction import mask_all, take_out
from obdtrack.domain.submission import PLACEMENT, Failure, Placement
from obdtrack.providers.http.exchange import HttpExchange
from obdtrack.providers.mobtexting.lenient_json import load_json
from obdtrack.providers.mobtexting.text import cut, scalar

_TITLE = re.compile(r"<title[^>]{0,100}>([^<]+)", re.IGNORECASE)

_MESSAGES = ("message", "msg", "error", "status_description")
COMPLAINTS = ("errors", "error")
"""Keys that only a refusal has; under them stand texts, alone, in lists or by field."""

_LONGEST_MESSAGE = 300
_LONGEST_READ = 2_000
_MOST_COMPLAINTS = 10
_DEEPEST_COMPLAINT = 4


def json_object(found: HttpExchange) -> Mapping[str, Any] | None:
    """Return the JSON object that came, or None for anything else. Never raises."""
    if is_compressed(found):
        return None
    try:
        response = load_json(found.body)
    except ValueError:
        return None
    return response if isinstance(response, Mapping) else None


def is_compressed(found: HttpExchange) -> bool:
    """Whether a body came packed though we asked for a plain one; it is never unpacked."""
    return found.headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")


def is_html(found: HttpExchange) -> bool:
    """Whether a body is a page, or at least markup, by its type or its first character."""
    typed = "html" in found.headers.get("Content-Type", "").lower()
    return typed or found.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def redirect_target(found: HttpExchange) -> SplitResult:
    """Return where a redirect points, empty if nowhere or to nothing that can be read."""
    try:
        return urlsplit(found.headers.get("Location", ""))
    except ValueError:
        return urlsplit("")


def _complaints(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, Mapping) and depth < _DEEPEST_COMPLAINT:
        for key, inner in value.items():
            yield from (f"{key}: {text}" for text in _complaints(inner, depth + 1))
    elif isinstance(value, list) and depth < _DEEPEST_COMPLAINT:
        for inner in value:
            yield from _complaints(inner, depth + 1)
    elif text := scalar(value):
        yield text


def words_of(found: HttpExchange, response: Mapping[str, Any] | None) -> str | None:
    """Return what a response has to say in words; `response` is its JSON object if it has one.

    They may hold secrets and numbers, and have any length: see `presentable`.
    """
    if found.status // 100 == 3:
        target = redirect_target(found)._replace(query="", fragment="")
        return f"redirects to {target.geturl() or 'nowhere'}"
    if response is not None:
        return _message(response)
    if is_compressed(found):
        return "compressed, though a plain response was requested"
    text = found.body.decode("utf-8", "replace")
    if not is_html(found):
        return text
    title = _TITLE.search(text)
    return title and unescape(title[1])


def _message(response: Mapping[str, Any]) -> str | None:
    """Return the message of an object with its complaints by field, as readable text."""
    message = next((text for key in _MESSAGES if (text := scalar(response.get(key)))), "")
    complaints = chain.from_iterable(_complaints(response.get(key)) for key in COMPLAINTS)
    told = "; ".join(islice((text for text in complaints if text != message), _MOST_COMPLAINTS))
    return f"{message} ({told})" if message and told else message or told or None


def presentable(words: str | None, hidden: Mapping[str, str]) -> str | None:
    """Return the provider's words as one short line, fit for a log or a page.

    Each key of `hidden` is replaced by its value; phone numbers are masked.
    """
    if not words:
        return None
    words = take_out(words, hidden)[:_LONGEST_READ]
    line = "".join(c if c.isprintable() else " " for c in words)
    return cut(mask_all(" ".join(line.split())), _LONGEST_MESSAGE) or None


# What a code proves about a call that was asked for; 3, 4 and 5 stand for the rest of their class.
# After 302 and 303 the request may have been acted upon (RFC 9110, section 15.4): they tell where
# to look next. 301, 307 and 308 tell where to send it instead. 408 and 5xx can come after the act.
FAILURES: dict[int, Failure] = {
    3: Failure.UNREADABLE_ANSWER,
    301: Failure.REDIRECTED,
    307: Failure.REDIRECTED,
    308: Failure.REDIRECTED,
    4: Failure.REFUSED,
    400: Failure.INVALID_REQUEST,
    401: Failure.INVALID_TOKEN,
    402: Failure.INSUFFICIENT_BALANCE,
    403: Failure.FORBIDDEN,
    404: Failure.NOT_FOUND,
    408: Failure.PROVIDER_ERROR,
    409: Failure.CONFLICT,
    422: Failure.INVALID_REQUEST,
    429: Failure.RATE_LIMITED,
    5: Failure.PROVIDER_ERROR,
}

# The provider documents `status` 200 and "OK", and that all else is a failure. Words that mean yes
# all the same prove no failure either: they leave it open whether the phone rings.
_YES = frozenset({"200", "OK"})
_MAYBE = frozenset({"1", "201", "202", "ACCEPTED", "CREATED", "QUEUED", "SENT", "SUCCESS", "TRUE"})
_FAILED = re.compile("[345][0-9]{2}")

# Refusals whose code says less than their words, and the words, the first that fits.
_VAGUE = frozenset({Failure.INVALID_REQUEST, Failure.REFUSED})
_TOKEN_WORDS = re.compile(
    r"unauthenticated|(?<!action is )unauthori[sz]ed|not authenticated"
    r"|\b(?:invalid|expired|missing|wrong|revoked)\b.{0,20}\btoken\b"
    r"|\btoken\b.{0,20}\b(?:invalid|expired|missing|wrong|revoked|not found)\b",
    re.IGNORECASE,
)
# A variable of the call may be named `balance`; the provider then writes `variables[balance]`.
_BALANCE_WORDS = re.compile(r"(?<![\[.\w])(?:balance|credits?|funds?|recharge)\b", re.IGNORECASE)
_RATE_WORDS = re.compile(r"too many (?:requests|attempts)|rate limit|throttl", re.IGNORECASE)
_WORDS = (
    (_TOKEN_WORDS, Failure.INVALID_TOKEN),
    (_BALANCE_WORDS, Failure.INSUFFICIENT_BALANCE),
    (_RATE_WORDS, Failure.RATE_LIMITED),
)

_LOGIN_PATH = re.compile(r"(?:^|/)(?:log|sign)[-_]?in(?:$|[/.])", re.IGNORECASE)
_LOGIN_PAGE = re.compile(
    rb"""type\s*=\s*["']?password|<title>[^<]{0,200}\b(?:log|sign)[\s-]?in\b""", re.IGNORECASE
)
_NO_SUCH_CALL = re.compile(
    r"\bno(?:t|thing)?\b.{0,40}\bfound\b|\bno (?:such )?(?:call|data|log|record|result)s?\b"
    r"|\bdoes(?: not|n't) exist\b",
    re.IGNORECASE,
)
_NO_SUCH_OTHER = re.compile(
    r"\b(?:account|client|endpoint|method|page|path|route|token|url|user)\b", re.IGNORECASE
)
_MAY_MEAN_NONE = frozenset({None, Failure.NOT_FOUND, Failure.REFUSED, Failure.INVALID_REQUEST})


class ParsedResponse(NamedTuple):
    """What a response means; `failure` is None where it says yes.

    `words` are the provider's own, not yet fit to be shown: see `presentable`.
    `response` is the JSON object that came, or None; `retry_after` is in seconds.
    """

    failure: Failure | None
    words: str | None
    response: Mapping[str, Any] | None
    retry_after: int | None

    def entries(self) -> list[Mapping[str, Any]]:
        """Return the objects under `data`, which is a list or a single one."""
        return _entries(self.response)

    def means_no_such_call(self) -> bool:
        """Whether this says of the call that was asked about: there is none."""
        if self.response is None or self.failure not in _MAY_MEAN_NONE or self.entries():
            return False
        empty = self.response.get("data", 0) in ([], {}, None)
        if empty and self.failure in (None, Failure.NOT_FOUND):
            return True
        words = self.words or ""
        return bool(_NO_SUCH_CALL.search(words)) and not _NO_SUCH_OTHER.search(words)


def judge(found: HttpExchange) -> ParsedResponse:
    """Say what a response means, whatever it is. Never raises."""
    response = json_object(found)
    words = words_of(found, response)
    failure = _failure(found, response, words or "")
    return ParsedResponse(
        failure, words, response, _retry_after(found.headers.get("Retry-After", ""))
    )


def failure_of_code(code: int) -> Failure:
    """Return what an HTTP code that is no success proves, by the one table."""
    return FAILURES.get(code) or FAILURES.get(code // 100, Failure.UNREADABLE_ANSWER)


def _failure(found: HttpExchange, response: Mapping[str, Any] | None, words: str) -> Failure | None:
    fine = found.status // 100 == 2
    if _shows_login(found):
        return Failure.INVALID_TOKEN
    if fine and response is None:
        return Failure.UNREADABLE_ANSWER
    if fine and _says(response, _YES):
        return None
    said = _said(response, words) if fine else failure_of_code(found.status)
    clearer = (meant for pattern, meant in _WORDS if pattern.search(words))
    failure = next(clearer, said) if said in _VAGUE else said
    if PLACEMENT[failure] is not Placement.NOT_PLACED:
        return failure
    # A refusal that says yes as well, or carries an id, proves nothing.
    proof = _says(response, _YES) or any(scalar(entry.get("id")) for entry in _entries(response))
    return Failure.UNREADABLE_ANSWER if proof else failure


def _said(response: Mapping[str, Any] | None, words: str) -> Failure:
    """Judge an object that does not say yes, though the code it came with does."""
    fields = response or {}
    texts = (scalar(fields.get(key)) or "" for key in ("code", "status"))
    if code := next((int(text) for text in texts if _FAILED.fullmatch(text)), None):
        return failure_of_code(code)
    flags = (fields.get("status"), fields.get("success"))
    word = scalar(fields.get("status"))
    if False in flags or any(map(fields.get, COMPLAINTS)) or (word and not _says(response, _MAYBE)):
        return Failure.REFUSED
    return Failure.INVALID_TOKEN if _TOKEN_WORDS.search(words) else Failure.UNREADABLE_ANSWER


def _says(response: Mapping[str, Any] | None, these: frozenset[str]) -> bool:
    return (scalar((response or {}).get("status")) or "").upper() in these


def _entries(response: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    data = (response or {}).get("data")
    found = data if isinstance(data, list) else [data]
    return [entry for entry in found if entry and isinstance(entry, Mapping)]


def _shows_login(found: HttpExchange) -> bool:
    """Whether this asks a person to log in, as some portals do on a bad token."""
    if found.status // 100 == 3:
        return bool(_LOGIN_PATH.search(redirect_target(found).path))
    page = found.status // 100 == 2 and not is_compressed(found) and is_html(found)
    return page and bool(_LOGIN_PAGE.search(found.body))


def _retry_after(value: str) -> int | None:
    """Read the header as seconds or as an HTTP date (RFC 9110, section 10.2.3)."""
    if seconds := re.fullmatch("[ \t]*([0-9]{1,9})[ \t]*", value):
        return int(seconds[1])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, math.ceil((aware - datetime.now(UTC)).total_seconds()))
