"""Visitors who open pages without a browser, and a browser on a server of the tests' own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from obdtrack.access.keys import create_key
from obdtrack.services import Services
from obdtrack.store.database import Store, open_database
from tests.pages.site import SCOPES, Site, csrf_token

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """Pages ask the storage nothing that depends on the database; figures have tests on both."""
    return sqlite_store


class Visitor:
    """A person at the pages, signed in with a key."""

    def __init__(self, app: Flask, key: str) -> None:
        self.client = app.test_client()
        self.send("/sign-in", on="/sign-in", key=key)

    def open(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def read(self, path: str) -> str:
        """Return what a page says, without its tags."""
        page = self.open(path, follow_redirects=True)
        assert page.status_code == 200, page.text
        return text_of(page.text)

    def send(self, path: str, *, on: str = "/sign-in", **form: str) -> TestResponse:
        """Send a form that stands on the page `on`."""
        token = csrf_token(self.open(on).text)
        return self.client.post(path, data={"csrf_token": token, **form})


def text_of(page: str) -> str:
    main = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", f"<main{main}")).split())


@pytest.fixture
def visitor(app: Flask, services: Services) -> Visitor:
    return Visitor(app, create_key("Asha", SCOPES, services))


@pytest.fixture
def guest(app: Flask, services: Services) -> Visitor:
    """Who may only read."""
    return Visitor(app, create_key("Guest", ["read"], services))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; without one, the tests that need it are skipped."""
    why = "no playwright here: pip install -r requirements-dev.txt to test pages in a browser"
    sync_api = pytest.importorskip("playwright.sync_api", reason=why)
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: install one to test the pages in a browser")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def served(
    browser: Browser, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One server for all tests of a module."""
    path = tmp_path_factory.mktemp("site") / "site.db"
    shutil.copy(migrated_file, path)
    store = open_database(f"sqlite:///{path}")
    made = Site(store, browser)
    yield made
    made.close()
    store.close_all()


@pytest.fixture
def site(served: Site) -> Iterator[Site]:
    """The module's server, with a tab and a provider as if it had just begun."""
    served.begin()
    yield served
    served.close_tabs()
