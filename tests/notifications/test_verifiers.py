"""The verifiers in docs/notifications.md accept what we sign, and nothing else."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from obdtrack_client import verify

from obdtrack.notifications.signing import signed as sign

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/notifications.md").read_text()
REFERENCE = ROOT / ".venv/node/node_modules/standardwebhooks"

SECRET, OLD_SECRET, OTHER = (
    f"whsec_{base64.b64encode(bytes(range(first, first + 32))).decode()}" for first in (0, 190, 9)
)
EVENT = {
    "id": "01a2231f-4c35-77be-9924-6b2aa77e87a4",
    "type": "call.busy",
    "time": "2026-11-23T11:57:41Z",
    "data": {"reference": "Zoë, 電話 \u2028 </script>"},
    "changed": {"status": "queued"},
}
BODY = json.dumps(EVENT, ensure_ascii=False).encode()
ID = str(EVENT["id"])

NODE = """
const cases = JSON.parse(require("node:fs").readFileSync(0));
const found = cases.map(({secret, headers, body}) => {
  try { return verify(secret, headers, Buffer.from(body, "base64")); } catch { return null; }
});
console.log(JSON.stringify(found));
"""
DRIVERS = {
    "python": """
import sys

def attempt(case):
    try:
        return verify(case["secret"], case["headers"], base64.b64decode(case["body"]))
    except (ValueError, KeyError):
        return None

print(json.dumps([attempt(case) for case in json.load(sys.stdin)]))
""",
    "js": NODE,
    "php": """
$found = array_map(function (array $case) {
    try {
        return verify($case['secret'], $case['headers'], base64_decode($case['body']));
    } catch (Throwable) {
        return null;
    }
}, json_decode(stream_get_contents(STDIN), true));
echo json_encode($found);
""",
}
COMMANDS = {
    "python": [sys.executable, "-c"],
    "js": ["node", "-e"],
    "php": ["php", "-d", "display_errors=stderr", "-r"],
}


class Case(NamedTuple):
    """A request as it arrives, and whether it is ours."""

    name: str
    ours: bool
    headers: dict[str, str]
    secret: str = SECRET
    body: bytes = BODY


def signed(*secrets: str, age: float = 0) -> dict[str, str]:
    """The headers of a request that was signed with these secrets so many seconds ago."""
    return sign(ID, datetime.now(UTC) - timedelta(seconds=age), BODY, secrets)


def cases() -> list[Case]:
    right, both = signed(SECRET), signed(SECRET, OLD_SECRET)
    mark, later = right["webhook-signature"], str(int(time.time()) + 9)

    def with_mark(text: str) -> dict[str, str]:
        return {**right, "webhook-signature": text}

    return [
        Case("as we send it", True, right),
        Case("while an old secret signs, too", True, both),
        Case("known by the old one", True, both, OLD_SECRET),
        Case("after another version", True, with_mark(f"v2,x {mark}")),
        Case("nearly too old", True, signed(SECRET, age=290)),
        Case("too old", False, signed(SECRET, age=310)),
        Case("from the future", False, signed(SECRET, age=-310)),
        Case("with another secret", False, right, OTHER),
        Case("another body", False, right, body=BODY.replace(b"busy", b"fail")),
        Case("another id", False, {**right, "webhook-id": "7"}),
        Case("another time", False, {**right, "webhook-timestamp": later}),
        Case("no time", False, {**right, "webhook-timestamp": "soon"}),
        Case("no signature", False, with_mark("")),
        Case("another version", False, with_mark(mark.replace("v1", "v0"))),
        Case("a signature that is cut off", False, with_mark(mark[:-4])),
        Case("letters from elsewhere", False, with_mark("v1," + "é" * 44)),
    ]


def documented(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.partition("## Verifying")[2], re.DOTALL)
    assert found
    return found[1]


def verdicts(command: list[str], code: str) -> dict[str, Any]:
    """What is found in each case: the event, or None."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} on this machine: install it to test its verifier")
    tried = cases()
    given = [one._asdict() | {"body": base64.b64encode(one.body).decode()} for one in tried]
    done = subprocess.run([*command, code], input=json.dumps(given).encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return dict(zip([one.name for one in tried], json.loads(done.stdout), strict=True))


EXPECTED = {one.name: EVENT if one.ours else None for one in cases()}


@pytest.mark.parametrize("language", DRIVERS)
def test_a_verifier_takes_what_is_ours_and_nothing_else(language: str) -> None:
    code = documented(language) + DRIVERS[language]
    assert verdicts(COMMANDS[language], code) == EXPECTED


@pytest.mark.parametrize("language", DRIVERS)
def test_a_verifier_is_short(language: str) -> None:
    assert len([line for line in documented(language).splitlines() if line.strip()]) <= 15


def test_the_reference_package_of_another_language_agrees() -> None:
    if not REFERENCE.exists():
        pytest.skip("no npm package standardwebhooks here: npm was missing when tests were set up")
    code = f"""
const {{ Webhook }} = require({json.dumps(str(REFERENCE))});
const verify = (secret, headers, body) => new Webhook(secret).verify(body.toString(), headers);
"""
    assert verdicts(COMMANDS["js"], code + NODE) == EXPECTED


def test_the_client_for_python_agrees() -> None:
    for one in cases():
        if one.ours:
            assert verify(one.headers, one.body, one.secret).data == EVENT["data"], one.name
        else:
            with pytest.raises(ValueError, match=r"^The (headers|notification)"):
                verify(one.headers, one.body, one.secret)
