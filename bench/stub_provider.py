"""A provider that accepts every call, at once or after a while; its ids follow from the numbers."""

import json
import re
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from bench.load import MID, filled

NUMBER = re.compile(rb'"to": *"?\+?\d*(\d{8})')


def prompt(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Accept the call at once."""
    found = NUMBER.search(environ["wsgi.input"].read())
    number = int(found[1]) if found else 0
    entry = {"id": filled(f"{MID}:1", number), "mobile": f"9188{number:08}", "charges": "0.5000"}
    content = json.dumps({"status": "200", "message": "OK", "data": [entry]}).encode()
    length = str(len(content))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", length)])
    return [content]


def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Accept the call after two seconds."""
    if environ["REQUEST_METHOD"] == "POST":
        time.sleep(2)
    return prompt(environ, start_response)
