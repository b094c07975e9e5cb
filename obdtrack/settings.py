"""Settings from the environment: how each is read, what it accepts, and all checked at once.

Every name is in the table of docs/configuration.md. Each can also be given as a file:
`OBDTRACK_X_FILE`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from environs import EnvValidationError, FileAwareEnv
from marshmallow import ValidationError

from obdtrack.domain.calling_hours import CallingHours, CallType, Days
from obdtrack.errors import ConfigError

PREFIX = "OBDTRACK_"

FOR_EXAMPLES = f"{PREFIX}KEY"
"""What the examples of the API take a caller's key from; no setting, and no misspelt one."""

SECRET_LENGTH = 16
"""Shortest secret accepted, in characters: long enough that nobody guesses it over HTTP."""

LOG_LEVELS = ("debug", "info", "warning", "error")


def plain_host(host: str) -> str:
    """Return a host name, with or without port, as names are compared (RFC 9110, 4.2.3; RFC 1034).

    Capitals and the dot at the end of a name mean nothing.
    """
    name, colon, port = host.lower().partition(":")
    return host.lower() if host.startswith("[") else f"{name.removesuffix('.')}{colon}{port}"


def base_url(host: str, port: int) -> str:
    """Return the URL of a server on an address or a name, without a slash at its end (RFC 3986)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) is this machine talking to itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(accepts: Callable[[Any], bool], sentence: str) -> Callable[[Any], None]:
    def validate(value: Any) -> None:
        if not accepts(value):
            raise ValidationError(sentence)

    return validate


def _currency(env: FileAwareEnv) -> str | None:
    code: str | None = env.str("CURRENCY", "") or None
    if code is None:
        return None
    from babel.numbers import list_currencies  # a while to import, and few set one

    if code not in list_currencies():
        raise ValueError("must be a currency's code of three letters (ISO 4217), like INR.")
    return code


def _is_safe_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # no address, or no port
        return False
    local = parts.scheme == "http" and is_loopback(host)
    return bool(host) and (parts.scheme == "https" or local)


SAFE_URL = "must be an https:// URL (http:// only for a loopback address)."


def _url(name: str, end: str = "") -> Callable[[FileAwareEnv], str]:
    """Return what reads a URL, empty if there is none, and has it end in `end` instead of `/`."""

    def read_it(env: FileAwareEnv) -> str:
        validate = _check(lambda url: not url or _is_safe_url(url), SAFE_URL)
        url = env.str(name, "", validate=validate)
        return url and url.removesuffix("/") + end

    return read_it


def _zone(env: FileAwareEnv, setting: str, default: str) -> ZoneInfo:
    def known(name: str) -> bool:
        try:
            return bool(ZoneInfo(name))
        except (KeyError, ValueError, OSError):
            return False

    name = env.str(
        setting,
        default,
        validate=_check(known, "must be a time zone's name, like Asia/Kolkata."),
    )
    return ZoneInfo(name if name and known(name) else default)


def _date_order(env: FileAwareEnv) -> str | None:
    order = env.str(
        "PROVIDER_DATE_ORDER",
        "",
        validate=_check(
            lambda order: order.lower() in ("", "dmy", "mdy"),
            "must be dmy (04/09/2021 is in September) or mdy (it is in April).",
        ),
    )
    return order.lower() or None if order else None


def entries(text: str | None) -> list[str]:
    """Return the entries of a list setting: separated by commas or line ends, without blanks."""
    return [part.strip() for part in re.split("[,\r\n\ufeff]", text or "") if part.strip()]


def _is_secret(text: str) -> bool:
    # A server hands header bytes beyond ASCII over in a way of its own, or as an empty header.
    return len(text) >= SECRET_LENGTH and text.isascii() and text.isprintable()


def _secrets(env: FileAwareEnv) -> tuple[str, ...]:
    text = env.str(
        "WEBHOOK_SECRETS",
        "",
        validate=_check(
            lambda text: all(map(_is_secret, entries(text))),
            f"each secret must have at least {SECRET_LENGTH} characters, all of them ASCII: "
            "others do not arrive in a header as they were sent.",
        ),
    )
    return tuple(entries(text))


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
            lambda text: all("=" in pair for pair in entries(text)),
            "must be our name=their key, separated by commas, like provider_id=ref,status=result.",
        ),
    )
    pairs = (pair.partition("=") for pair in entries(text) if "=" in pair)
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


DATABASE_SCHEMES = ("sqlite:///", "postgresql://", "postgres://")


def _database_url(env: FileAwareEnv) -> str:
    return env.str(
        "DATABASE_URL",
        "sqlite:///var/obdtrack.db",
        validate=_check(
            lambda url: url.startswith(DATABASE_SCHEMES) and url not in DATABASE_SCHEMES,
            "must be sqlite:///path/to/file.db or postgresql://user:password@host/name.",
        ),
    )


def _read_database_url(env: FileAwareEnv) -> str | None:
    return (
        env.str(
            "READ_DATABASE_URL",
            None,
            validate=_check(
                lambda url: not url or urlsplit(url).scheme in ("postgresql", "postgres"),
                "must be postgresql://user:password@host/name, a replica of the database.",
            ),
        )
        or None
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
            lengths = [read_length(part) for part in entries(text)]
        except ValueError:
            return False
        return lengths == sorted(set(lengths)) and any(lengths[:1])

    text = env.str(
        "POLL_SCHEDULE",
        "15m,1h,6h,1d,2d,3d,4d,5d,6d,7d",
        validate=_check(rising, "must be rising lengths of time, like 15m,1h,6h,1d."),
    )
    return tuple(map(read_length, entries(text))) if text and rising(text) else ()


def read_window(text: str) -> tuple[time, time]:
    """Read hours like `09:00-21:00`, also over midnight; raises ValueError for others."""
    opens, _, closes = (part.strip() for part in text.partition("-"))
    times = [time(*divmod(_minutes(clock), 60)) for clock in (opens, closes)]
    if times[0] == times[1]:
        raise ValueError("a window that opens when it closes is none")
    return times[0], times[1]


def _minutes(clock: str) -> int:
    found = _CLOCK.fullmatch(clock)
    minutes = int(found[1]) * 60 + int(found[2]) if found else _DAY + 1
    if minutes > _DAY:
        raise ValueError(f"{clock!r} is no time of day; write it like 09:00.")
    return minutes % _DAY  # 24:00 is the next day's 00:00


_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])")
_DAY = 24 * 60


def _window(env: FileAwareEnv, name: str = "CALLING_WINDOW") -> tuple[time, time] | None:
    def readable(text: str) -> bool:
        try:
            return not text or bool(read_window(text))
        except ValueError:
            return False

    text = env.str(
        name,
        "",
        validate=_check(readable, "must be two different times of day, like 09:00-21:00."),
    )
    return read_window(text) if text and readable(text) else None


def _call_type(env: FileAwareEnv) -> str | None:
    known = list(CallType)
    text = env.str(
        "CALL_TYPE",
        "",
        validate=_check(
            lambda text: not text or text.lower() in known, f"must be one of {', '.join(known)}."
        ),
    )
    return text.lower() or None if text else None


def _closed_days(env: FileAwareEnv) -> tuple[Days, ...]:
    path = env.str("CLOSED_DAYS", "")
    return read_days(path) if path else ()


def read_days(path: str) -> tuple[Days, ...]:
    """Read a file of days, a date or `from..to` a line; blank lines and comments (#) are left out.

    Raises ValueError naming the line that is none, or why the file cannot be read.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file {path} cannot be read: {error}.") from None
    found: list[Days] = []
    for number, line in enumerate(lines, start=1):
        if text := line.partition("#")[0].strip():
            first, _, last = text.partition("..")
            try:
                days = (
                    date.fromisoformat(first.strip()),
                    date.fromisoformat((last or first).strip()),
                )
                if days[0] > days[1]:
                    raise ValueError
            except ValueError:
                raise ValueError(
                    f"line {number} of {path}, {text!r}, is no day; write it like 2026-01-26, or "
                    "2026-12-24..2027-01-01 for several."
                ) from None
            found.append(days)
    return tuple(found)


def _count(name: str, default: int, lowest: int, highest: int) -> Callable[[FileAwareEnv], Any]:
    sentence = f"must be a whole number from {lowest} to {highest}."
    return lambda env: env.int(
        name, default, validate=_check(lambda number: lowest <= number <= highest, sentence)
    )


def _is_target(target: str) -> bool:
    name, _, address = target.partition(":")
    return bool(_MAIL.fullmatch(address)) if name == "mailto" else _is_safe_url(target)


_MAIL = re.compile(r"[^\s<>@,;:\"]+@[^\s<>@,;:\"]+")


def _alarms(env: FileAwareEnv) -> tuple[str, ...]:
    text = env.str(
        "ALARMS",
        "",
        validate=_check(
            lambda text: all(map(_is_target, entries(text))),
            f"each must be mailto:somebody@example.com, or {SAFE_URL.removeprefix('must be ')}",
        ),
    )
    return tuple(entries(text))


OFF = "off"
"""Turns a rule of alarms off."""

AUTO = "auto"
"""The age of a backup that nobody has set: it matters once a backup was made."""


def _alarm_count(name: str, default: int) -> Callable[[FileAwareEnv], int | None]:
    """Return what reads how much it takes to raise an alarm; None: it is off."""

    def is_count(text: str) -> bool:
        return bool(re.fullmatch("[1-9][0-9]{0,8}", text))

    def read_it(env: FileAwareEnv) -> int | None:
        validate = _check(
            lambda text: text == OFF or is_count(text), f"must be a whole number from 1, or {OFF}."
        )
        text = env.str(name, str(default), validate=validate)
        return int(text) if text and is_count(text) else None

    return read_it


def _alarm_length(name: str, default: str) -> Callable[[FileAwareEnv], timedelta | str | None]:
    """Return what reads how long something lasts before it is an alarm; None: it is off."""

    def is_length(text: str) -> bool:
        try:
            return read_length(text) >= timedelta()
        except ValueError:
            return False

    def read_it(env: FileAwareEnv) -> timedelta | str | None:
        words = {OFF: None, default: AUTO} if default == AUTO else {OFF: None}
        sentence = f"must be a length of time, like 90s, 15m, 6h or 2d, or {' or '.join(words)}."
        validate = _check(lambda text: text in words or is_length(text), sentence)
        text = env.str(name, default, validate=validate)
        return read_length(text) if text and is_length(text) else words.get(text)

    return read_it


READERS: dict[str, Callable[[FileAwareEnv], Any]] = {
    "database_url": _database_url,
    "read_database_url": _read_database_url,
    "provider_url": _url("PROVIDER_URL", "/"),
    "provider_token": lambda env: env.str(
        "PROVIDER_TOKEN",
        "",
        validate=_check(
            lambda token: token.isascii() and token.isprintable(),
            "must be one line of ASCII: nothing else can be sent in a header.",
        ),
    ),
    "provider_timezone": lambda env: _zone(env, "PROVIDER_TIMEZONE", "UTC"),
    "provider_date_order": _date_order,
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
    "currency": _currency,
    "webhook_id": lambda env: env.str("WEBHOOK_ID", None),
    "webhook_secrets": _secrets,
    "webhook_token": lambda env: env.str("WEBHOOK_TOKEN", None) or None,
    "webhook_fields": _fields,
    "secret_key": _secret_key,
    "host": lambda env: env.str("HOST", "").strip("[]") or "127.0.0.1",
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
    "retention_calls_days": _count("RETENTION_CALLS_DAYS", 400, 1, 36500),
    "events_days": _count("EVENTS_DAYS", 30, 0, 36500),
    "retention_quarantine_days": _count("RETENTION_QUARANTINE_DAYS", 14, 1, 36500),
    "retention_unmatched_days": _count("RETENTION_UNMATCHED_DAYS", 30, 1, 36500),
    "suppression": lambda env: env.bool("SUPPRESSION", True),
    "calling_window": _window,
    **{
        f"calling_window_{call_type}": partial(_window, name=f"CALLING_WINDOW_{call_type.upper()}")
        for call_type in CallType
    },
    "calling_window_timezone": lambda env: _zone(env, "CALLING_WINDOW_TIMEZONE", "Asia/Kolkata"),
    "call_type": _call_type,
    "closed_days": _closed_days,
    "redials": _count("REDIALS", 2, 0, 10),
    "proxy_hops": _count("PROXY_HOPS", 0, 0, 5),
    "trusted_hosts": lambda env: tuple(map(plain_host, entries(env.str("TRUSTED_HOSTS", "")))),
    "jobs": lambda env: env.bool("JOBS", True),
    "public_url": _url("PUBLIC_URL"),
    "heartbeat_url": lambda env: env.str(
        "HEARTBEAT_URL", "", validate=_check(lambda url: not url or _is_safe_url(url), SAFE_URL)
    ),
    "destinations_private": lambda env: env.bool("DESTINATIONS_PRIVATE", False),
    "alarms": _alarms,
    "smtp_host": lambda env: env.str("SMTP_HOST", ""),
    "smtp_port": _count("SMTP_PORT", 587, 1, 65535),
    "smtp_tls": lambda env: env.str(
        "SMTP_TLS",
        "starttls",
        validate=_check(
            lambda text: text in ("starttls", "tls", "none"), "must be starttls, tls or none."
        ),
    ),
    "smtp_user": lambda env: env.str("SMTP_USER", ""),
    "smtp_password": lambda env: env.str("SMTP_PASSWORD", ""),
    "smtp_from": lambda env: env.str(
        "SMTP_FROM",
        "",
        validate=_check(
            lambda text: not text or bool(_MAIL.fullmatch(text)), "must be a mail address."
        ),
    ),
    "alarm_silent": _alarm_count("ALARM_SILENT", 5),
    "alarm_polled": _alarm_count("ALARM_POLLED", 1),
    "alarm_unknown": _alarm_length("ALARM_UNKNOWN", "1h"),
    "alarm_failures": _alarm_count("ALARM_FAILURES", 20),
    "alarm_unauthorized": _alarm_count("ALARM_UNAUTHORIZED", 1),
    "alarm_wrong_secret": _alarm_count("ALARM_WRONG_SECRET", 10),
    "alarm_unmatched": _alarm_count("ALARM_UNMATCHED", 1),
    "alarm_destination": _alarm_length("ALARM_DESTINATION", "60h"),
    "alarm_campaign": _alarm_length("ALARM_CAMPAIGN", "0m"),
    "alarm_disk": _alarm_count("ALARM_DISK", 1024),
    "alarm_backup": _alarm_length("ALARM_BACKUP", AUTO),
    "alarm_clock": _alarm_length("ALARM_CLOCK", "15m"),
    "insecure": lambda env: env.bool("INSECURE", False),
}


INDIA = ZoneInfo("Asia/Kolkata")


def callback_path(provider: str) -> str:
    """Return where a provider's reports come in. Its account's webhooks hold it: it stays."""
    return f"/webhooks/{provider}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set from outside; times in seconds.

    `extra` holds what is set besides, by its name without the prefix: a provider may have settings
    of its own.
    """

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
    events_days: int = 30
    retention_quarantine_days: int = 14
    retention_unmatched_days: int = 30
    currency: str | None = None
    suppression: bool = True
    calling_window: tuple[time, time] | None = None
    calling_window_promotional: tuple[time, time] | None = None
    calling_window_service: tuple[time, time] | None = None
    calling_window_transactional: tuple[time, time] | None = None
    calling_window_collection: tuple[time, time] | None = None
    calling_window_timezone: ZoneInfo = field(default=INDIA)
    call_type: str | None = None
    closed_days: tuple[Days, ...] = ()
    redials: int = 2
    read_database_url: str | None = field(default=None, repr=False)
    public_url: str = ""
    destinations_private: bool = False
    heartbeat_url: str = field(default="", repr=False)
    alarms: tuple[str, ...] = field(default=(), repr=False)
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_tls: str = "starttls"
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_from: str = ""
    alarm_silent: int | None = 5
    alarm_polled: int | None = 1
    alarm_unknown: timedelta | None = timedelta(hours=1)
    alarm_failures: int | None = 20
    alarm_unauthorized: int | None = 1
    alarm_wrong_secret: int | None = 10
    alarm_unmatched: int | None = 1
    alarm_destination: timedelta | None = timedelta(hours=60)
    alarm_campaign: timedelta | None = timedelta()
    alarm_disk: int | None = 1024
    alarm_backup: timedelta | str | None = AUTO
    alarm_clock: timedelta | None = timedelta(minutes=15)

    @property
    def own_url(self) -> str:
        """The address to listen on, as a URL without a slash at its end."""
        return base_url(self.host, self.port)

    def hours_of(self, call_type: str | None) -> CallingHours | None:
        """Return the hours in which calls of this type may ring; None: any."""
        if not self.has_hours:
            return None
        own = getattr(self, f"calling_window_{call_type}") if call_type else None
        window: tuple[time, time] | None = own or self.calling_window
        if window is None and not self.closed_days:
            return None
        opens, closes = window or (time(0), time(0))
        return CallingHours(opens, closes, self.calling_window_timezone, self.closed_days)

    provider_date_order: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    has_hours: bool = field(init=False, repr=False)
    """Whether there are any hours to keep to; each report is asked about."""

    def __post_init__(self) -> None:
        windows = (getattr(self, f"calling_window_{call_type}") for call_type in CallType)
        known = bool(self.calling_window or self.closed_days or any(windows))
        object.__setattr__(self, "has_hours", known)


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
    """Return what every setting holds, and of those that are wrong what is wrong with them."""
    env = FileAwareEnv(prefix=PREFIX, eager=False, strip_whitespace=True)
    values: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, read in READERS.items():
        try:
            values[name] = read(env)
        except ValueError as error:  # the file that a *_FILE variable names
            wrong[PREFIX + name.upper()] = [str(error)]
    values["extra"] = extra = dict[str, str]()
    for name in _other_names():
        with suppress(ValueError):  # what no provider reads may be wrong
            extra[name] = env.str(name)
    try:
        env.seal()
    except EnvValidationError as error:
        wrong |= cast(dict[str, list[str]], error.error_messages)
    return values, wrong


def _other_names() -> set[str]:
    """Return the names, without the prefix, of variables that are no settings of our own."""
    found = {name.removesuffix("_FILE") for name in os.environ if name.startswith(PREFIX)}
    names = {name.removeprefix(PREFIX) for name in found}
    return {name for name in names if name.isupper() and name.lower() not in READERS}


def origin(name: str) -> str | None:
    """Return where the environment has a setting from: its variable, or the file that one names.

    None if it says nothing of it.
    """
    variable = PREFIX + name.upper()
    path = os.environ.get(f"{variable}_FILE")
    return path or (variable if variable in os.environ else None)


def require_for_serving(settings: Settings) -> None:
    """Refuse to serve without the secrets that keep strangers out.

    Raises ConfigError naming each missing setting and how to make a value. With `insecure`, only
    on a loopback address, the gaps are allowed.
    """
    if gaps := _gaps({name: getattr(settings, name) for name in SETTINGS}):
        raise ConfigError("\n".join(gaps))


def _gaps(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each setting that must be there to serve, or must not be."""
    missing = [
        f"{PREFIX}{name.upper()} is not set: {remedy}"
        for name, remedy in _NEEDED.items()
        if not values.get(name)
    ]
    if missing and values["insecure"]:
        host = str(values.get("host"))
        missing = [f"--insecure is for a loopback address only, and {PREFIX}HOST is {host!r}."]
        missing = [] if is_loopback(host) else missing
    if values.get("read_database_url") and str(values.get("database_url")).startswith("sqlite:"):
        missing.append(f"{PREFIX}READ_DATABASE_URL is set, but SQLite has no replicas to read.")
    if any(target.startswith("mailto:") for target in values.get("alarms") or ()):
        missing += [
            f"{PREFIX}{name.upper()} is not set, and {PREFIX}ALARMS has a mail address."
            for name in ("smtp_host", "smtp_from")
            if not values.get(name)
        ]
    return missing


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
