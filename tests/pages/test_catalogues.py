"""The catalogues are whole: `make catalogues` would change nothing, and no text lacks its words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from obdtrack.web.pages.language import CATALOGUES, LANGUAGES
from tests.pages import pseudo

PLACEHOLDER = re.compile(r"%\((\w+)\)([sdr])|%%")
OTHERS = sorted(set(LANGUAGES) - {"en"})


def read(language: str) -> Any:
    from babel.messages.pofile import read_po

    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> set[Any]:
    from babel.messages.pofile import read_po

    with pseudo.extracted(tmp_path_factory.mktemp("texts")).open("rb") as file:
        return {message.id for message in read_po(file) if message.id}


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_now_and_no_other_is_in_a_catalogue(language: str, texts: set[Any]) -> None:
    assert len(texts) > 1000
    assert {message.id for message in read(language) if message.id} == texts


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_has_a_translation_that_nobody_doubts(language: str) -> None:
    said = [message for message in read(language) if message.id]
    assert [message.id for message in said if message.fuzzy or not all(forms(message))] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_placeholders_of_its_text(language: str) -> None:
    wrong = []
    for message in read(language):
        if message.id and message.pluralizable:
            known = {found for text in message.id for found in PLACEHOLDER.findall(text)}
            wrong += [it for it in forms(message) if not set(PLACEHOLDER.findall(it)) <= known]
            wrong += [it for it in forms(message)[1:] if set(PLACEHOLDER.findall(it)) != known]
        elif message.id:
            wanted = sorted(PLACEHOLDER.findall(message.id))
            wrong += [it for it in forms(message) if sorted(PLACEHOLDER.findall(it)) != wanted]
    assert wrong == []


@pytest.mark.parametrize("language", OTHERS)
def test_what_pages_load_is_what_translators_wrote(language: str, tmp_path: Path) -> None:
    from babel.messages.mofile import read_mo

    with (CATALOGUES / language / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        loaded = {key(message): forms(message) for message in read_mo(file) if message.id}
    assert loaded == {key(message): forms(message) for message in read(language) if message.id}


def forms(message: Any) -> list[str]:
    """Its translations: one, or one for each number of things that the language tells apart."""
    return [message.string] if isinstance(message.string, str) else list(message.string)


def key(message: Any) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)
