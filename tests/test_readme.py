"""README and docs name everything there is, and nothing that is not; their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from obdtrack.cli import COMMANDS
from obdtrack.providers.mobtexting.simulator.server import FATES_HELP
from obdtrack.settings import PREFIX, SETTINGS
from obdtrack.web.http.auth import PUBLIC_ENDPOINTS, needed_scope
from tests.factories import CALLBACK_PATH

ROOT = Path(__file__).parents[1]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (
    *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("clients/*/README.md")),
)}  # fmt: skip
README = PAGES["README.md"]
GLOSSARY = PAGES["docs/architecture.md"].partition("## Glossary")[2]


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked to."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short_and_shows_a_picture_near_its_top() -> None:
    lines = README.splitlines()
    assert len(lines) <= 130
    assert any(line.startswith("![") for line in lines[:12])


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_its_row(name: str) -> None:
    assert f"| `{PREFIX}{name.upper()}` |" in PAGES["docs/configuration.md"]


@pytest.mark.parametrize("page", PAGES)
def test_no_setting_is_named_that_is_not_there(page: str) -> None:
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", PAGES[page]))
    known = {name.upper() for name in SETTINGS}
    assert {name.removesuffix("_FILE") for name in named} <= known | {"X"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_row(command: str) -> None:
    assert re.search(rf"^\| `{command}[ `]", PAGES["docs/operations.md"], re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_only_commands_are_named_that_there_are(page: str) -> None:
    assert set(re.findall(r"-m obdtrack ([a-z][a-z-]*)", PAGES[page])) <= set(COMMANDS)


def test_every_route_is_named(app: Flask) -> None:
    text = PAGES["docs/api.md"] + PAGES["docs/pages.md"]
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC_ENDPOINTS or needed_scope(app, rule.endpoint):
            path = re.sub(r"<[^>]+>", "{id}", rule.rule)
            assert path in text, path
    assert CALLBACK_PATH in PAGES["docs/webhook.md"]


def test_the_fates_are_those_of_the_simulator() -> None:
    _, _, rest = PAGES["docs/simulator.md"].partition("<!-- fates -->")
    shown, _, _ = rest.partition("<!-- /fates -->")
    assert shown.strip() == f"```\n{FATES_HELP.strip()}\n```"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.read_text()), target


def test_every_page_is_linked_from_the_readme() -> None:
    for page in PAGES:
        assert page == "README.md" or f"]({page})" in README, page


def test_every_path_that_is_named_is_there() -> None:
    for page, text in PAGES.items():
        for path in re.findall(r"`((?:obdtrack|tests|deploy|migrations)/[\w./-]*)`", text):
            assert (ROOT / path).exists(), f"{page}: {path}"


def test_the_glossary_has_its_words_in_order() -> None:
    words = re.findall(r"^\| ([A-Za-z][^|]*?) \|", GLOSSARY, re.MULTILINE)[1:]
    assert len(words) >= 40
    assert words == sorted(words, key=str.lower)
