"""Sets the webhook up at the provider: the callback checked first, nothing created twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from obdtrack.errors import Code, ConfigError, ObdtrackError
from obdtrack.providers.base import (
    ManagesWebhooks,
    Provider,
    TriesCallback,
    WantedWebhook,
    Webhook,
    Webhooks,
)
from obdtrack.providers.registry import connected
from obdtrack.settings import Settings, callback_path, is_loopback

NAME = "obdtrack"


class Registered(NamedTuple):
    """The webhook as it is now, and what was done to it: `created`, `updated` or `found`."""

    webhook: Webhook
    deed: str
    subscribed: bool


def account_of(settings: Settings) -> Provider:
    """Return the provider whose account the settings name, to send it requests.

    Raises ConfigError if there is no token to speak to it with.
    """
    if not settings.provider_token:
        raise ConfigError("OBDTRACK_PROVIDER_TOKEN is not set: the webhooks are the account's.")
    return connected(settings)[0]


def account_webhooks(settings: Settings) -> Webhooks:
    """Return the webhooks of the account that the settings name.

    Raises ConfigError if there is no token, or if the provider's are set up in its portal only.
    """
    provider = account_of(settings)
    if not isinstance(provider, ManagesWebhooks):
        raise ConfigError(f"The webhooks of {provider.name} are set up in its portal.")
    return provider.webhooks()


def callback_uri(url: str, settings: Settings) -> str:
    """Return the callback's address for what an operator wrote; an origin alone gets the path.

    Raises ConfigError with a sentence if the provider could not, or should not, post there.
    """
    parts, path = _split(url), callback_path(connected(settings)[0].name)
    for is_wrong, sentence in _OBJECTIONS:
        if is_wrong(parts):
            raise ConfigError(f"{shown(url)}: {sentence}")
    if not (parts.path.rstrip("/") or path).endswith(path):
        wrong = f"the callback's path ends in {path}; give that, or the origin alone."
        raise ConfigError(f"{shown(url)}: {wrong}")
    return parts._replace(path=parts.path.rstrip("/") or path).geturl()


def register_webhook(
    uri: str,
    webhooks: Webhooks,
    settings: Settings,
    *,
    name: str | None = None,
    update: bool = False,
    subscribe: bool = True,
    check: bool = True,
) -> Registered:
    """Make the webhook for `uri` (see `callback_uri`), or find the one that is there already.

    `update` gives a found one our present secret and validation key, `subscribe` leads the reports
    of all calls to it. Raises ConfigError if no secret is set, and ObdtrackError if the callback
    fails our own challenge (unless `check` is off) or the provider refuses.
    """
    if not settings.webhook_secrets:
        raise ConfigError("OBDTRACK_WEBHOOK_SECRETS is not set: the webhook needs its first one.")
    if check:
        check_callback(uri, settings)
    known = _known(uri, webhooks.all(), settings)
    wanted = WantedWebhook(
        name=name or (known.name if known else "") or NAME,
        uri=known.uri if known else uri,
        secret=settings.webhook_secrets[0],
        token=settings.webhook_token,
    )
    webhook, deed = _saved(known, wanted, webhooks, update)
    subscribed = subscribe and _subscribed(webhook, deed, webhooks)
    return Registered(webhook, deed, subscribed)


def check_callback(uri: str, settings: Settings) -> None:
    """Challenge the callback as the provider will; raises ObdtrackError if it does not pass."""
    provider = account_of(settings)
    complaint = provider.challenge(uri).complaint if isinstance(provider, TriesCallback) else None
    if complaint is not None:
        raise ObdtrackError(Code.CONFLICT, f"{shown(uri)} {complaint}.")


def shown(uri: str) -> str:
    """Return an address without what may be secret in it: a query's values, a user's password."""
    try:
        parts = _split(uri)
    except ConfigError:
        return "(an address that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="…" if parts.query else "", fragment="").geturl()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # read late, and raises only then
    except ValueError:
        raise ConfigError("This is no URL; write it like https://calls.example.com") from None
    return parts


def _is_unsafe(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    return not host or not safe


_OBJECTIONS: tuple[tuple[Callable[[SplitResult], bool], str], ...] = (
    (_is_unsafe, "must be an https:// URL (http:// only for a loopback address)."),
    (lambda parts: "@" in parts.netloc, "must not hold a user or password; the secret is enough."),
    (lambda parts: bool(parts.fragment), "must not hold a #fragment; it never reaches a server."),
)


def _known(uri: str, listed: list[Webhook], settings: Settings) -> Webhook | None:
    same = [webhook for webhook in listed if webhook.uri.rstrip("/") == uri.rstrip("/")]
    return max(
        same, key=lambda found: (found.id == settings.webhook_id, found.active), default=None
    )


def _saved(
    known: Webhook | None, wanted: WantedWebhook, webhooks: Webhooks, update: bool
) -> tuple[Webhook, str]:
    if known is None:
        return webhooks.create(wanted), "created"
    if update:
        return webhooks.change(known.id, wanted), "updated"
    return known, "found"


def _subscribed(webhook: Webhook, deed: str, webhooks: Webhooks) -> bool:
    try:
        if not webhooks.is_subscribed(webhook.id):
            webhooks.subscribe(webhook.id)
    except ObdtrackError as error:
        raise ObdtrackError(
            error.code,
            f"The webhook {webhook.id} was {deed}, but not subscribed. {error.message} "
            "Run the command again, or with --no-subscription.",
        ) from None
    return True
