"""An operation of the API as a command and as programs that can be copied and run."""

from __future__ import annotations

import json
import shlex
from pprint import pformat
from typing import Any, NamedTuple

FILES = {"text/csv": "list.csv"}
"""Bodies that are files, and what such a file is called in the examples."""


class ExampleRequest(NamedTuple):
    """What is sent. `typed` is the URL with variables of the shell where `url` has ids.

    `body` is JSON, `file` the type of a file that is sent instead; `returns` is what comes back:
    `json`, `text` or nothing.
    """

    method: str
    url: str
    typed: str
    headers: dict[str, str]
    body: Any
    file: str | None
    returns: str | None


def curl(request: ExampleRequest) -> str:
    """Return it as a command of a shell."""
    sends = request.body is not None or request.file
    method = [] if request.method == ("POST" if sends else "GET") else ["-X", request.method]
    words = ["curl", "-s", *method, f'"{request.typed}"']
    words.append('-H "Authorization: Bearer $OBDTRACK_KEY"')
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    if request.file:
        words += [f"-H 'Content-Type: {request.file}'", f"--data-binary @{FILES[request.file]}"]
    elif sends:
        words.append("-H 'Content-Type: application/json'")
        words.append(f"-d {shlex.quote(json.dumps(request.body))}")
    return " ".join(words)


def python(request: ExampleRequest) -> str:
    """Return it as a program in Python, for the package requests."""
    headers = ['"Authorization": f"Bearer {os.environ[\'OBDTRACK_KEY\']}"']
    headers += [f'"{name}": "{value}"' for name, value in request.headers.items()]
    sent = []
    if request.file:
        headers.append(f'"Content-Type": "{request.file}"')
        sent = [f'    data=open("{FILES[request.file]}", "rb").read(),']
    elif request.body is not None:
        sent = [f"    json={_indented(pformat(request.body, width=76, sort_dicts=False), 9)},"]
    shown = {"json": "response.json()", "text": "response.text", None: "response.status_code"}
    return "\n".join([
        "import os",
        "",
        "import requests",
        "",
        f"response = requests.{request.method.lower()}(",
        f'    "{request.url}",',
        "    headers={",
        *(f"        {header}," for header in headers),
        "    },",
        *sent,
        "    timeout=60,",
        ")",
        "response.raise_for_status()",
        f"print({shown[request.returns]})",
    ])  # fmt: skip


def node(request: ExampleRequest) -> str:
    """Return it as a program for Node 18 or later, to be saved as .mjs."""
    headers = ["Authorization: `Bearer ${process.env.OBDTRACK_KEY}`"]
    headers += [f'"{name}": "{value}"' for name, value in request.headers.items()]
    first, sent = [], []
    if request.file:
        first = ['import { readFile } from "node:fs/promises";', ""]
        headers.append(f'"Content-Type": "{request.file}"')
        sent = [f'  body: await readFile("{FILES[request.file]}"),']
    elif request.body is not None:
        headers.append('"Content-Type": "application/json"')
        sent = [f"  body: JSON.stringify({_indented(json.dumps(request.body, indent=2), 2)}),"]
    shown = {
        "json": "await response.json()",
        "text": "await response.text()",
        None: "response.status",
    }
    return "\n".join([
        *first,
        f'const response = await fetch("{request.url}", {{',
        f'  method: "{request.method}",',
        "  headers: {",
        *(f"    {header}," for header in headers),
        "  },",
        *sent,
        "});",
        "if (!response.ok) throw new Error(await response.text());",
        f"console.log({shown[request.returns]});",
    ])  # fmt: skip


LANGUAGES = {"curl": curl, "Python": python, "Node": node}
"""What an operation is shown in."""


def _indented(text: str, depth: int) -> str:
    """Return a text whose lines after the first are moved in."""
    return text.replace("\n", "\n" + " " * depth)
