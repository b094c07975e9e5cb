"""Containerfile and compose.yaml name what there is, and give the containers few rights.

No engine runs them here; `deploy/without_engine.py` does the Containerfile's steps without one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from http import HTTPStatus
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer

from obdtrack.cli import COMMANDS
from obdtrack.cli.ports import free_port
from obdtrack.settings import PREFIX, SETTINGS
from tests.end_to_end.conftest import ROOT

LINES = (ROOT / "Containerfile").read_text().splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]
SAID = dict(STEPS)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [service for service in SERVICES.values() if service["image"] == "obdtrack"]


def test_the_image_is_copied_from_what_there_is():
    copied = [text.split()[:-1] for word, text in STEPS if word == "COPY"]
    for name in {name for names in copied[:-1] for name in names}:
        assert (ROOT / name).exists(), name


def test_both_stages_have_the_same_python_as_venvs_do_not_move():
    first, second = [text.split()[0] for word, text in STEPS if word == "FROM"]
    assert first == second


def test_it_serves_as_nobody_in_particular_and_no_shell_is_needed():
    user, group = map(int, SAID["USER"].split(":"))
    assert min(user, group) >= 10_000
    check = SAID["HEALTHCHECK"].partition(" CMD ")[2]
    for exec_form in (SAID["ENTRYPOINT"], SAID["CMD"], check):
        assert isinstance(json.loads(exec_form), list)


def health(port: int) -> int:
    """What the health check ends with, where the server listens on this port."""
    said = json.loads(SAID["HEALTHCHECK"].partition(" CMD ")[2].replace("8000", str(port)))
    command = [sys.executable, *said[1:]]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode


@pytest.mark.parametrize("status", [HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE])
def test_the_health_check_tells_well_from_unwell(httpserver: HTTPServer, status: HTTPStatus):
    httpserver.expect_request("/livez").respond_with_data(status=status)
    assert (health(httpserver.port) == 0) == (status == HTTPStatus.OK)


def test_a_server_that_is_not_there_is_not_well():
    assert health(free_port()) != 0


def test_commands_and_settings_are_those_there_are():
    assert len(OURS) == 2
    commands = [service.get("command", json.loads(SAID["CMD"]))[0] for service in OURS]
    assert set(commands) == {"migrate", "serve"} <= COMMANDS.keys()
    named = re.findall(rf"{PREFIX}(\w+?)(?:_FILE)?[=:]", SAID["ENV"] + json.dumps(OURS) + ":")
    named += [name.removeprefix(PREFIX) for service in OURS for name in service["environment"]]
    assert {name.removesuffix("_FILE").lower() for name in named} <= set(SETTINGS)


@pytest.mark.parametrize("service", OURS, ids=lambda service: str(service.get("command", "serve")))
def test_only_the_volume_and_tmp_can_be_written(service: dict[str, Any]):
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [volume.partition(":")[2] for volume in service["volumes"]] == [SAID["VOLUME"]]


def test_secrets_are_files_and_in_no_environment():
    for service in SERVICES.values():
        for name in service.get("secrets", ()):
            assert COMPOSE["secrets"][name]["file"] == f"./secrets/{name}"
        for name, value in service.get("environment", {}).items():
            if re.search("TOKEN|SECRET|PASSWORD|DATABASE_URL", name):
                assert value.startswith("/run/secrets/"), name
                assert value.rpartition("/")[2] in service["secrets"]


def test_only_the_proxy_is_reached_from_outside_and_it_finds_the_server():
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"caddy": ["80:80", "443:443"], "obdtrack": ["127.0.0.1:8000:8000"]}
    (config, *_) = SERVICES["caddy"]["volumes"]
    assert f"reverse_proxy obdtrack:{SAID['EXPOSE']} " in (ROOT / config.split(":")[0]).read_text()


def test_postgresql_is_there_for_those_who_ask_and_awaited_by_them():
    assert SERVICES["postgres"]["profiles"] == ["postgres"]
    awaited = SERVICES["migrate"]["depends_on"]["postgres"]
    assert awaited == {"condition": "service_healthy", "required": False}
