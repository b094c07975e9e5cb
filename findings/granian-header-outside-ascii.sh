#!/usr/bin/env bash
# Guess:    PEP 3333 has one way for header bytes outside ASCII: each byte becomes the character of
#           that number (latin-1), so that the application can undo it.
# Seen:     granian keeps the header's name and hands over an empty value, so the ASCII part of it is gone
#           too; the other headers arrive. waitress hands over all of it.
# Matters:  a webhook whose secret holds an accented letter is refused as if no secret had been sent,
#           and an empty header says nothing of why. Secrets for webhooks have to be ASCII.
# Versions: granian 2.8.9, waitress 3.0.2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check granian==2.8.9 waitress==3.0.2

cat >app.py <<'PY'
def app(environ, start_response):
    names = "HTTP_AUTHORIZATION", "HTTP_X_PLAIN"
    answer = ascii([environ.get(name) for name in names]).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
PY
cat >try.py <<'PY'
import socket, subprocess, time

REQUEST = (
    "POST / HTTP/1.1\r\nHost: tracker.example\r\nConnection: close\r\n"
    "Authorization: Bearer clé-d-exemple\r\nX-Plain: abc\r\nContent-Length: 0\r\n\r\n"
).encode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(REQUEST)
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b" ")[1].decode() + " " + body.decode()


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
                seen = send(port)
                break
            except OSError:
                time.sleep(0.1)
        print(name, seen)
    finally:
        server.terminate()
        server.wait(30)
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
granian 200 ['', 'abc']
waitress 200 ['Bearer cl\xc3\xa9-d-exemple', 'abc']
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: header bytes outside ASCII" >&2; exit 1; }
echo "$seen"
