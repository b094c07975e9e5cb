"""Settings from the environment, all checked at once.

Every name stands in the table of the README. Each can also be given as a file: `OBDTRACK_X_FILE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from environs import EnvValidationError, FileAwareEnv

from obdtrack.errors import ConfigError
from obdtrack.setting_readers import READERS, SECRET_LENGTH, is_loopback

PREFIX = "OBDTRACK_"
INDIA = ZoneInfo("Asia/Kolkata")

CALLBACK_PATH = "/webhooks/mobtexting"
"""Where reports come in. It stands in the webhooks of the providers' accounts, so it stays."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set from outside; times in seconds."""

    database_url: str = field(repr=False)
    provider_url: str
    provider_token: str = field(repr=False)
    provider_timezone: ZoneInfo
    provider_timeout: float
    bridge: str | None
    webhook_id: str | None
    webhook_secrets: tuple[str, ...] = field(repr=False)
    webhook_token: str | None = field(repr=False)
    webhook_fields: Mapping[str, str]
    secret_key: str = field(repr=False)
    host: str
    port: int
    log_level: str
    poll_schedule: tuple[timedelta, ...]
    poll_per_minute: int
    duplicate_guard_seconds: int
    idempotency_days: int
    proxy_hops: int = 0
    trusted_hosts: tuple[str, ...] = ()
    jobs: bool = True
    insecure: bool = False
    retention_calls_days: int = 400
    retention_quarantine_days: int = 14
    retention_unmatched_days: int = 30
    suppression: bool = True
    calling_window: tuple[time, time] | None = None
    calling_window_timezone: ZoneInfo = field(default=INDIA)

    @property
    def own_url(self) -> str:
        """The address to listen on, as a URL without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    provider_date_order: str | None = None


def load_settings() -> Settings:
    """Read the settings from the process environment.

    Raises ConfigError with one line for each setting that is wrong.
    """
    values, wrong = _read()
    if wrong:
        raise ConfigError(_sentences(wrong))
    return Settings(**values)


def load_for_serving(
    *, insecure: bool = False, also: Callable[[Mapping[str, Any]], object] = lambda _: None
) -> Settings:
    """Read the settings and refuse, in one message, all that does not allow to serve.

    `insecure` allows what the setting of that name allows; `also` is given all values and raises
    ConfigError for what nobody here can judge. Raises ConfigError.
    """
    values, wrong = _read()
    values["insecure"] = insecure or bool(values.get("insecure"))
    lines = _sentences(wrong).splitlines()
    lines += [gap for gap in _gaps(values) if gap.partition(" ")[0] not in wrong]
    try:
        also(values)
    except ConfigError as error:
        lines += str(error).splitlines()
    if lines:
        raise ConfigError("\n".join(lines))
    return Settings(**values)


def _read() -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Give what every setting holds, and of those that are wrong what is wrong with them."""
    env = FileAwareEnv(prefix=PREFIX, eager=False, strip_whitespace=True)
    values: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, read in READERS.items():
        try:
            values[name] = read(env)
        except ValueError as error:  # the file that a *_FILE variable names
            wrong[PREFIX + name.upper()] = [str(error)]
    try:
        env.seal()
    except EnvValidationError as error:
        wrong |= cast(dict[str, list[str]], error.error_messages)
    return values, wrong


def require_for_serving(settings: Settings) -> None:
    """Refuse to serve without the secrets that keep strangers out.

    Raises ConfigError naming each missing setting and how to make a value. With `insecure`, only
    on a loopback address, the gaps are allowed.
    """
    if gaps := _gaps({name: getattr(settings, name) for name in SETTINGS}):
        raise ConfigError("\n".join(gaps))


def _gaps(values: Mapping[str, Any]) -> list[str]:
    """Give a sentence for each setting without which nobody may serve."""
    missing = [
        f"{PREFIX}{name.upper()} is not set: {remedy}"
        for name, remedy in _NEEDED.items()
        if not values.get(name)
    ]
    if not missing or not values["insecure"]:
        return missing
    host = str(values.get("host"))
    if is_loopback(host):
        return []
    return [f"--insecure is for a loopback address only, and {PREFIX}HOST is {host!r}."]


_MAKE_SECRET = (
    "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    f" (at least {SECRET_LENGTH} characters)."
)

_NEEDED = {
    "webhook_secrets": _MAKE_SECRET,
    "secret_key": _MAKE_SECRET,
    "provider_token": "create an access token in the provider's portal.",
}


def _sentences(messages: Mapping[str, list[str]]) -> str:
    return "\n".join(f"{name}: {' '.join(texts)}" for name, texts in sorted(messages.items()))


SETTINGS: tuple[str, ...] = tuple(READERS)
"""The names of all settings, in lower case and without the prefix."""
