"""The README names everything there is, and nothing that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from obdtrack.cli import COMMANDS
from obdtrack.providers.mobtexting.simulator.server import FATES_HELP
from obdtrack.settings import CALLBACK_PATH, PREFIX, SETTINGS
from obdtrack.web.http.auth import PUBLIC_ENDPOINTS, needed_scope

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_its_row(name: str) -> None:
    assert f"| `{PREFIX}{name.upper()}` |" in README


def test_no_setting_is_named_that_is_not_there() -> None:
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", README))
    known = {name.upper() for name in SETTINGS}
    assert {name.removesuffix("_FILE") for name in named} <= known


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_row(command: str) -> None:
    assert re.search(rf"^\| `{command}[ `]", README, re.MULTILINE)


def test_every_route_is_named(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC_ENDPOINTS or needed_scope(app, rule.endpoint):
            path = re.sub(r"<[^>]+>", "{id}", rule.rule)
            assert path in README, path
    assert CALLBACK_PATH in README


def test_the_fates_are_those_of_the_simulator() -> None:
    _, _, rest = README.partition("<!-- fates -->")
    shown, _, _ = rest.partition("<!-- /fates -->")
    assert shown.strip() == f"```\n{FATES_HELP.strip()}\n```"
