"""The workflows of docs/receivers.md for n8n: run by it where it is installed, else looked through.

`N8N=/path/to/node_modules/.bin/n8n pytest tests/clients/test_n8n.py` runs them; see the document.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from obdtrack.cli.ports import free_port
from obdtrack.notifications.signing import new_secret, signed
from tests.clients.test_receivers import blocks, event
from tests.end_to_end.conftest import Installation, until
from tests.notifications.test_verifiers import EXPECTED, verdicts

N8N = os.environ.get("N8N")
PLACE, TAKE = (json.loads(block) for block in blocks("n8n", "json"))

NODE = """
const Code = Object.getPrototypeOf(async function () {}).constructor;
const code = new Code("require", "$input", "$env", "Buffer", process.env.CODE);
const cases = JSON.parse(require("node:fs").readFileSync(0));
const found = cases.map(async ({secret, headers, body}) => {
  const helpers = {getBinaryDataBuffer: async () => Buffer.from(body, "base64")};
  const $input = {first: () => ({json: {headers}})};
  const [item] = await code.call({helpers}, require, $input, {CALLS_SECRET: secret}, Buffer);
  return item.json.event;
});
Promise.all(found).then((all) => console.log(JSON.stringify(all)));
"""


@pytest.mark.parametrize("workflow", [PLACE, TAKE], ids=["place", "take"])
def test_a_workflow_is_whole(workflow: Any) -> None:
    names = [node["name"] for node in workflow["nodes"]]
    assert len(set(names)) == len(names) == len({node["id"] for node in workflow["nodes"]})
    for node in workflow["nodes"]:
        assert node["type"].startswith("n8n-nodes-base.")
        assert {"typeVersion", "position", "parameters"} <= node.keys()
    led_to = {
        to["node"]
        for outputs in workflow["connections"].values()
        for output in outputs["main"]
        for to in output
    }
    assert workflow["connections"].keys() <= set(names)
    assert led_to == set(names[1:])


def test_its_code_takes_what_is_ours_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [one["parameters"]["jsCode"] for one in TAKE["nodes"] if one["name"] == "Verify"]
    monkeypatch.setenv("CODE", code)
    assert verdicts(["node", "-e"], NODE) == EXPECTED


class Flows:
    """n8n with a folder of its own."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.environ = {
            **os.environ,
            "N8N_USER_FOLDER": str(folder),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_PORT": str(port),
            "N8N_RUNNERS_BROKER_PORT": str(free_port()),
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "NODE_FUNCTION_ALLOW_BUILTIN": "crypto",
            "N8N_BLOCK_ENV_ACCESS_IN_NODE": "false",
            "CALLS_SECRET": secret,
        }

    def run(self, *arguments: str) -> str:
        command = [str(N8N), *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def take_in(self, kind: str, what: Any) -> None:
        path = self.folder / f"{kind}.json"
        path.write_text(json.dumps(what))
        self.run(f"import:{kind}", f"--input={path}")

    def ran(self, node: str) -> int:
        """In how many executions a node had something to do."""
        path = self.folder / ".n8n/database.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            query = "SELECT count(*) FROM execution_data WHERE data LIKE ?"
            return int(database.execute(query, (f'%"{node}":%',)).fetchone()[0])


@pytest.fixture
def flows(tmp_path: Path) -> Flows:
    if N8N is None:
        pytest.skip("N8N does not name n8n: it is 1,800 packages, which are not installed for this")
    return Flows(tmp_path, new_secret())


def test_n8n_places_a_call_once(flows: Flows, served: Installation) -> None:
    header = {"name": "Authorization", "value": served.session.headers["Authorization"]}
    key = {"id": "obdtrack", "name": "obdtrack", "type": "httpHeaderAuth", "data": header}
    flows.take_in("credentials", [key])
    text = json.dumps({**PLACE, "id": "place", "active": False})
    flows.take_in("workflow", json.loads(text.replace("https://calls.example", served.url)))
    for _ in range(2):
        assert '"reference": "order-12"' in flows.run("execute", "--id=place")
    calls = served.session.get(f"{served.url}/api/v1/calls?reference=order-12", timeout=10).json()
    assert len([one for one in calls["data"] if one["to"] == "+918867135001"]) == 1


def test_n8n_takes_each_event_once(flows: Flows) -> None:
    flows.take_in("workflow", {**TAKE, "id": "take", "active": False})
    flows.run("publish:workflow", "--id=take")
    server = subprocess.Popen([str(N8N), "start"], env=flows.environ, stdout=subprocess.DEVNULL)
    try:
        until(lambda: post(flows, "{}", {}) == 400, seconds=90)
        told = event("completed", minute=58)
        body = json.dumps(told)
        secret = flows.environ["CALLS_SECRET"]
        headers = signed(told["id"], datetime.now(UTC), body.encode(), [secret])
        assert [post(flows, body, headers) for _ in range(2)] == [204, 204]
        assert post(flows, body.replace("completed", "busy"), headers) == 400
        until(lambda: flows.ran("Taken") == 2)
        assert flows.ran("Work") == 1
    finally:
        server.terminate()
        server.wait(60)


def post(flows: Flows, body: str, headers: dict[str, str]) -> int:
    sent = {"Content-Type": "application/cloudevents+json; charset=utf-8", **headers}
    try:
        url = f"{flows.url}/webhook/obdtrack"
        return requests.post(url, data=body.encode(), headers=sent, timeout=20).status_code
    except requests.RequestException:
        return 0
