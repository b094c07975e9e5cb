#!/usr/bin/env bash
# Guess:    threads that need a connection from peewee's pool while the database does not answer each fail
#           after `connect_timeout`, or after the pool's `timeout` (how long to wait for a connection).
# Seen:     the pool opens connections under its lock, one after another. Of four threads with
#           connect_timeout=2 and timeout=1 the first fails after about 2 s, the others after 4, 6 and 8:
#           neither limit bounds the wait, which grows with the number of threads. Who only gives a
#           connection back needs that lock, too.
# Matters:  a database that hangs for a moment makes a web server's threads stand in line for minutes,
#           and a caller that waits three seconds never hears of it. Opening outside of the lock, or
#           holding connections open, restores the guess.
# Versions: peewee 4.5.3, psycopg 3.3.9.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check peewee==4.5.3 'psycopg[binary]==3.3.9'

cat >try.py <<'PY'
import socket, threading, time
from peewee import OperationalError
from playhouse.pool import PooledPostgresqlDatabase

silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never says a word
url = f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/name?connect_timeout=2&sslmode=disable"
pool = PooledPostgresqlDatabase(url, max_connections=20, timeout=1, prefer_psycopg3=True)
waited = []


def connect():
    begun = time.monotonic()
    try:
        pool.connect()
    except OperationalError:
        waited.append(time.monotonic() - begun)


threads = [threading.Thread(target=connect) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
first = waited[0]
print("all failed:", len(waited) == 4)
print("the last waited so many times as long as the first:", round(waited[-1] / first))
print("each waited longer than the one before by about as long as the first:",
      all(abs((late - early) / first - 1) < 0.5 for early, late in zip(waited, waited[1:])))
PY
seen=$(venv/bin/python try.py)
expected=$(cat <<'END'
all failed: True
the last waited so many times as long as the first: 4
each waited longer than the one before by about as long as the first: True
END
)
diff <(echo "$expected") <(echo "$seen") || { echo "changed: how the pool opens connections" >&2; exit 1; }
echo "$seen"
