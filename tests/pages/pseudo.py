"""A language that nobody speaks: what comes from the catalogue is accented, longer, in brackets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from flask import Flask

ROOT = Path(__file__).parents[2]
SPOKEN_IN = "eo"
"""The language whose dates it has; which one does not matter, but there must be one."""

SAYS = f'<html lang="{SPOKEN_IN}"'
"""How a page begins that speaks it."""

_ACCENTS = str.maketrans("aceginosuyACEGINOSUY", "áçéğíñóşüýÁÇÉĞÍÑÓŞÜÝ")
_KEPT = re.compile(r"(%\(\w+\)[sd]|%%|`[^`]*`)")
_WORDS = re.compile(r"[^\W\d_]{2,}")


def extracted(into: Path) -> Path:
    """Return a template of all texts that the pages mark now."""
    found = into / "texts.pot"
    keywords = re.search('--keywords "(.*)"', (ROOT / "Makefile").read_text()).group(1)
    command = ["extract", "--mapping", "pyproject.toml", "--keywords", keywords]
    command += ["--output", str(found)]
    babel = [sys.executable, "-m", "babel.messages.frontend", "--quiet"]
    subprocess.run([*babel, *command, "obdtrack"], check=True, cwd=ROOT)
    return found


def pseudo(text: str) -> str:
    """Return a text accented, two fifths longer, in brackets, with its placeholders."""
    parts = _KEPT.split(text)
    parts[::2] = [part.translate(_ACCENTS) for part in parts[::2]]
    more = len(text) * 2 // 5
    longer = "ŷ" * more if len(text) < 12 else " žŷžŷž" * (more // 6)
    return f"⟦{''.join(parts)}{longer}⟧"


@contextmanager
def spoken(app: Flask, folder: Path) -> Iterator[None]:
    """Have the pages speak it, from a catalogue made in this folder."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with extracted(folder).open("rb") as file:
        catalogue = read_po(file, locale=SPOKEN_IN)
    for message in catalogue:
        if message.id:
            many = isinstance(message.id, tuple)
            message.string = tuple(map(pseudo, message.id)) if many else pseudo(message.id)
            message.flags.discard("fuzzy")
    made = folder / SPOKEN_IN / "LC_MESSAGES" / "messages.mo"
    made.parent.mkdir(parents=True)
    with made.open("wb") as file:
        write_mo(file, catalogue)
    settings: Any = app.extensions["babel"]
    before = settings.locale_selector, settings.translation_directories
    settings.locale_selector, settings.translation_directories = lambda: SPOKEN_IN, [str(folder)]
    settings.instance.domain_instance.cache.clear()
    try:
        yield
    finally:
        settings.locale_selector, settings.translation_directories = before
        settings.instance.domain_instance.cache.clear()


class Texts(HTMLParser):
    """The texts of a page that people read or hear, but for what is marked as no words of ours."""

    SAID = ("title", "placeholder", "aria-label", "alt", "data-label")
    FOREIGN = frozenset({"code", "pre", "script", "style", "textarea", "time", "q", "use"})
    EMPTY = frozenset({"input", "br", "link", "meta", "hr", "img", "wbr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what its attributes say."""
        given = dict(attrs)
        foreign = given.get("translate") == "no" or (given.get("lang") and tag != "html")
        foreign = bool(foreign or tag in self.FOREIGN or self._foreign)
        if not foreign:
            self.found += [text for name in self.SAID if (text := given.get(name))]
        if tag not in self.EMPTY:
            self._open.append((tag, foreign))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of a picture, written as closed at once, has no text."""

    def handle_endtag(self, tag: str) -> None:
        """Forget what is closed, with what was left open in it."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if not self._foreign and data.strip():
            self.found.append(" ".join(data.split()))

    @property
    def _foreign(self) -> bool:
        return bool(self._open and self._open[-1][1])


def untranslated(page: str, data: re.Pattern[str]) -> list[str]:
    """Return the texts of a page that came from no catalogue and hold other words than `data`."""
    found, depth = [], 0  # a sentence may hold elements: it ends in another of the page's texts
    for text in Texts(page).found:
        rest = ""
        for letter in text:
            depth += (letter == "⟦") - (letter == "⟧")
            rest += " " if depth or letter == "⟧" else letter
        if _WORDS.search(data.sub(" ", rest)):
            found.append(text)
    return found
