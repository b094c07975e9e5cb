#!/usr/bin/env bash
# Guess:    `HTTPAdapter(max_retries=1)` is about connections that failed. Its docstring says that it never
#           applies to a request whose data has reached the server, and `timeout=0.5` ends it soon.
# Seen:     a 503 or 429 with `Retry-After` makes it wait that long, past the timeout, and send GET, PUT
#           and DELETE again, though no status was listed for retries. Without that header, and for
#           POST, the guess is right. urllib3's Retry(respect_retry_after_header=False) restores it.
# Matters:  a provider that limits its rate stops a worker for as long as it likes, and changing a
#           webhook happens twice. Placing a call is a POST, and is safe only because of that.
# Versions: requests 2.34.2, urllib3 2.8.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check requests==2.34.2 urllib3==2.8.0

cat >try.py <<'PY'
import threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

received = []


class Busy(BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        received.append(self.command)
        status, _, seconds = self.path.strip("/").partition("/")
        self.send_response(int(status))
        if seconds:
            self.send_header("Retry-After", seconds)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_DELETE = do_POST = answer

    def log_message(self, *parts):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()


def send(label, retries, method, path):
    received.clear()
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(max_retries=retries))
        begun = time.monotonic()
        url = f"http://127.0.0.1:{server.server_port}{path}"
        status = session.request(method, url, json={}, timeout=0.5).status_code
        waited = time.monotonic() - begun >= 1
    print(f"{label} {method} {path}: sent {len(received)}, status {status}, waited {waited}")


for method in "GET", "PUT", "DELETE", "POST":
    send("max_retries=1", 1, method, "/503/1")
send("max_retries=1", 1, "PUT", "/429/1")
send("max_retries=1", 1, "PUT", "/503")
send("not respected", Retry(1, read=False, respect_retry_after_header=False), "PUT", "/503/1")
server.shutdown()
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
max_retries=1 GET /503/1: sent 2, status 503, waited True
max_retries=1 PUT /503/1: sent 2, status 503, waited True
max_retries=1 DELETE /503/1: sent 2, status 503, waited True
max_retries=1 POST /503/1: sent 1, status 503, waited False
max_retries=1 PUT /429/1: sent 2, status 429, waited True
max_retries=1 PUT /503: sent 1, status 503, waited False
not respected PUT /503/1: sent 1, status 503, waited False
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: when an adapter sends again" >&2; exit 1; }
echo "$seen"
