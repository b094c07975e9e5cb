"""`python -m tests.torture.listener PORT FILE`: a user's server, to be killed.

It adds a line to the file for each event it is sent, its id and what it is about, and then says
that it has it.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    told: int

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        os.write(self.told, f"{event['id']} {event['subject']}\n".encode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


if __name__ == "__main__":
    port, path = sys.argv[1:]
    Listener.told = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    Server(("127.0.0.1", int(port)), Listener).serve_forever()
