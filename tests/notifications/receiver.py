"""A user's server on loopback that takes events, as a test wants it to behave."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Received(list[tuple[dict[str, str], bytes]]):
    """The requests that came, oldest first: headers with small letters, and the body."""

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self]

    @property
    def events(self) -> list[Any]:
        return [json.loads(body) for _, body in self]

    def by_subject(self) -> dict[str, list[str]]:
        """The ids of each subject's events by when they first came."""
        found: dict[str, list[str]] = defaultdict(list)
        for event in self.events:
            if event["id"] not in found[event["subject"]]:
                found[event["subject"]].append(event["id"])
        return dict(found)


class Receiver:
    """Responds as `respond` says: a status, or a status and headers; by default 200.

    Of what it `received` it has `taken` that to which it responded with success.
    """

    def __init__(self) -> None:
        self.received, self.taken = Received(), Received()
        self.respond: Callable[[Any], int | tuple[int, dict[str, str]]] = lambda _: 200
        self.url = ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """Have such a server for the block."""
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = {k.lower(): v for k, v in self.headers.items()}, body
            told.received.append(request)
            answer = told.respond(json.loads(body))
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            if 200 <= status < 300:
                told.taken.append(request)
            self.send_response(status)
            for name, value in {"Content-Length": "2", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", port), Handler)
    told.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
