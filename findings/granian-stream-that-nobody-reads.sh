#!/usr/bin/env bash
# Guess:    who awaits a stream's send_bytes waits until the client has read on, as granian's WSGI does
#           with the next part of an iterable and its ASGI with send.
# Seen:     on RSGI it never waits: all that is sent stands in the server's memory while nobody reads. A
#           pipe that is sent by response_file("/dev/fd/N") is read only as the client reads, and breaks
#           when the client is gone.
# Matters:  an export of 64 MB to a slow client costs 64 MB, to twenty of them more than a gigabyte.
# Versions: granian 2.8.9.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check granian==2.8.9

cat >try.py <<'PY'
import asyncio, os, socket, threading, time

from granian.constants import Interfaces
from granian.server.embed import Server

PART, PARTS = b"x" * 65536, 1000
told = {"stream": 0, "pipe": 0, "broken": 0}


async def app(scope, protocol):
    if scope.path == "/pipe":
        read, write = os.pipe()
        protocol.response_file(200, [], f"/dev/fd/{read}")
        await asyncio.to_thread(fill, read, write)
        return
    stream = protocol.response_stream(200, [])
    for _ in range(PARTS):
        await stream.send_bytes(PART)
        told["stream"] += 1


def fill(read, write):
    try:
        for number in range(PARTS):
            os.write(write, PART)
            if number == 3:
                os.close(read)  # the server has opened it by now: a pipe holds one part
            told["pipe"] += 1
    except BrokenPipeError:
        told["broken"] += 1


with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
server = Server(app, port=port, interface=Interfaces.RSGI, log_enabled=False)
threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True).start()
time.sleep(1)
for path in ("/stream", "/pipe"):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: tracker.example\r\n\r\n".encode())
    client.recv(10)
    time.sleep(1.5)
    name = path[1:]
    print(name, "all of it taken" if told[name] == PARTS else "waits for the client")
    client.close()
time.sleep(2)
print("pipes broken by it:", told["broken"])
os._exit(0)
PY
seen=$(venv/bin/python -u try.py 2>/dev/null)
expected=$(cat <<'END'
stream all of it taken
pipe waits for the client
pipes broken by it: 1
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: a stream that nobody reads" >&2; exit 1; }
echo "$seen"
