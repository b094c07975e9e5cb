"""A server with a scripted provider, and a browser signed in at it."""

from __future__ import annotations

import gzip
import re
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import peewee
import requests
from flask import request
from werkzeug.serving import make_server

from obdtrack.access.keys import create_key
from obdtrack.cli.ports import free_port
from obdtrack.services import Services, utc_now
from obdtrack.store.database import Store
from obdtrack.store.encryption import Encryption
from tests import factories
from tests.applications import make_app
from tests.factories import ScriptedProvider, accepted

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SCOPES = ["read", "place", "pii", "admin"]
FAULTS = {"500": ZeroDivisionError("a fault"), "503": peewee.OperationalError("database is locked")}


def csrf_token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    return found.group(1) if found else ""


class Weighed(NamedTuple):
    """What came, and its weight in bytes as it came."""

    text: str
    weight: int


class Site:
    """A server of the tests' own; `complaints` is what its windows complained about.

    Its clock stands still at `stopped_at`, if that is set.
    """

    page: Page

    def __init__(self, store: Store, browser: Browser) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.provider = ScriptedProvider()
        settings = factories.settings(port=port)
        self.stopped_at: datetime | None = None
        self.services = Services(
            settings, store, self.provider, Encryption(settings.secret_key), self._now
        )
        self.app = make_app(self.services, documented=True)
        self.app.before_request(_break_if_told)
        self.server = make_server("127.0.0.1", port, self.app, threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.key = create_key("Asha", SCOPES, self.services)
        self.complaints: list[str] = []
        self.browser = browser
        self._windows: dict[str, BrowserContext] = {}
        self.session = requests.Session()
        self.cookie = self._signed_in()

    def _now(self) -> datetime:
        return self.stopped_at or utc_now()

    def begin(self) -> None:
        """Take a fresh tab, signed in, and have the provider accept everything again."""
        self.provider.sent.clear()
        self.provider.on_send = accepted(mid=None)
        self.complaints.clear()
        self.page = self._fresh_tab("plain")

    def take_clock(self) -> None:
        """Go on in a fresh tab whose clock only the test moves."""
        self.page = self._fresh_tab("clocked")
        self.page.clock.install()

    def poll(self, milliseconds: int) -> None:
        """Move the clock until the page has asked for what is new, and has shown the answer."""
        state = self.page.locator("[data-live-state]")
        state.evaluate("state => { state.textContent = 'not yet' }")
        with self.page.expect_response(lambda response: response.request.resource_type == "fetch"):
            self.page.clock.run_for(milliseconds)
        self.page.locator("[data-live-state]:text-is('Live')").wait_for(state="attached")

    def _fresh_tab(self, kind: str) -> Page:
        """Return a tab nobody has used; a window costs more than all a test does in it.

        Windows with a clock are kept apart: it cannot be taken out of them again.
        """
        window = self._windows.get(kind) or self._windows.setdefault(kind, self._open_window())
        (tab,) = window.pages or [self._tab(window)]
        window.clear_permissions()
        window.clear_cookies()
        window.add_cookies([{"name": "obdtrack_session", "value": self.cookie, "url": self.url}])
        return tab

    def visit(self, **options: Any) -> Page:
        """Open a browser window of its own, signed in; what it complains about is noted."""
        window = self._open_window(**options)
        window.add_cookies([{"name": "obdtrack_session", "value": self.cookie, "url": self.url}])
        return self._tab(window)

    def _open_window(self, **options: Any) -> BrowserContext:
        window = self.browser.new_context(timezone_id="Asia/Kolkata", **options)
        window.set_default_timeout(10_000)
        return window

    def _tab(self, window: BrowserContext) -> Page:
        page = window.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self._own(request.url))
        return page

    def _signed_in(self) -> str:
        door = f"{self.url}/sign-in"
        token = csrf_token(self.session.get(door, timeout=10).text)
        self.session.post(door, data={"csrf_token": token, "key": self.key}, timeout=10)
        return self.session.cookies["obdtrack_session"]

    def weighed(self, path: str) -> Weighed:
        """Return a page or a file, with how many bytes it took to bring it."""
        response = self.session.get(self.url + path, timeout=10, stream=True)
        brought = response.raw.read()
        plain = response.headers.get("Content-Encoding") != "gzip"
        text = (brought if plain else gzip.decompress(brought)).decode()
        assert response.ok, text
        return Weighed(text, len(brought))

    def _own(self, url: str) -> None:
        if not url.startswith((self.url, "data:")):
            self.complaints.append(f"foreign {url}")

    def place(self, **body: Any) -> Any:
        body = {"to": factories.NUMBER, "flow_id": "23", **body}
        headers = {"Authorization": f"Bearer {self.key}"}
        response = requests.post(f"{self.url}/api/v1/calls", json=body, headers=headers, timeout=10)
        assert response.status_code == 201, response.text
        return response.json()

    def plan_campaign(self, name: str, numbers: str) -> None:
        """Make a campaign with this list of numbers, and check it."""
        campaigns, headers = f"{self.url}/api/v1/campaigns", {"Authorization": f"Bearer {self.key}"}
        made = requests.post(campaigns, json={"name": name, "flow_id": "23"}, headers=headers)
        assert made.status_code == 201, made.text
        of_list = {**headers, "Content-Type": "text/csv"}
        listed = requests.post(
            f"{campaigns}/{name}/recipients?to=A&header=false", data=numbers, headers=of_list
        )
        assert listed.status_code == 201, listed.text
        requests.post(f"{campaigns}/{name}/check", headers=headers)

    def report(self, call: Any, **changes: Any) -> None:
        mid = call["provider_id"].partition(":")[0]
        ended = self._now().replace(microsecond=0, tzinfo=None)
        times = {"start_at": str(ended - timedelta(seconds=16)), "end_at": str(ended)}
        self.deliver(json=factories.report_body(**{"mid": mid, **times, **changes}))

    def deliver(self, secret: str = factories.SECRET, **request: Any) -> None:
        headers = {"Authorization": f"Bearer {secret}"}
        callback = f"{self.url}/webhooks/mobtexting"
        response = requests.post(callback, headers=headers, timeout=10, **request)
        assert response.ok == (secret == factories.SECRET)
        self.app.quarantine.flush()

    def close_tabs(self) -> None:
        """Close all that was used. A window is kept, and for that needs a tab: a fresh one."""
        for window in self.browser.contexts:
            if window not in self._windows.values():
                window.close()
            elif [tab.url for tab in window.pages] != ["about:blank"]:
                used = window.pages
                self._tab(window)
                for tab in used:
                    tab.close()

    def close(self) -> None:
        for window in self.browser.contexts:
            window.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.app.quarantine.close()


def _break_if_told() -> None:
    fault = FAULTS.get(request.args.get("fault", ""))
    if fault is not None:
        raise fault
