"""The receivers of docs/receivers.md, as they stand there, take what obdtrack sends them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from obdtrack.cli.ports import free_port
from obdtrack.notifications.signing import new_secret, signed
from tests.end_to_end.conftest import Installation, until

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/receivers.md").read_text()
CALL = "01a2078b-2c00-747d-b66f-d8899bfdb69b"

SERVER = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
{imported}
class Quiet(WSGIRequestHandler):
    def log_message(self, *parts):
        pass
make_server("127.0.0.1", int(sys.argv[1]), app, handler_class=Quiet).serve_forever()
"""
SETTINGS = """
import os
SECRET_KEY = "of the test"
CALLS_SECRET = os.environ.get("CALLS_SECRET")
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["calls"]
MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
ROOT_URLCONF = "calls.urls"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "receiver.db"}}
"""


def blocks(title: str, language: str = "python") -> list[str]:
    """The code below a heading of the document, in its order."""
    section = re.split(r"^## ", DOCUMENT.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


class Receiver:
    """A user's program in a folder of its own, behind a destination of a served obdtrack."""

    def __init__(self, folder: Path, work: list[str], tables: tuple[str, str]) -> None:
        self.folder, self._work = folder, work
        self.events, self.calls = tables
        self.secret = new_secret()
        self.url = f"http://127.0.0.1:{free_port()}/obdtrack"
        self.environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings"}
        self.environ["PYTHONPATH"] = f"{folder}:{ROOT / 'clients/python'}"

    def run(self, *arguments: str) -> None:
        command = [sys.executable, *arguments]
        environ = {**self.environ, "CALLS_SECRET": self.secret}
        done = subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def start(self, imported: str) -> subprocess.Popen[bytes]:
        (self.folder / "server.py").write_text(SERVER.format(imported=imported))
        port = self.url.split(":")[2].split("/")[0]
        environ = {**self.environ, "CALLS_SECRET": self.secret}
        command = [sys.executable, "server.py", port]
        return subprocess.Popen(command, cwd=self.folder, env=environ)

    def work(self) -> None:
        self.run(*self._work)

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "receiver.db")) as database:
            return database.execute(query.format(events=self.events, calls=self.calls)).fetchall()

    def post(self, event: Any, **changes: str) -> int:
        body = json.dumps(event).encode()
        headers = {**signed(event["id"], datetime.now(UTC), body, [self.secret]), **changes}
        return requests.post(self.url, data=body, headers=headers, timeout=10).status_code


def in_flask(folder: Path) -> tuple[Receiver, str]:
    (code,) = blocks("Flask")
    (folder / "receiver.py").write_text(code)
    work = ["-m", "flask", "--app", "receiver", "work"]
    return Receiver(folder, work, ("events", "calls")), "from receiver import app"


def in_django(folder: Path) -> tuple[Receiver, str]:
    names = ["models.py", "views.py", "urls.py", "management/commands/work.py"]
    for name, code in zip(names, blocks("Django"), strict=True):
        path = folder / "calls" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        (path.parent / "__init__.py").touch()
    (folder / "calls/management/__init__.py").touch()
    (folder / "settings.py").write_text(SETTINGS)
    made = Receiver(folder, ["-m", "django", "work"], ("calls_event", "calls_call"))
    made.run("-m", "django", "migrate", "--run-syncdb")
    return made, "from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()"


@pytest.mark.parametrize("make", [in_flask, in_django], ids=["Flask", "Django"])
def test_a_receiver_stores_each_event_once_and_works_on_it_in_order(
    make: Callable[[Path], tuple[Receiver, str]], served: Installation, tmp_path: Path
) -> None:
    receiver, imported = make(tmp_path)
    api = f"{served.url}/api/v1/destinations"
    wanted = {"types": ["call.*"], "filter": {"reference_prefix": "to-be-received"}}
    made = served.session.post(api, json={"url": receiver.url, **wanted}, timeout=10)
    receiver.secret = made.json()["secret"]
    server = receiver.start(imported)
    try:
        until(lambda: responds(receiver.url))
        placed = served.place("+918867135011", reference="to-be-received")
        told = "SELECT count(*) FROM {events} WHERE CAST(body AS TEXT) LIKE '%call.busy%'"
        until(lambda: (receiver.folder / "receiver.db").exists() and receiver.rows(told)[0][0])
        before = receiver.rows("SELECT count(*) FROM {events}")
        newer, older = event("completed", minute=58), event("queued", minute=57)
        assert [receiver.post(one) for one in (newer, older, newer)] == [204, 204, 204]
        assert receiver.rows("SELECT count(*) FROM {events}") == [(before[0][0] + 2,)]
        forged = {"webhook-signature": f"v1,{'A' * 43}="}
        assert receiver.post(event("failed", minute=59), **forged) == 400
        assert receiver.post(event("failed", minute=59), **{"webhook-timestamp": "1"}) == 400
        receiver.work()
        receiver.work()
        calls = receiver.rows("SELECT id, reference, status FROM {calls} ORDER BY reference")
        assert [(one.replace("-", ""), *rest) for one, *rest in calls] == [
            (CALL.replace("-", ""), "order-8", "completed"),
            (placed["id"].replace("-", ""), "to-be-received", "busy"),
        ]
        assert receiver.rows("SELECT count(*) FROM {events} WHERE NOT done") == [(0,)]
    finally:
        server.terminate()
        server.wait(20)


def responds(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 405
    except requests.RequestException:
        return False


def event(status: str, *, minute: int) -> dict[str, Any]:
    """An event of one call as it is sent."""
    return {
        "id": f"01a2231f-4c35-77be-9924-6b2aa77e87{minute}",
        "type": f"call.{status}",
        "time": f"2026-11-23T11:{minute}:41Z",
        "dataschema": "urn:obdtrack:call:1",
        "data": {"id": CALL, "reference": "order-8", "status": status, "changed": {}},
    }
