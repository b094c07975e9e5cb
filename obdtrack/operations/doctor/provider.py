"""Checks the provider: whether it is there, takes our token, has our webhook and our time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from requests import Request

from obdtrack.domain.submission import Failure
from obdtrack.errors import Code, ObdtrackError
from obdtrack.operations.doctor.result import (
    CheckedInstallation,
    CheckResult,
    NotCheckedError,
    ok,
    problem,
    warning,
)
from obdtrack.operations.webhooks.set_up import shown
from obdtrack.providers.base import ManagesWebhooks, Provider, Webhook
from obdtrack.providers.http.connections import Limits
from obdtrack.providers.http.exchange import ExchangeError, exchange, open_session
from obdtrack.providers.registry import connected
from obdtrack.settings import callback_path

_LIMITS = Limits(connect=3.0, read=5.0, total=8.0, max_bytes=1_000_000)

_CLOSE, _FAR = timedelta(seconds=3), timedelta(seconds=60)

_REGISTER = "python -m obdtrack webhook register --url https://your-host"

_REMEDIES: dict[Failure, str] = {
    Failure.UNREACHABLE: "check that this machine can reach it, or correct OBDTRACK_PROVIDER_URL",
    Failure.TIMEOUT: "try again; if it persists, contact the provider",
    Failure.CONNECTION_LOST: "try again; if it persists, contact the provider",
    Failure.INVALID_TOKEN: "set OBDTRACK_PROVIDER_TOKEN to a token from the provider's portal",
    Failure.FORBIDDEN: "give the token of OBDTRACK_PROVIDER_TOKEN the right to use voice calls",
    Failure.NOT_FOUND: "correct OBDTRACK_PROVIDER_URL; it usually ends in /api/v2/",
    Failure.REDIRECTED: "correct OBDTRACK_PROVIDER_URL; the provider has moved",
    Failure.RATE_LIMITED: "wait a minute; lower OBDTRACK_POLL_PER_MINUTE if it happens often",
}


def check_reachability(subject: CheckedInstallation) -> CheckResult:
    """Send the provider a request that changes nothing and needs the token."""
    provider = _account(subject)
    host, response = urlsplit(provider.url).netloc, provider.probe()
    if response.failure is None:
        return ok(f"{host} responds and accepts the token")
    words = f": {response.message}" if response.message else ""
    remedy = _REMEDIES.get(response.failure, "try again; if it persists, contact the provider")
    return problem(f"{host}: {response.failure}{words}", remedy)


def check_webhook(subject: CheckedInstallation) -> CheckResult:
    """Look for an active webhook that leads to our callback."""
    provider, wanted = _account(subject), subject.settings.webhook_id
    if not isinstance(provider, ManagesWebhooks):
        return ok(f"the webhooks of {provider.name} are set up in its portal")
    account, path = provider.webhooks(), callback_path(provider.name)
    try:
        if wanted:
            webhook: Webhook | None = account.one(wanted)
        else:
            ours = (found for found in account.all() if _leads_to_us(found, path))
            webhook = next((found for found in ours if account.is_subscribed(found.id)), None)
    except ObdtrackError as error:
        if wanted is None or error.code is not Code.NOT_FOUND:
            return problem(error.message, "fix the problem with the provider first (see above)")
        remedy = f"set OBDTRACK_WEBHOOK_ID to one of `webhook list`, or run: {_REGISTER}"
        return problem(f"the provider has no webhook {wanted}", remedy)
    if webhook is None:
        return problem("no webhook sends us the reports of calls", f"run: {_REGISTER}")
    return _judge(webhook, path)


def check_time(subject: CheckedInstallation) -> CheckResult:
    """Compare this machine's clock with the date in the provider's response."""
    url = _connected(subject).url
    host = urlsplit(url).netloc
    with open_session() as session:
        try:
            found = exchange(session, Request("GET", url), _LIMITS)
        except ExchangeError as failed:
            raise NotCheckedError(f"{host} sent no Date header: {failed.message}") from None
    try:
        theirs = parsedate_to_datetime(found.headers.get("Date", ""))
    except ValueError:
        raise NotCheckedError(f"{host} sent no Date header") from None
    return _compare(theirs.replace(tzinfo=theirs.tzinfo or UTC), datetime.now(UTC), host)


def _account(subject: CheckedInstallation) -> Provider:
    if not subject.settings.provider_token:
        raise NotCheckedError("OBDTRACK_PROVIDER_TOKEN is not set")
    return _connected(subject)


def _connected(subject: CheckedInstallation) -> Provider:
    # What is wrong with the fields has been said; it does not keep the provider from responding.
    return connected(replace(subject.settings, webhook_fields={}))[0]


def _leads_to_us(webhook: Webhook, path: str) -> bool:
    return urlsplit(webhook.uri).path.rstrip("/").endswith(path)


def _judge(webhook: Webhook, path: str) -> CheckResult:
    text = f"{webhook.id} ({shown(webhook.uri)})"
    if not webhook.active:
        return problem(f"{text} is not active", f"run: {_REGISTER} --update")
    if not _leads_to_us(webhook, path):
        remedy = f"unless a proxy rewrites the path, register one that does: {_REGISTER}"
        return warning(f"{text} does not end in {path}", remedy)
    return ok(f"{text} is active; `webhook test` follows a report through it")


def _compare(theirs: datetime, ours: datetime, host: str) -> CheckResult:
    distance = ours - theirs
    text = f"{distance.total_seconds():+.0f} s from the clock of {host}"
    remedy = "synchronise this machine's clock by NTP: timedatectl set-ntp true"
    if abs(distance) <= _CLOSE:
        return ok(text)
    return warning(text, remedy) if abs(distance) <= _FAR else problem(text, remedy)
