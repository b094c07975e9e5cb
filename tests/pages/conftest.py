"""Visitors who open pages without a browser, and a browser on a server of the test's own."""

from __future__ import annotations

import gzip
import re
import shutil
import threading
from collections.abc import Iterator
from html import unescape
from typing import Any, NamedTuple

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from obdtrack.application import create_app
from obdtrack.cli.ports import free_port
from obdtrack.storage.database import Store
from obdtrack.storage.vault import Vault
from obdtrack.workflows.context import Context
from obdtrack.workflows.keys import create_key
from tests import factories
from tests.factories import ScriptedProvider, accepted

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
SCOPES = ["read", "place", "pii", "admin"]


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
        """Give what a page says, without its tags."""
        page = self.open(path, follow_redirects=True)
        assert page.status_code == 200, page.text
        return text_of(page.text)

    def send(self, path: str, *, on: str = "/sign-in", **form: str) -> TestResponse:
        """Send a form that stands on the page `on`."""
        token = csrf_token(self.open(on).text)
        return self.client.post(path, data={"csrf_token": token, **form})


def csrf_token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    return found.group(1) if found else ""


def text_of(page: str) -> str:
    main = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", f"<main{main}")).split())


@pytest.fixture
def visitor(app: Flask, context: Context) -> Visitor:
    return Visitor(app, create_key("Asha", SCOPES, context))


@pytest.fixture
def guest(app: Flask, context: Context) -> Visitor:
    """Who may only read."""
    return Visitor(app, create_key("Guest", ["read"], context))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: install one to test the pages in a browser")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


class Weighed(NamedTuple):
    """What came, and its weight in bytes as it came."""

    text: str
    weight: int


class Site:
    """A server with a scripted provider, and a browser signed in at it."""

    def __init__(self, store: Store, browser: Browser) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.provider = ScriptedProvider()
        self.provider.on_send = accepted(mid=None)
        settings = factories.settings(port=port)
        self.context = Context(settings, store, self.provider, Vault(settings.secret_key))
        self.app = create_app(self.context)
        self.server = make_server("127.0.0.1", port, self.app, threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.key = create_key("Asha", SCOPES, self.context)
        self.complaints: list[str] = []
        self.browser = browser
        self.session = requests.Session()
        self.cookie = self._signed_in()
        self.page = self.visit()

    def visit(self, **options: Any) -> Page:
        """Open a browser window of its own, signed in; what it complains about is noted."""
        window: BrowserContext = self.browser.new_context(timezone_id="Asia/Kolkata", **options)
        window.set_default_timeout(10_000)
        page = window.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self._own(request.url))
        window.add_cookies([{"name": "obdtrack_session", "value": self.cookie, "url": self.url}])
        return page

    def _signed_in(self) -> str:
        door = f"{self.url}/sign-in"
        token = csrf_token(self.session.get(door, timeout=10).text)
        self.session.post(door, data={"csrf_token": token, "key": self.key}, timeout=10)
        return self.session.cookies["obdtrack_session"]

    def weighed(self, path: str) -> Weighed:
        """Give a page or a file, with how many bytes it took to bring it."""
        answer = self.session.get(self.url + path, timeout=10, stream=True)
        brought = answer.raw.read()
        plain = answer.headers.get("Content-Encoding") != "gzip"
        text = (brought if plain else gzip.decompress(brought)).decode()
        assert answer.ok, text
        return Weighed(text, len(brought))

    def _own(self, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.complaints.append(f"foreign {url}")

    def place(self, **body: Any) -> Any:
        body = {"to": factories.NUMBER, "flow_id": "23", **body}
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.post(f"{self.url}/api/v1/calls", json=body, headers=headers, timeout=10)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def report(self, call: Any, **changes: Any) -> None:
        mid = call["provider_id"].partition(":")[0]
        self.deliver(json=factories.report_body(mid=mid, **changes))

    def deliver(self, **request: Any) -> None:
        headers = {"Authorization": f"Bearer {factories.SECRET}"}
        callback = f"{self.url}/webhooks/mobtexting"
        assert requests.post(callback, headers=headers, timeout=10, **request).ok

    def close(self) -> None:
        for window in self.browser.contexts:
            window.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.app.extensions["quarantine"].close()


@pytest.fixture
def site(sqlite_store: Store, browser: Browser) -> Iterator[Site]:
    made = Site(sqlite_store, browser)
    yield made
    made.close()
