"""Settings from the environment."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from obdtrack.application import load_to_serve
from obdtrack.errors import ConfigError
from obdtrack.settings import SECRET_LENGTH, SETTINGS, load_settings, require_for_serving
from tests import factories


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OBDTRACK_")]:
        monkeypatch.delenv(name)


def test_defaults_are_enough_to_look_around() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url == "sqlite:///var/obdtrack.db"


def test_a_setting_can_be_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("a-key-that-is-long-enough\n")
    monkeypatch.setenv("OBDTRACK_SECRET_KEY_FILE", str(secret))
    assert load_settings().secret_key == "a-key-that-is-long-enough"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("PROVIDER_URL", "http://portal.example.com/"),
        ("PROVIDER_URL", "ftp://127.0.0.1/"),
        ("PROVIDER_TIMEZONE", "Mars/Olympus"),
        ("PROVIDER_DATE_ORDER", "ymd"),
        ("PROVIDER_TIMEOUT", "600"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "sqlite:///"),
        ("BRIDGE", "reception"),
        ("WEBHOOK_SECRETS", "long-enough-secret,short"),
        ("WEBHOOK_FIELDS", "provider_id"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY_FILE", "/nonexistent/key"),
        ("LOG_LEVEL", "loud"),
        ("ALARMS", "ops@example.com"),
        ("ALARMS", "mailto:ops"),
        ("ALARMS", "mailto:ops@example.com,http://hooks.example.com/"),
        ("HEARTBEAT_URL", "hc-ping.com/1"),
        ("CURRENCY", "rupees"),
        ("PUBLIC_URL", "https://[calls"),
        ("SMTP_TLS", "ssl"),
        ("SMTP_FROM", "nobody"),
        ("ALARM_SILENT", "0"),
        ("ALARM_POLLED", "1.5"),
        ("ALARM_UNKNOWN", "long"),
        ("ALARM_CLOCK", "auto"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"OBDTRACK_{name}", value)
    with pytest.raises(ConfigError, match=f"OBDTRACK_{name.removesuffix('_FILE')}"):
        load_settings()


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBDTRACK_PORT", "eighty")
    monkeypatch.setenv("OBDTRACK_LOG_LEVEL", "loud")
    monkeypatch.setenv("OBDTRACK_SECRET_KEY_FILE", "/nonexistent")
    with pytest.raises(ConfigError) as refused:
        load_settings()
    assert len(str(refused.value).splitlines()) == 3


def test_plain_http_is_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBDTRACK_PROVIDER_URL", "http://127.0.0.1:8001/api/v2")
    assert load_settings().provider_url == "http://127.0.0.1:8001/api/v2/"


def test_secrets_and_fields_are_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBDTRACK_WEBHOOK_SECRETS", "the-old-secret-of-us, the-new-secret-of-us")
    monkeypatch.setenv("OBDTRACK_WEBHOOK_FIELDS", "provider_id=ref, status=result")
    settings = load_settings()
    assert settings.webhook_secrets == ("the-old-secret-of-us", "the-new-secret-of-us")
    assert settings.webhook_fields == {"provider_id": "ref", "status": "result"}


@pytest.mark.parametrize(("value", "order"), [("", None), ("dmy", "dmy"), ("MDY", "mdy")])
def test_the_order_of_dates_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, value: str, order: str | None
) -> None:
    monkeypatch.setenv("OBDTRACK_PROVIDER_DATE_ORDER", value)
    assert load_settings().provider_date_order == order


@pytest.mark.parametrize("in_file", [False, True], ids=["variable", "file"])
@pytest.mark.parametrize(
    "written",
    ["{0},{1}", " {0} , {1} ", "{0}\n{1}\n", "{0}\r\n{1}\r\n", "{0},\n\n,{1},", "\ufeff{0}\n{1}"],
)
def test_every_list_is_separated_by_commas_and_line_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str, in_file: bool
) -> None:
    given = {
        "WEBHOOK_SECRETS": ("the-old-secret-of-us", "the-new-secret-of-us"),
        "WEBHOOK_FIELDS": ("provider_id=ref", "status = result"),
        "TRUSTED_HOSTS": ("calls.example.com", "127.0.0.1"),
        "POLL_SCHEDULE": ("15m", "2h"),
        "ALARMS": ("mailto:ops@example.com", "https://hooks.example.com/x?y=1"),
    }
    for name, pair in given.items():
        value = written.format(*pair)
        if in_file:
            (tmp_path / name).write_bytes(value.encode())
            monkeypatch.setenv(f"OBDTRACK_{name}_FILE", str(tmp_path / name))
        else:
            monkeypatch.setenv(f"OBDTRACK_{name}", value)
    settings = load_settings()
    assert settings.webhook_secrets == given["WEBHOOK_SECRETS"]
    assert settings.webhook_fields == {"provider_id": "ref", "status": "result"}
    assert settings.trusted_hosts == given["TRUSTED_HOSTS"]
    assert settings.poll_schedule == (timedelta(minutes=15), timedelta(hours=2))
    assert settings.alarms == given["ALARMS"]


@pytest.mark.parametrize("rule", [name for name in SETTINGS if name.startswith("alarm_")])
def test_every_rule_of_alarms_can_be_off_and_has_one_default(
    monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    assert getattr(load_settings(), rule) == getattr(factories.settings(), rule) is not None
    monkeypatch.setenv(f"OBDTRACK_{rule.upper()}", "off")
    assert getattr(load_settings(), rule) is None


def test_what_it_takes_to_raise_an_alarm_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBDTRACK_ALARM_SILENT", "12")
    monkeypatch.setenv("OBDTRACK_ALARM_BACKUP", "7d")
    monkeypatch.setenv("OBDTRACK_ALARM_CAMPAIGN", "0s")
    settings = load_settings()
    assert (settings.alarm_silent, settings.alarm_backup) == (12, timedelta(days=7))
    assert settings.alarm_campaign == timedelta()


def test_an_alarm_by_mail_needs_a_server_and_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = "https://hooks.example.com/"
    assert not [line for line in refusal(monkeypatch, ALARMS=hook) if "SMTP" in line]
    lines = refusal(monkeypatch, ALARMS=f"{hook},mailto:ops@example.com")
    named = [line.split()[0] for line in lines if "SMTP" in line]
    assert named == ["OBDTRACK_SMTP_HOST", "OBDTRACK_SMTP_FROM"]


@pytest.mark.parametrize("name", ["WEBHOOK_SECRETS", "PROVIDER_TOKEN"])
@pytest.mark.parametrize("secret", ["geheim-für-jeden-tag", "a-secret-with-a-\x07-bell"])
def test_a_secret_that_no_header_can_carry_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, secret: str
) -> None:
    lines = [line for line in refusal(monkeypatch, **{name: secret}) if name in line]
    assert "ASCII" in lines[0]
    assert secret not in lines[0]


def test_a_wrong_value_is_not_repeated_if_it_may_be_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OBDTRACK_SECRET_KEY", "tooshort")
    with pytest.raises(ConfigError) as refused:
        load_settings()
    assert "tooshort" not in str(refused.value)


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(factories.settings())
    assert factories.SECRET not in shown
    assert "the-provider-token" not in shown


def test_without_secrets_serving_is_refused_unless_insecure_on_loopback() -> None:
    bare = factories.settings(webhook_secrets=())
    with pytest.raises(ConfigError, match="OBDTRACK_WEBHOOK_SECRETS"):
        require_for_serving(bare)
    require_for_serving(factories.settings(webhook_secrets=(), insecure=True))
    with pytest.raises(ConfigError, match="loopback"):
        require_for_serving(factories.settings(webhook_secrets=(), insecure=True, host="0.0.0.0"))


MAKE_ONE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"


def refusal(monkeypatch: pytest.MonkeyPatch, **settings: str) -> list[str]:
    """The lines with which serving is refused under these settings and no others."""
    for name, value in settings.items():
        monkeypatch.setenv(f"OBDTRACK_{name}", value)
    with pytest.raises(ConfigError) as refused:
        load_to_serve()
    return str(refused.value).splitlines()


def test_what_is_wrong_and_what_is_missing_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refusal(monkeypatch, PORT="many", WEBHOOK_SECRETS="short", WEBHOOK_FIELDS="their_id=id")
    assert [line.split()[0].rstrip(":") for line in lines] == [
        "OBDTRACK_PORT",
        "OBDTRACK_WEBHOOK_SECRETS",
        "OBDTRACK_SECRET_KEY",
        "OBDTRACK_PROVIDER_TOKEN",
        "OBDTRACK_WEBHOOK_FIELDS",
    ]


def test_a_missing_secret_comes_with_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, key, token = refusal(monkeypatch)
    assert MAKE_ONE in secrets
    assert MAKE_ONE in key
    assert "the provider's portal" in token


@pytest.mark.parametrize("name", ["WEBHOOK_SECRETS", "SECRET_KEY"])
def test_a_secret_of_fifteen_characters_is_too_short(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lines = refusal(monkeypatch, **{name: "x" * (SECRET_LENGTH - 1)})
    assert f"OBDTRACK_{name}" in lines[0]
    assert "at least 16 characters" in lines[0]
    monkeypatch.setenv(f"OBDTRACK_{name}", "x" * SECRET_LENGTH)
    assert not [line for line in refusal(monkeypatch) if name in line]


def test_one_short_secret_among_long_ones_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refusal(monkeypatch, WEBHOOK_SECRETS="long-enough-for-anybody,short")
    assert lines[0].startswith("OBDTRACK_WEBHOOK_SECRETS: each secret")


def test_insecure_beyond_loopback_is_one_of_the_wrong_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = refusal(monkeypatch, INSECURE="true", HOST="192.0.2.1", PORT="many")
    assert lines == [
        "OBDTRACK_PORT: Not a valid integer.",
        "--insecure is for a loopback address only, and OBDTRACK_HOST is '192.0.2.1'.",
    ]


LISTS = {
    "WEBHOOK_SECRETS": ("the-first-secret-of-two", "the-second-secret-of-two"),
    "TRUSTED_HOSTS": ("calls.example.com", "10.0.0.7"),
    "WEBHOOK_FIELDS": ("provider_id=ref", "status=result"),
    "POLL_SCHEDULE": ("15m", "1h"),
}


@pytest.mark.parametrize("between", [",", "\n", "\r\n", " , ", ",\n", "\n\n"])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_its_entries_on_lines_or_between_commas(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, between: str
) -> None:
    path = tmp_path / "setting"
    path.write_bytes((between.join(LISTS[name]) + "\n").encode())
    monkeypatch.setenv(f"OBDTRACK_{name}", ",".join(LISTS[name]))
    expected = getattr(load_settings(), name.lower())
    assert len(expected) == 2
    monkeypatch.delenv(f"OBDTRACK_{name}")
    monkeypatch.setenv(f"OBDTRACK_{name}_FILE", str(path))
    assert getattr(load_settings(), name.lower()) == expected


def test_a_secret_that_no_header_carries_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refusal(monkeypatch, WEBHOOK_SECRETS="ein-langes-geheimes-Wörtchen")
    assert "all of them ASCII" in next(line for line in lines if "WEBHOOK_SECRETS" in line)


def test_a_short_validation_key_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBDTRACK_WEBHOOK_TOKEN", "7142")
    assert load_settings().webhook_token == "7142"
