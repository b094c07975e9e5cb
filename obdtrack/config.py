"""Settings from the environment, all checked at once.

Every name stands in the table of the README. Each can also be given as a file: `OBDTRACK_X_FILE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from environs import EnvValidationError, FileAwareEnv
from marshmallow import ValidationError

from obdtrack.errors import ConfigError

PREFIX = "OBDTRACK_"
SECRET_LENGTH = 16
"""Shortest secret accepted, in characters: long enough that nobody guesses it over HTTP."""

LOG_LEVELS = ("debug", "info", "warning", "error")


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
    jobs: bool = True
    insecure: bool = False


def load_settings() -> Settings:
    """Read the settings from the process environment.

    Raises ConfigError with one line for each setting that is wrong.
    """
    env = FileAwareEnv(prefix=PREFIX, eager=False, strip_whitespace=True)
    values: dict[str, Any] = {}
    unreadable: dict[str, list[str]] = {}
    for name, read in _READERS.items():
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


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a name or an address) is this machine talking to itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_MAKE_SECRET = (
    "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    f" (at least {SECRET_LENGTH} characters)."
)


def _sentences(messages: Mapping[str, list[str]]) -> str:
    return "\n".join(f"{name}: {' '.join(texts)}" for name, texts in sorted(messages.items()))


def _check(accepts: Callable[[Any], bool], sentence: str) -> Callable[[Any], None]:
    def validate(value: Any) -> None:
        if not accepts(value):
            raise ValidationError(sentence)

    return validate


def _is_provider_url(url: str) -> bool:
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def _provider_url(env: FileAwareEnv) -> str:
    url = env.str(
        "PROVIDER_URL",
        "https://portal.mobtexting.com/api/v2/",
        validate=_check(
            _is_provider_url, "must be an https:// URL (http:// only for a loopback address)."
        ),
    )
    return url if not url or url.endswith("/") else url + "/"


def _zone(env: FileAwareEnv) -> ZoneInfo:
    def known(name: str) -> bool:
        try:
            return bool(ZoneInfo(name))
        except (KeyError, ValueError, OSError):
            return False

    name = env.str(
        "PROVIDER_TIMEZONE",
        "UTC",
        validate=_check(known, "must be a time zone's name, like Asia/Kolkata."),
    )
    return ZoneInfo(name) if name and known(name) else ZoneInfo("UTC")


def _secrets(env: FileAwareEnv) -> tuple[str, ...]:
    secrets: list[str] | None = env.list(
        "WEBHOOK_SECRETS",
        [],
        validate=_check(
            lambda found: all(len(secret.strip()) >= SECRET_LENGTH for secret in found),
            f"each secret must have at least {SECRET_LENGTH} characters.",
        ),
    )
    return tuple(secret.strip() for secret in secrets or ())


def _secret_key(env: FileAwareEnv) -> str:
    return env.str(
        "SECRET_KEY",
        "",
        validate=_check(
            lambda key: not key or len(key) >= SECRET_LENGTH,
            f"must have at least {SECRET_LENGTH} characters.",
        ),
    )


def _fields(env: FileAwareEnv) -> dict[str, str]:
    text = env.str(
        "WEBHOOK_FIELDS",
        "",
        validate=_check(
            lambda text: all("=" in pair for pair in text.split(",") if pair.strip()),
            "must be our name=their key, separated by commas, like provider_id=ref,status=result.",
        ),
    )
    pairs = (pair.partition("=") for pair in (text or "").split(",") if "=" in pair)
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _database_url(env: FileAwareEnv) -> str:
    schemes = ("sqlite:///", "postgresql://", "postgres://")
    return env.str(
        "DATABASE_URL",
        "sqlite:///var/obdtrack.db",
        validate=_check(
            lambda url: url.startswith(schemes) and url not in schemes,
            "must be sqlite:///path/to/file.db or postgresql://user:password@host/name.",
        ),
    )


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_length(text: str) -> timedelta:
    """Read a length of time like `90s`, `15m`, `6h` or `2d`; raises ValueError for others."""
    number, unit = text.strip()[:-1], text.strip()[-1:]
    if unit not in _UNITS or not number.isdigit():
        raise ValueError(f"{text!r} is no length of time; write it like 90s, 15m, 6h or 2d.")
    return timedelta(seconds=int(number) * _UNITS[unit])


def _schedule(env: FileAwareEnv) -> tuple[timedelta, ...]:
    def rising(text: str) -> bool:
        try:
            lengths = [read_length(part) for part in text.split(",")]
        except ValueError:
            return False
        return lengths == sorted(set(lengths)) and bool(lengths[0])

    text = env.str(
        "POLL_SCHEDULE",
        "15m,1h,6h,1d,2d,3d,4d,5d,6d,7d",
        validate=_check(rising, "must be rising lengths of time, like 15m,1h,6h,1d."),
    )
    return tuple(read_length(part) for part in text.split(",")) if text and rising(text) else ()


def _count(name: str, default: int, lowest: int, highest: int) -> Callable[[FileAwareEnv], Any]:
    sentence = f"must be a whole number from {lowest} to {highest}."
    return lambda env: env.int(
        name, default, validate=_check(lambda number: lowest <= number <= highest, sentence)
    )


_READERS: dict[str, Callable[[FileAwareEnv], Any]] = {
    "database_url": _database_url,
    "provider_url": _provider_url,
    "provider_token": lambda env: env.str("PROVIDER_TOKEN", ""),
    "provider_timezone": _zone,
    "provider_timeout": lambda env: env.float(
        "PROVIDER_TIMEOUT",
        15.0,
        validate=_check(lambda seconds: 1 <= seconds <= 20, "must be from 1 to 20 (seconds)."),
    ),
    "bridge": lambda env: env.str(
        "BRIDGE",
        None,
        validate=_check(
            lambda number: number is None or sum(c.isdigit() for c in number) in range(7, 16),
            "must be a phone number with its country code, like +918068280000.",
        ),
    ),
    "webhook_id": lambda env: env.str("WEBHOOK_ID", None),
    "webhook_secrets": _secrets,
    "webhook_token": lambda env: env.str("WEBHOOK_TOKEN", None),
    "webhook_fields": _fields,
    "secret_key": _secret_key,
    "host": lambda env: env.str("HOST", "127.0.0.1"),
    "port": lambda env: env.int(
        "PORT", 8000, validate=_check(lambda p: 0 <= p < 65536, "must be from 0 to 65535.")
    ),
    "log_level": lambda env: env.str(
        "LOG_LEVEL",
        "info",
        validate=_check(
            lambda level: level.lower() in LOG_LEVELS, f"must be one of {', '.join(LOG_LEVELS)}."
        ),
    ),
    "poll_schedule": _schedule,
    "poll_per_minute": _count("POLL_PER_MINUTE", 600, 1, 1000),
    "duplicate_guard_seconds": _count("DUPLICATE_GUARD_SECONDS", 0, 0, 86400),
    "idempotency_days": _count("IDEMPOTENCY_DAYS", 7, 1, 365),
    "jobs": lambda env: env.bool("JOBS", True),
    "insecure": lambda env: env.bool("INSECURE", False),
}

SETTINGS: tuple[str, ...] = tuple(_READERS)
"""The names of all settings, in lower case and without the prefix."""
