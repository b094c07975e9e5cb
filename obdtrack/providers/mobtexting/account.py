"""The account's webhooks and subscriptions at MobTexting: listed, created, changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote, urlsplit

from obdtrack.domain.submission import Failure
from obdtrack.errors import Code, ObdtrackError
from obdtrack.providers.base import WantedWebhook, Webhook, Webhooks
from obdtrack.providers.http.exchange import ExchangeError, HttpExchange
from obdtrack.providers.mobtexting.text import TEXT_LENGTH, cut, scalar
from obdtrack.providers.mobtexting.verdicts import ParsedResponse, judge, presentable

REPORTS = "voice:message:out"
EVERYONE = "all"

_WEBHOOKS, _SUBSCRIPTIONS = "developer/webhooks", "developer/subscriptions"
_MOST_PAGES = 100
_ACTIVE = frozenset({"1", "true", "active"})

_CODES: dict[Failure, Code] = {
    Failure.INVALID_REQUEST: Code.INVALID,
    Failure.NOT_FOUND: Code.NOT_FOUND,
    Failure.RATE_LIMITED: Code.RATE_LIMITED,
}
_REMEDIES: dict[Failure, str] = {
    Failure.INVALID_TOKEN: "It does not accept OBDTRACK_PROVIDER_TOKEN.",
    Failure.FORBIDDEN: "OBDTRACK_PROVIDER_TOKEN has no right to do that.",
    Failure.NOT_FOUND: "There is no such thing at OBDTRACK_PROVIDER_URL.",
    Failure.REDIRECTED: "OBDTRACK_PROVIDER_URL has moved.",
    Failure.INVALID_REQUEST: "It finds the request wrong.",
    Failure.UNREADABLE_ANSWER: "Its response cannot be understood.",
    Failure.TIMEOUT: "It may have done it anyway: try again, nothing is created twice.",
    Failure.CONNECTION_LOST: "It may have done it anyway: try again, nothing is created twice.",
}


class MobTextingWebhooks(Webhooks):
    """Webhooks and subscriptions of the account that `ask` speaks to.

    `hidden` says what a message must not hold, and what stands there instead.
    """

    def __init__(
        self, ask: Callable[..., HttpExchange], hidden: Callable[..., dict[str, str]]
    ) -> None:
        self._ask, self._hidden = ask, hidden

    def all(self) -> list[Webhook]:
        """List all webhooks, from every page."""
        entries = self._all(_WEBHOOKS, "list the webhooks")
        return [webhook for entry in entries if (webhook := _webhook(entry))]

    def one(self, webhook_id: str) -> Webhook:
        doing = f"show the webhook {webhook_id}"
        return _only(self._demand("GET", _path(webhook_id), doing), doing)

    def create(self, wanted: WantedWebhook) -> Webhook:
        return self._save("POST", _WEBHOOKS, "create the webhook", wanted)

    def change(self, webhook_id: str, wanted: WantedWebhook) -> Webhook:
        return self._save("PUT", _path(webhook_id), f"change the webhook {webhook_id}", wanted)

    def is_subscribed(self, webhook_id: str) -> bool:
        wanted = {"event": REPORTS, "identity": EVERYONE, "webhook_id": webhook_id}
        return any(
            all(scalar(entry.get(key)) == value for key, value in wanted.items())
            for entry in self._all(_SUBSCRIPTIONS, "list the subscriptions")
        )

    def subscribe(self, webhook_id: str) -> None:
        wanted = {"event": REPORTS, "identity": EVERYONE, "webhook_id": webhook_id}
        self._demand("POST", _SUBSCRIPTIONS, f"subscribe the webhook {webhook_id}", json=wanted)

    def _save(self, method: str, path: str, doing: str, wanted: WantedWebhook) -> Webhook:
        hidden = (wanted.secret, wanted.token or "")
        fields = {"name": wanted.name, "uri": wanted.uri, "status": 1, "secret": wanted.secret}
        if wanted.token:
            fields["token"] = wanted.token
        return _only(self._demand(method, path, doing, hidden, json=fields), doing)

    def _all(self, path: str, doing: str) -> Iterator[Mapping[str, Any]]:
        query: dict[str, str] | None = {}
        seen: list[dict[str, str]] = []
        while query is not None and query not in seen and len(seen) < _MOST_PAGES:
            seen.append(query)
            response = self._demand("GET", path, doing, params=query).response or {}
            page = _page(response)
            data = page.get("data")
            if isinstance(data, list):
                yield from (entry for entry in data if isinstance(entry, Mapping))
            query = _next(page)

    def _demand(
        self, method: str, path: str, doing: str, hidden: tuple[str, ...] = (), **content: Any
    ) -> ParsedResponse:
        try:
            found = self._ask(method, path, **content)
        except ExchangeError as failed:
            _give_up(doing, failed.failure, failed.message)
        verdict = judge(found)
        if verdict.failure is not None and not _brings_data(found, verdict):
            words = presentable(verdict.words, self._hidden((), *hidden))
            _give_up(doing, verdict.failure, words, verdict.retry_after)
        return verdict


def _brings_data(found: HttpExchange, verdict: ParsedResponse) -> bool:
    """Whether a response without any status is a list or an object all the same.

    That of 2021 had none, and its list lay under `rows`.
    """
    response = verdict.response or {}
    plain = found.status // 100 == 2 and response.keys().isdisjoint(("status", "error", "errors"))
    return plain and isinstance(_page(response).get("data"), (list, dict))


def _give_up(
    doing: str, failure: Failure, words: str | None, retry_after: int | None = None
) -> NoReturn:
    parts = (f"The provider did not {doing} ({failure}).", _REMEDIES.get(failure), words)
    raise ObdtrackError(
        _CODES.get(failure, Code.UNAVAILABLE),
        " ".join(part for part in parts if part),
        retry_after=retry_after,
    )


def _path(webhook_id: str) -> str:
    return f"{_WEBHOOKS}/{quote(webhook_id, safe='')}"


def _page(response: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = response.get("rows")
    return rows if isinstance(rows, Mapping) else response


def _next(page: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the query of the next page, from its link or from the page's number.

    Of a link only the query counts: the token goes to nobody but the provider's address.
    """
    link = _part(page, "links").get("next") or page.get("next_page_url")
    if isinstance(link, str):
        return dict(parse_qsl(urlsplit(link).query)) or None
    meta = _part(page, "meta") or page
    current, last = meta.get("current_page"), meta.get("last_page")
    if isinstance(current, int) and isinstance(last, int) and current < last:
        return {"page": str(current + 1)}
    return None


def _part(page: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = page.get(name)
    return part if isinstance(part, Mapping) else {}


def _only(verdict: ParsedResponse, doing: str) -> Webhook:
    webhook = next((found for entry in verdict.entries() if (found := _webhook(entry))), None)
    if webhook is None:
        _give_up(doing, Failure.ANSWER_WITHOUT_ID, "Look with: python -m obdtrack webhook list")
    return webhook


def _webhook(entry: Mapping[str, Any]) -> Webhook | None:
    webhook_id = scalar(entry.get("id"))
    if webhook_id is None:
        return None
    active = str(entry.get("status")).lower() in _ACTIVE
    return Webhook(webhook_id, _line(entry.get("name")), _line(entry.get("uri")), active)


def _line(value: object) -> str:
    """Return a text as one line that can be shown; a composed address may hold placeholders."""
    text = value if isinstance(value, str) else ""
    return cut("".join(c for c in text if c.isprintable()), TEXT_LENGTH)
