#!/usr/bin/env bash
# Guess:    `environ["wsgi.input"]` is one stream: take the heading line of an uploaded list of numbers
#           with readline(), then the rest with read() or readlines().
# Seen:     on granian the first read(n), readline() or next() empties it for read() and readlines():
#           they return nothing, without an error, though iterating still gives the remaining lines.
#           readline(n) and readlines(hint) ignore their bound; a size of -1 raises OverflowError.
#           Werkzeug's `request.stream` passes this on. waitress behaves as a file does.
# Matters:  all numbers of a list are lost, and the upload looks like a list with a heading only.
# Versions: granian 2.8.9, waitress 3.0.2, Werkzeug 3.1.9.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check granian==2.8.9 waitress==3.0.2 werkzeug==3.1.9

cat >app.py <<'PY'
from werkzeug import Request

WAYS = {
    "/readline-read": lambda body: [body.readline(), body.read()],
    "/readline-readlines": lambda body: [body.readline(), body.readlines()],
    "/readline-iterate": lambda body: [body.readline(), list(body)],
    "/read2-readlines": lambda body: [body.read(2), body.readlines()],
    "/readline3": lambda body: [body.readline(3)],
    "/read-minus-one": lambda body: [body.read(-1)],
}


def app(environ, start_response):
    body = environ["wsgi.input"]
    if environ["QUERY_STRING"] == "werkzeug":
        body = Request(environ).stream
    try:
        seen = repr(WAYS[environ["PATH_INFO"]](body))
    except OverflowError as error:
        seen = type(error).__name__
    answer = seen.encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
PY
cat >try.py <<'PY'
import http.client, socket, subprocess, time
from app import WAYS


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, b"number\n918867130001\n")
    return connection.getresponse().read().decode()


port = free_port()
servers = {
    "granian": ["venv/bin/granian", "--interface", "wsgi", "--port", str(port), "app:app"],
    "waitress": ["venv/bin/waitress-serve", f"--listen=127.0.0.1:{port}", "app:app"],
}
for name, command in servers.items():
    with open("log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                post(port, "/readline3")
                break
            except OSError:
                time.sleep(0.1)
        for path in WAYS:
            print(name, path, post(port, path))
        print(name, "werkzeug", post(port, "/readline-read?werkzeug"))
    finally:
        server.terminate()
        server.wait(30)
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
granian /readline-read [b'number\n', b'']
granian /readline-readlines [b'number\n', []]
granian /readline-iterate [b'number\n', [b'918867130001\n']]
granian /read2-readlines [b'nu', []]
granian /readline3 [b'number\n']
granian /read-minus-one OverflowError
granian werkzeug [b'number\n', b'']
waitress /readline-read [b'number\n', b'918867130001\n']
waitress /readline-readlines [b'number\n', [b'918867130001\n']]
waitress /readline-iterate [b'number\n', [b'918867130001\n']]
waitress /read2-readlines [b'nu', [b'mber\n', b'918867130001\n']]
waitress /readline3 [b'num']
waitress /read-minus-one [b'number\n918867130001\n']
waitress werkzeug [b'number\n', b'918867130001\n']
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: how granian's wsgi.input reads" >&2; exit 1; }
echo "$seen"
