"""Settings from the environment, all checked at once.

Every name stands in the table of the README. Each can also be given as a file: `OBDTRACK_X_FILE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from environs import EnvValidationError, FileAwareEnv

from obdtrack.errors import ConfigError
from obdtrack.setting_readers import READERS, SECRET_LENGTH, is_loopback

PREFIX = "OBDTRACK_"
INDIA = ZoneInfo("Asia/Kolkata")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set from outside; times in seconds."""

    database_url: str
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


def load_settings() -> Settings:
    """Read the settings from the process environment.

    Raises ConfigError with one line for each setting that is wrong.
    """
    env = FileAwareEnv(prefix=PREFIX, eager=False, strip_whitespace=True)
    values: dict[str, Any] = {}
    unreadable: dict[str, list[str]] = {}
    for name, read in READERS.items():
        try:
            values[name] = read(env)
        except ValueError as error:  # the file that a *_FILE variable names
            unreadable[PREFIX + name.upper()] = [str(error)]
    try:
        env.seal()
    except EnvValidationError as error:
        raise ConfigError(
            _sentences({**unreadable, **cast(dict[str, list[str]], error.error_messages)})
        ) from None
    if unreadable:
        raise ConfigError(_sentences(unreadable))
    return Settings(**values)


def require_for_serving(settings: Settings) -> None:
    """Refuse to serve without the secrets that keep strangers out.

    Raises ConfigError naming each missing setting and how to make a value. With `insecure`, only
    on a loopback address, the gaps are allowed.
    """
    gaps = [
        f"{PREFIX}{name} is not set: {remedy}"
        for name, value, remedy in (
            ("WEBHOOK_SECRETS", settings.webhook_secrets, _MAKE_SECRET),
            ("SECRET_KEY", settings.secret_key, _MAKE_SECRET),
            (
                "PROVIDER_TOKEN",
                settings.provider_token,
                "create an access token in the provider's portal.",
            ),
        )
        if not value
    ]
    if not gaps:
        return
    if not settings.insecure:
        raise ConfigError("\n".join(gaps))
    if not is_loopback(settings.host):
        raise ConfigError(
            f"--insecure is for a loopback address only, and {PREFIX}HOST is {settings.host!r}."
        )


_MAKE_SECRET = (
    "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    f" (at least {SECRET_LENGTH} characters)."
)


def _sentences(messages: Mapping[str, list[str]]) -> str:
    return "\n".join(f"{name}: {' '.join(texts)}" for name, texts in sorted(messages.items()))


SETTINGS: tuple[str, ...] = tuple(READERS)
"""The names of all settings, in lower case and without the prefix."""
